# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase, Progress
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck


def test_no_more_data_than_allowed() -> None:
    supervisor, _actions = stuck(replace(NEVER, max_data_factor=2))
    action = only([a for a in supervisor.observe(look(21, 4, 100)) if a.apply])
    assert (action.kind, action.reason) == (Kind.ABORT, "DATA_LIMIT")


def test_an_adopted_job_is_not_blamed_for_its_past() -> None:
    supervisor = Supervisor(NEVER, adopted_plan())
    sample = look(100_000, 40, 300, dirty_pages_per_s=25_000, expected_downtime_ms=4000)
    assert done(supervisor.observe(sample)) == []


def test_set_up_that_never_ends() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    nothing = replace(look(0, 0, phase=Phase.SETUP), memory=Progress())
    given = [done(supervisor.observe(replace(nothing, at_s=float(at_s)))) for at_s in range(0, 200, 10)]
    assert [(Kind.ABORT, None)] in given
    assert all(not each for each in given[:18])


@pytest.mark.parametrize(("phase", "left"), [(Phase.SETUP, "ABORT_PENDING"), (Phase.PRECOPY, "ABORT_FAILED")])
def test_an_abort_that_is_not_carried_out_is_repeated_and_then_told(phase: Phase, left: str) -> None:
    """While the destination gets the guest ready libvirt heeds none: the job will end, and nothing is to be ended."""
    supervisor = Supervisor(NEVER, PLAN)
    nothing = replace(look(0, 0, phase=Phase.SETUP), memory=Progress())
    phases = [(float(at_s), Phase.SETUP if at_s < 200 else phase) for at_s in range(0, 400, 5)]
    given = [one for at_s, now in phases for one in supervisor.observe(replace(nothing, at_s=at_s, phase=now))]
    ordered = [(one.kind, one.reason) for one in given if one.apply]
    assert ordered == [
        (Kind.ABORT, "SETUP_SLOW"),
        (Kind.ABORT, "ABORT_FAILED"),
        (Kind.ABORT, "ABORT_FAILED"),
        (Kind.LEAVE, left),
    ]
    assert supervisor.outcome == "left"


def test_disks_have_a_deadline_of_their_own() -> None:
    def copying(at_s: float) -> list[Action]:
        disk = Progress(1 << 40, int(at_s * 1e6), 1 << 39)
        return supervisor.observe(replace(look(at_s, 0), memory=Progress(), disk=disk))

    supervisor = Supervisor(replace(NEVER, deadline_s=10, storage_deadline_s=100), PLAN)
    assert done([a for at_s in range(1, 100, 5) for a in copying(at_s)]) == []
    action = only([a for a in copying(110) if a.apply])
    assert (action.kind, action.reason) == (Kind.ABORT, "STORAGE_DEADLINE")


@pytest.mark.parametrize(
    ("memory_gib", "setup_deadline_s", "ends_s"),
    [(None, None, 180), (4, None, 184), (1024, None, 1204), (6144, None, 6324), (6144, 60.0, 60), (4, 3600.0, 3600)],
)
@pytest.mark.parametrize("on_hopeless", ["abort", "leave", "pause"])
def test_a_big_guest_may_be_in_preparation_for_longer(
    memory_gib: int | None, setup_deadline_s: float | None, ends_s: int, on_hopeless: str
) -> None:
    """Memory that is allocated beforehand is cleared first. The end is the policy's, of others' jobs and ours."""
    policy = replace(NEVER, setup_deadline_s=setup_deadline_s, max_pause_s=5, on_hopeless=on_hopeless)
    plan = replace(PLAN, memory_bytes=memory_gib and memory_gib << 30)
    supervisor = Supervisor(policy, plan)
    nothing = replace(look(0, 0, phase=Phase.SETUP), memory=Progress())
    assert done(supervisor.observe(nothing)) == []
    assert done(supervisor.observe(replace(nothing, at_s=float(ends_s)))) == []
    action = only(supervisor.observe(replace(nothing, at_s=ends_s + 1.0)))
    assert action.reason == "SETUP_SLOW"
    assert action.kind is (Kind.LEAVE if on_hopeless == "leave" else Kind.ABORT)


# Met at 80 % where 60 % are allowed, and stuck; QEMU expects what is left at its syncs to take this long.
def met_throttled(policy: Policy, postcopy: bool, needed_ms: int, percent: int = 80) -> list[Action]:
    supervisor = Supervisor(policy, adopted_plan(postcopy, True))
    given: list[Action] = []
    for step in range(12):
        sample = look(
            600 + step / 2,
            40,
            50,
            sent_mib=60_000 + 50 * step,
            dirty_pages_per_s=25_000,
            expected_downtime_ms=needed_ms,
            throttle_percent=percent,
        )
        given += [action for action in supervisor.observe(sample) if action.apply]
    return given


def test_a_throttle_that_somebody_else_set_is_no_breach() -> None:
    """The downtime that the policy allows would do: it is set, instead of the job being left at the first look."""
    action = only(met_throttled(replace(NEVER, max_downtime_ms=5000), False, 4000))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "NEEDED_DOWNTIME")


