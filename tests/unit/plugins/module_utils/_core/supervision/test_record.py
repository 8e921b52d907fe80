# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import (
    Record,
    replay,
    supervision_facts,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN


def test_a_record_is_json_and_can_be_replayed() -> None:
    hosts = {"destination": "kvm02"}
    record = Record(Supervisor(replace(NEVER, max_downtime_ms=5000), PLAN), name="erp01", uuid="u", facts=hosts)
    for at_s in range(1, 10):
        record.observe(look(at_s, 1, 1000 - 100 * at_s))
    record.observe(look(10, 2, 400), at_sync=True, results=[ActionResult(Kind.SET_DOWNTIME, "no")], path_ok=True)
    record.observe(look(14, 3, 400), at_sync=True)
    record.observe(replace(look(18, 3, 0, phase=Phase.COMPLETED), downtime_ms=3900))
    document = json.loads(json.dumps(record.document()))
    assert (document["name"], document["outcome"], document["downtime_ms"]) == ("erp01", "completed", 3900)
    assert document["destination"] == "kvm02"
    assert document["decisions"]
    assert replay(document) == document["decisions"]
    with pytest.raises(ValueError, match="version 2"):
        replay({**document, "version": 2})


def test_a_long_record_is_thinned_and_says_so() -> None:
    record = Record(Supervisor(replace(NEVER, on_hopeless="leave"), PLAN))
    for number in range(9000):
        record.observe(look(number / 20, 1, 1000 - number / 20, sent_mib=number))
    document = record.document()
    assert document["thinned"] is True
    assert len(document["looks"]) <= 4001


def test_return_values() -> None:
    record = Record(Supervisor(NEVER, PLAN))
    assert supervision_facts([], None, record)["elapsed_ms"] is None
    found = supervision_facts([Action(Kind.ABORT, "DEADLINE", "the deadline is over")], look(3, 1, 100), record)
    assert [one["action"] for one in found["actions"]] == ["abort"]
    assert set(found) == {"actions", "downtime_ms", "elapsed_ms", "record"}
