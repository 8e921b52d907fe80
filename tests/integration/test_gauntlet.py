# SPDX-License-Identifier: GPL-3.0-or-later
"""A slice of the gauntlet: ours and one peer on a small busy guest; and that harm to a guest is not overlooked."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from bench.runs import Ansible
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

from ansible_collections.virtops.live_migration.tests.gauntlet.ours import module_is_there
from ansible_collections.virtops.live_migration.tests.gauntlet.report import text
from ansible_collections.virtops.live_migration.tests.gauntlet.results import Key, Store, read
from ansible_collections.virtops.live_migration.tests.gauntlet.runner import Gauntlet, HarmedError
from ansible_collections.virtops.live_migration.tests.gauntlet.score import broken_rules, cell

WORKLOAD, CONTRACT = "large hot set", "postcopy"
SMALL = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=16, pages_per_s=20_000)
PEER = "virsh postcopy-after-precopy"


@pytest.fixture
def gauntlet(lab: Lab, ansible: Ansible, tmp_path: Path) -> t.Iterator[Gauntlet]:
    way = "module" if module_is_there() else "engine"
    store = Store(tmp_path / "results.jsonl")
    made = Gauntlet(lab, store, ansible, {WORKLOAD: SMALL}, way=way, records=tmp_path / "records")
    yield made
    made.stage.clear()


def test_ours_and_a_peer_side_by_side(lab: Lab, gauntlet: Gauntlet) -> None:
    path = gauntlet.store.path
    ours = gauntlet.run(Key(WORKLOAD, "ours", CONTRACT, 0))
    peer = gauntlet.run(Key(WORKLOAD, PEER, "", 0))
    results = read(path)
    (calibration,) = results.calibrations
    assert results.runs == [ours, peer]

    # 400 Mbit/s are 47.7 MiB/s, less on a busy machine, and the guest's own 112 MiB are not all that it uses.
    assert 10 < calibration.link_bytes_per_s / (1 << 20) < 50
    assert 112 < calibration.touched_bytes / (1 << 20) < 200
    for run in (ours, peer):
        assert broken_rules(run, CONTRACT) == []
        assert run.sent_bytes > 0.9 * calibration.touched_bytes
        assert 0 < run.longest_gap_ms < 1000 * run.total_s
        assert 0.3 * SMALL.pages_per_s < run.rate_before_pages_per_s < 1.2 * SMALL.pages_per_s
    assert [each["action"] for each in peer.actions] == ["start_postcopy"]
    assert peer.split_s > 0
    (record,) = path.with_name("records").iterdir()
    assert json.loads(record.read_text(encoding="utf-8"))["forecast"] is not None
    found = cell(results, WORKLOAD, CONTRACT)
    assert found.best is not None and found.best.strategy == PEER
    assert PEER in text(results)

    actor, _new = gauntlet.stage.enter(WORKLOAD)
    lab.guest_corrupt(actor.uuid)
    with pytest.raises(HarmedError, match="bad_pages=1"):
        gauntlet.run(Key(WORKLOAD, PEER, "", 1))
    assert [run.intact for run in read(path).runs] == [True, True, False]