def test_a_throttle_that_rises_while_the_switch_is_due_is_no_end() -> None:
    """QEMU slows the guest down a little more in the pass in which the needed downtime was set: that pass may end.
    Where it does not switch over then, the limit of the policy holds."""
    policy = replace(NEVER, max_downtime_ms=5000, max_throttle_percent=20, on_hopeless="leave")
    supervisor = Supervisor(policy, adopted_plan(False, True))

    def seen(at_s: float, number: int, percent: int, limit_ms: int = 4650) -> list[tuple[Kind, str]]:
        rates = {"dirty_pages_per_s": 25_000, "expected_downtime_ms": 4000, "throttle_percent": percent}
        sample = look(at_s, number, 50, sent_mib=60_000 + int(100 * (at_s - 600)), **rates)
        sample = replace(sample, limits=replace(sample.limits, max_downtime_ms=limit_ms))
        return [(action.kind, action.reason) for action in supervisor.observe(sample) if action.apply]

    assert seen(600, 40, 36, limit_ms=300) == [(Kind.SET_DOWNTIME, "NEEDED_DOWNTIME")]
    assert seen(600.5, 40, 37) == []
    assert seen(602, 40, 37) == []
    later = [given for step in range(20) for given in seen(602.5 + step, 42 + step, 37)]
    assert later[-1] == (Kind.LEAVE, "THROTTLE_LIMIT")


def test_a_job_that_is_met_throttled_may_go_by_postcopy() -> None:
    action = met_throttled(replace(NEVER, postcopy="if_needed"), True, 4000)[-1]
    assert (action.kind, action.reason) == (Kind.START_POSTCOPY, "POSTCOPY_NEEDED")


def test_a_job_that_is_met_throttled_goes_on_where_nothing_is_allowed() -> None:
    assert [action.kind for action in met_throttled(NEVER, False, 4000)] == []


@pytest.mark.parametrize(
    ("postcopy", "left_mib", "kind"),
    [(False, 90, Kind.SET_DOWNTIME), (True, 400, Kind.START_POSTCOPY), (False, 400, Kind.LEAVE)],
)
def test_what_is_allowed_comes_before_the_end_at_the_throttle_limit(postcopy: bool, left_mib: int, kind: Kind) -> None:
    policy = replace(NEVER, postcopy="if_needed", on_hopeless="leave", max_data_factor=100)
    supervisor = Supervisor(policy, adopted_plan(postcopy, True))
    first_pass(supervisor)
    # It gets less, so that nothing is done yet, until QEMU slows the guest down by more than is allowed.
    at_boundary(supervisor, 10, 2, 800)
    at_boundary(supervisor, 18, 3, left_mib)
    given: list[Action] = []
    for step in range(12):
        at_s = 18.5 + step / 2
        sample = look(at_s, 3, left_mib - 5 * (step + 1), throttle_percent=70)
        given += [one for one in supervisor.observe(sample) if one.apply]
    assert [one.kind for one in given if one.reason != "FIRST_LIMIT"][:1] == [kind]


def test_no_switch_in_place_of_the_end_where_a_device_cannot_go_by_postcopy() -> None:
    plan = replace(adopted_plan(True, True, host_devices=1))
    supervisor = Supervisor(replace(NEVER, postcopy="if_needed", on_hopeless="leave"), plan)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 800)
    at_boundary(supervisor, 18, 3, 400)
    assert done(supervisor.observe(look(18.5, 3, 350, throttle_percent=70))) == [(Kind.LEAVE, None)]


@pytest.mark.parametrize(("memory_gib", "ends_s"), [(1, 60), (1024, 450)])
def test_pages_of_zeros_take_their_time(memory_gib: int, ends_s: int) -> None:
    """Of 1 TiB that the guest does not use the first pass reads all: 71 s, and six times that is the deadline."""
    plan = replace(PLAN, memory_bytes=memory_gib << 30, touched_bytes=400 * MIB)
    supervisor = Supervisor(replace(NEVER, deadline_s=None, max_data_factor=1000), plan)
    ended = [at_s for at_s in range(500) if done(supervisor.observe(look(at_s + 0.5, 1, 500)))]
    assert abs(ended[0] - ends_s) <= 3


@pytest.mark.parametrize(("expected_ms", "helped"), [(1000, False), (4000, True)])
def test_what_qemu_expected_before_3_0_is_not_what_is_left(expected_ms: int, helped: bool) -> None:
    """It was the dirty rate over the bandwidth, here 100 MiB/s each: that says nothing of what the passes leave."""
    supervisor = Supervisor(replace(NEVER, max_downtime_ms=5000), adopted_plan())
    sample = look(600, 40, 300, sent_mib=60_000, dirty_pages_per_s=25_600, expected_downtime_ms=expected_ms)
    given = supervisor.observe(sample)
    assert (done(given) != []) is helped
    assert (supervisor.history.last_boundary is not None) is helped
