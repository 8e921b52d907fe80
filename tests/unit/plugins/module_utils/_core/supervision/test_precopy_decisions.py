# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Limits, Progress
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck


def test_nothing_is_done_while_passes_get_it_down() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    assert done(first_pass(supervisor)) == []
    for number, left in ((2, 600), (3, 400), (4, 250)):
        action = only(at_boundary(supervisor, 8 + number, number, left))
        assert (action.kind, action.reason) == (Kind.WAIT, "SHRINKING")


def test_no_more_than_the_policy() -> None:
    supervisor, actions = stuck(NEVER)
    assert done(actions) == []
    assert only(actions).reason == "LINGERING"
    assert not supervisor.done


def test_no_more_throttle_than_allowed() -> None:
    supervisor, _actions = stuck(NEVER)
    assert done(supervisor.observe(look(19, 4, 300, throttle_percent=60))) == []
    assert done(supervisor.observe(look(19.5, 4, 300, throttle_percent=70))) == [(Kind.ABORT, None)]


@pytest.mark.parametrize(("limit_mib_per_s", "last_s"), [(0, 4), (8, 6), (1, 20)])
def test_a_copy_under_a_limit_pauses_and_is_not_silent(limit_mib_per_s: int, last_s: int) -> None:
    """QEMU copies 16 MiB of a disk at once, and waits then."""
    supervisor = Supervisor(NEVER, PLAN)
    copies = {"limits": Limits(300, limit_mib_per_s), "memory": Progress(), "disk": Progress(64 * MIB, 0, 64 * MIB)}
    looks = [replace(look(at_s, 1, 0), **copies) for at_s in range(last_s + 2)]
    reasons = [[action.reason for action in supervisor.observe(one)] for one in looks]
    assert "NETWORK_STALL" not in str(reasons[:-1])
    assert reasons[-1] == ["NETWORK_STALL"]


def test_a_dead_link_is_waited_for_and_then_given_up() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    actions = [a for at_s in range(10, 75) for a in supervisor.observe(look(at_s, 1, 50, sent_mib=950))]
    assert [action.reason for action in actions] == ["NETWORK_STALL", "NETWORK_STALL"]
    assert done(actions) == [(Kind.ABORT, None)]


def test_a_stuck_job_that_is_met_late_is_helped_at_once() -> None:
    supervisor = Supervisor(replace(NEVER, max_downtime_ms=5000), adopted_plan())
    sample = look(600, 40, 300, sent_mib=60_000, dirty_pages_per_s=25_000, expected_downtime_ms=4000)
    action = only(supervisor.observe(sample))
    assert action.kind is Kind.SET_DOWNTIME
    assert 4000 <= (action.value or 0) <= highest_limit_ms(5000, 0)


@pytest.mark.parametrize(("saved", "reason"), [(0.0, "NEEDED_DOWNTIME"), (0.9, None)])
def test_compression_is_given_its_chance(saved: float, reason: t.Optional[str]) -> None:
    plan = replace(PLAN, flags=Flags(xbzrle_cache_bytes=1 << 28))
    supervisor = Supervisor(replace(NEVER, max_downtime_ms=8000, patience_s=0), plan)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 400)).reason == "COMPRESSION"
    assert only(at_boundary(supervisor, 14, 3, 400)).reason == "COMPRESSION"
    actions = supervisor.observe(look(14.6, 3, 340, sent_mib=1400 + 60 * (1 - saved)))
    assert [action.reason for action in actions] == ([reason] if reason else [])


def test_compression_of_short_passes_is_not_waited_for() -> None:
    plan = replace(PLAN, flags=Flags(xbzrle_cache_bytes=1 << 28))
    supervisor = Supervisor(replace(NEVER, patience_s=0), plan)
    first_pass(supervisor)
    for number in (2, 3, 4):
        actions = at_boundary(supervisor, 9.6 + 0.4 * number, number, 40)
    assert done(actions) == [(Kind.SET_DOWNTIME, 520)]


def test_devices_of_the_host_leave_less_of_the_downtime_for_bytes() -> None:
    """800 ms of bytes and four virtual functions, which take 212 ms, are more than a second together."""
    for devices, limits in ((0, [940]), (4, [])):
        supervisor = Supervisor(NEVER, replace(PLAN, host_devices=devices))
        first_pass(supervisor)
        actions = [*at_boundary(supervisor, 10, 2, 80), *at_boundary(supervisor, 14, 3, 80)]
        assert [value for kind, value in done(actions) if kind is Kind.SET_DOWNTIME] == limits
