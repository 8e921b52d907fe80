# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of one guest's migration: figures, bounded words, and names that stay within their labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import adopted_plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    Phase,
    Progress,
    XbzrleCounters,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.guest import (
    guest_metrics,
    two_hosts_metrics,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look
from ansible_collections.virtops.live_migration.tests.unit.plugins.metrics import LINE, record, stuck, values


def test_a_stuck_migration() -> None:
    found = values(guest_metrics(record(*stuck()), 1_700_000_000.25))
    assert found["live_migration_running"] == 1
    assert found["live_migration_phase precopy"] == 1
    # The policy would let it stand still for a second, and it needs two.
    assert found["live_migration_verdict stuck DIRTY_RATE"] == 1
    assert found["live_migration_elapsed_seconds"] == 12
    assert found["live_migration_passes"] == 3
    assert found["live_migration_sent_bytes"] == 1200 << 20
    assert found["live_migration_remaining_bytes"] == 200 << 20
    assert found["live_migration_dirty_bytes_per_second"] == 25_600 * 4096
    assert found["live_migration_throttle_ratio"] == 0.4
    assert found["live_migration_max_downtime_seconds"] == 1
    assert found["live_migration_downtime_limit_seconds"] == 0.3
    assert found["live_migration_needed_downtime_seconds"] == pytest.approx(2, rel=0.1)
    assert found["live_migration_updated_timestamp_seconds"] == 1_700_000_000.25
    assert "live_migration_downtime_seconds" not in found
    assert not any(name.startswith("live_migration_outcome") for name in found)


def test_compression_that_saves_nothing_is_a_reason() -> None:
    """Of a plan that says it is compressed on several connections, and of any with xbzrle."""
    sent = [replace(one, normal_pages=one.memory.processed_bytes // 4096, throttle_percent=0) for one in stuck()]
    sent.append(replace(sent[-1], at_s=14, pass_number=4, normal_pages=(sent[-1].normal_pages or 0) + 51_200))
    sent[-1] = replace(sent[-1], memory=Progress(1000 << 20, 1400 << 20, 200 << 20))
    missed = [replace(one, xbzrle=XbzrleCounters(cache_misses=50_000 * number)) for number, one in enumerate(sent, 1)]
    reason = "live_migration_verdict stuck COMPRESSION_USELESS"
    for plan, looks, useless in (
        (replace(adopted_plan(), parallel_compression=True), sent, True),
        (adopted_plan(), sent, False),
        (adopted_plan(), missed, True),
    ):
        made = Record(Supervisor(Policy(), plan))
        for sample in looks:
            made.observe(sample, at_sync=True)
        assert (reason in values(guest_metrics(made, 1.0))) is useless


def test_the_end_keeps_what_was_seen_last() -> None:
    end = look(13, None, 0, sent_mib=0, total_mib=0, phase=Phase.COMPLETED, downtime_ms=351, name="erp01", uuid="U")
    found = values(guest_metrics(record(*stuck(), end), 1.0))
    assert found["live_migration_running"] == 0
    assert found["live_migration_outcome completed"] == 1
    assert found["live_migration_downtime_seconds"] == 0.351
    assert found["live_migration_sent_bytes"] == 1200 << 20
    assert found["live_migration_remaining_bytes"] == 0


def test_one_that_is_left_goes_on() -> None:
    made = Record(Supervisor(Policy(on_hopeless="leave", postcopy="never", deadline_s=5), adopted_plan()))
    for sample in stuck():
        made.observe(sample, at_sync=True)
    assert made.supervisor.outcome == "left"
    found = values(guest_metrics(made, 1.0))
    assert found["live_migration_outcome left"] == 1
    assert found["live_migration_running"] == 1


def test_before_the_first_look_there_is_nothing() -> None:
    assert guest_metrics(record(), 1.0) == ""


@pytest.mark.parametrize(
    "name",
    ['a"} 1\nnode_load1 99', "back\\slash", "\\", '"', "new\nline", "{}", "日本", "\udcff", "\x00\x1b[2J\r", "a,b=c"],
)
def test_a_name_stays_within_its_label(name: str) -> None:
    text = guest_metrics(record(*stuck(name)), 1.0)
    text.encode("utf-8")
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == len(guest_metrics(record(*stuck("erp01")), 1.0).splitlines())
    for line in lines:
        assert line.startswith(("# HELP live_migration_", "# TYPE live_migration_", "live_migration_")), line
        assert line.startswith("#") or LINE.fullmatch(line), line


@pytest.mark.parametrize("twice", [True, False])
def test_a_guest_on_two_hosts(twice: bool) -> None:
    text = two_hosts_metrics("erp01", "U", twice=twice)
    assert text.splitlines()[2:] == [f'live_migration_guest_on_two_hosts{{guest="erp01",uuid="U"}} {int(twice)}']
