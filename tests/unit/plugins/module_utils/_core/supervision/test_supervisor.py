# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    POSTCOPY,
    Flags,
    Plan,
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase, Progress
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record, replay
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, done, first_pass, look, only

NEVER = Policy(max_downtime_ms=1000, postcopy="never", patience_s=5, deadline_s=600)
PLAN = Plan(flags=Flags(), start_limit_ms=300)
SPLITTABLE = replace(PLAN, flags=Flags(postcopy=True))


def at_boundary(supervisor: Supervisor, at_s: float, pass_number: int, left_mib: float, **more: t.Any) -> list[Action]:
    return supervisor.observe(look(at_s, pass_number, left_mib, **more), at_sync=True)


def stuck(policy: Policy, plan: Plan = PLAN, left_mib: float = 400) -> tuple[Supervisor, list[Action]]:
    """A guest of which two passes leave the same; what was decided at the second boundary."""
    supervisor = Supervisor(policy, plan)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, left_mib)
    for at_s in (11, 12, 13):
        supervisor.observe(look(at_s, 2, left_mib - 100 * (at_s - 10)))
    at_boundary(supervisor, 14, 3, left_mib)
    for at_s in (15, 16, 17):
        supervisor.observe(look(at_s, 3, left_mib - 100 * (at_s - 14)))
    return supervisor, at_boundary(supervisor, 18, 4, left_mib)


# --- nothing while it gets less


def test_nothing_is_done_while_passes_get_it_down() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    assert done(first_pass(supervisor)) == []
    for number, left in ((2, 600), (3, 400), (4, 250)):
        action = only(at_boundary(supervisor, 8 + number, number, left))
        assert (action.kind, action.reason) == (Kind.WAIT, "SHRINKING")


def test_between_boundaries_nothing_is_compared() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    # A sawtooth: what is left falls within the pass and would fit, which means nothing.
    assert supervisor.observe(look(13.9, 2, 10)) == []


def test_a_finish_that_fits_the_limit_is_left_to_qemu() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 20)).reason == "FINISHING"


# --- the downtime that is needed


def test_the_needed_downtime_is_set_once_when_a_pass_does_not_get_it_down() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 60)
    action = only(at_boundary(supervisor, 10.6, 3, 60))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "NEEDED_DOWNTIME")
    assert 600 <= (action.value or 0) <= highest_limit_ms(1000)
    assert action.numbers["needed_downtime_ms"] == 600
    assert only(at_boundary(supervisor, 11.2, 4, 60, limit_ms=int(action.value or 0))).kind is Kind.WAIT


def test_a_measured_set_finishes_at_the_first_boundary() -> None:
    supervisor = Supervisor(NEVER, replace(PLAN, set_bytes=60 * MIB, rate_bytes_per_s=500 * MIB))
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 60)).kind is Kind.SET_DOWNTIME


def test_patience_ends_the_waiting_for_less() -> None:
    supervisor = Supervisor(replace(NEVER, max_downtime_ms=8000), PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 700)).kind is Kind.WAIT
    assert only(at_boundary(supervisor, 17, 3, 500)).kind is Kind.SET_DOWNTIME


def test_no_more_than_the_policy() -> None:
    supervisor, actions = stuck(NEVER)
    assert done(actions) == []
    assert only(actions).reason == "LINGERING"
    assert not supervisor.done


def test_a_busy_spell_is_no_moment_to_finish() -> None:
    supervisor = Supervisor(replace(NEVER, patience_s=60), PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 35)
    assert only(at_boundary(supervisor, 11.5, 3, 90)).kind is Kind.WAIT


def test_a_limit_that_qemu_does_not_meet_is_raised() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 20)
    action = only(at_boundary(supervisor, 11.5, 9, 20))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "LIMIT_NOT_MET")
    assert 300 < (action.value or 0) <= highest_limit_ms(1000)


def test_the_limit_at_first() -> None:
    fresh = Supervisor(NEVER, replace(PLAN, start_limit_ms=60))
    assert done(fresh.observe(look(0.5, 1))) == [(Kind.SET_DOWNTIME, 60)]
    assert fresh.observe(look(1, 1, limit_ms=60)) == []
    adopted = Supervisor(NEVER, adopted_plan())
    assert done(adopted.observe(look(5, 1, limit_ms=30_000))) == [(Kind.SET_DOWNTIME, highest_limit_ms(1000))]
    assert done(Supervisor(NEVER, adopted_plan()).observe(look(5, 1, limit_ms=30))) == []


# --- post-copy


def test_post_copy_when_passes_do_not_get_it_down() -> None:
    _supervisor, actions = stuck(Policy(max_downtime_ms=500), SPLITTABLE)
    action = only(actions)
    assert (action.kind, action.reason) == (Kind.START_POSTCOPY, "POSTCOPY_NEEDED")


def test_one_long_pass_is_enough_to_see_it() -> None:
    supervisor = Supervisor(Policy(max_downtime_ms=500), SPLITTABLE)
    first_pass(supervisor)
    assert done(at_boundary(supervisor, 10, 2, 900)) == [(Kind.START_POSTCOPY, None)]


@pytest.mark.parametrize(
    ("policy", "plan"),
    [(NEVER, SPLITTABLE), (Policy(max_downtime_ms=500), PLAN)],
    ids=["not allowed", "not flagged"],
)
def test_no_post_copy(policy: Policy, plan: Plan) -> None:
    _supervisor, actions = stuck(policy, plan)
    assert done(actions) == []


def test_post_copy_that_was_refused_is_not_tried_again() -> None:
    supervisor, actions = stuck(Policy(max_downtime_ms=500), replace(PLAN, flags=Flags(None, None)))
    assert done(actions) == [(Kind.START_POSTCOPY, None)]
    refused = [ActionResult(Kind.START_POSTCOPY, "requires VIR_MIGRATE_POSTCOPY")]
    supervisor.observe(look(18.5, 4, 350), results=refused)
    assert done(at_boundary(supervisor, 22, 5, 400)) == []


def test_post_copy_waits_for_a_steady_link() -> None:
    supervisor = Supervisor(Policy(max_downtime_ms=500), SPLITTABLE)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    at_boundary(supervisor, 14, 3, 400)
    for at_s in (15, 16, 17):  # the link is down: nothing is sent
        supervisor.observe(look(at_s, 3, 300, sent_mib=1500))
    assert done(at_boundary(supervisor, 18, 4, 400, sent_mib=1500)) == []
    actions: list[Action] = []
    for at_s in (19, 20, 21, 22):
        actions += supervisor.observe(look(at_s, 4, 400 - 50 * (at_s - 18), sent_mib=1500 + 100 * (at_s - 18)))
    assert done(actions) == [(Kind.START_POSTCOPY, None)]


def test_a_measured_guest_is_split_in_the_first_pass() -> None:
    plan = replace(SPLITTABLE, way=POSTCOPY, postcopy_share=0.3)
    supervisor = Supervisor(Policy(max_downtime_ms=500, postcopy="prefer"), plan)
    when = [at_s for at_s in range(10) if done(supervisor.observe(look(at_s + 0.5, 1, 950 - 100 * at_s)))]
    assert when[0] in (2, 3)


def test_prefer_splits_only_where_it_pays() -> None:
    policy = Policy(max_downtime_ms=200, postcopy="prefer")
    for left, expected in ((50, []), (500, [(Kind.START_POSTCOPY, None)])):
        supervisor = Supervisor(policy, replace(SPLITTABLE, start_limit_ms=100))
        first_pass(supervisor, limit_ms=100)
        assert done(at_boundary(supervisor, 10, 2, left, limit_ms=100)) == expected


# --- a pause, and its end


def test_a_pause_that_is_allowed_is_taken_as_a_limit() -> None:
    supervisor = Supervisor(replace(NEVER, max_pause_s=10), PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 900)).kind is Kind.WAIT  # one pass proves nothing
    action = only(at_boundary(supervisor, 19, 3, 900))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "NEEDED_PAUSE")
    assert 9000 <= (action.value or 0) <= 10_000
    undone = supervisor.observe(look(49, 3, 10, sent_mib=2000))
    assert done(undone) == [(Kind.SET_DOWNTIME, highest_limit_ms(1000))]


def test_standing_still_longer_than_allowed_ends_in_an_abort() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert done(supervisor.observe(look(10, 2, 600, phase=Phase.SWITCHOVER))) == []
    assert done(supervisor.observe(look(12, 2, 400, phase=Phase.SWITCHOVER))) == []
    assert done(supervisor.observe(look(13.5, 2, 250, phase=Phase.SWITCHOVER))) == [(Kind.ABORT, None)]


def test_the_last_bytes_are_waited_for() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    for at_s, left in ((10, 390), (12, 190), (13.5, 40), (14, 0), (40, 0)):
        assert done(supervisor.observe(look(at_s, 2, left, phase=Phase.SWITCHOVER))) == []
    assert done(supervisor.observe(look(71, 2, 0, phase=Phase.SWITCHOVER))) == [(Kind.ABORT, None)]


# --- the end of the policy


@pytest.mark.parametrize(("choice", "kind"), [("abort", Kind.ABORT), ("leave", Kind.LEAVE), ("pause", Kind.SUSPEND)])
def test_at_the_deadline_the_policy_says_what_is_done(choice: str, kind: Kind) -> None:
    policy = replace(NEVER, on_hopeless=choice, max_pause_s=9 if choice == "pause" else 0, max_throttle_percent=0)
    supervisor, _actions = stuck(replace(policy, deadline_s=19))
    action = only([a for a in supervisor.observe(look(20, 4, 200)) if a.apply])
    assert (action.kind, action.reason) == (kind, "DEADLINE")
    assert action.numbers["diagnosis"] == "DIRTY_RATE"
    assert supervisor.done is (choice == "leave")


def test_no_more_data_than_allowed() -> None:
    supervisor, _actions = stuck(replace(NEVER, max_data_factor=2))
    action = only([a for a in supervisor.observe(look(21, 4, 100)) if a.apply])
    assert (action.kind, action.reason) == (Kind.ABORT, "DATA_LIMIT")


def test_no_more_throttle_than_allowed() -> None:
    supervisor, _actions = stuck(NEVER)
    assert done(supervisor.observe(look(19, 4, 300, throttle_percent=60))) == []
    assert done(supervisor.observe(look(19.5, 4, 300, throttle_percent=70))) == [(Kind.ABORT, None)]


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


def test_an_adopted_job_is_not_blamed_for_its_past() -> None:
    supervisor = Supervisor(NEVER, adopted_plan())
    sample = look(100_000, 40, 300, dirty_pages_per_s=25_000, expected_downtime_ms=4000)
    assert done(supervisor.observe(sample)) == []


def test_an_abort_that_comes_to_nothing_is_repeated_and_then_told() -> None:
    supervisor, _actions = stuck(replace(NEVER, deadline_s=19))
    given = []
    for step in range(60):
        given += done(supervisor.observe(look(20 + 5 * step, 4, 200)))
    assert [kind for kind, _value in given] == [Kind.ABORT] * 3 + [Kind.LEAVE]


def test_a_dead_link_is_waited_for_and_then_given_up() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    actions = [a for at_s in range(10, 75) for a in supervisor.observe(look(at_s, 1, 50, sent_mib=950))]
    assert [action.reason for action in actions] == ["NETWORK_STALL", "NETWORK_STALL"]
    assert done(actions) == [(Kind.ABORT, None)]


def test_set_up_that_never_ends() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    nothing = replace(look(0, 0, phase=Phase.SETUP), memory=Progress())
    given = [done(supervisor.observe(replace(nothing, at_s=float(at_s)))) for at_s in range(0, 200, 10)]
    assert [(Kind.ABORT, None)] in given
    assert all(not each for each in given[:18])


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


def test_disks_have_a_deadline_of_their_own() -> None:
    def copying(at_s: float) -> list[Action]:
        disk = Progress(1 << 40, int(at_s * 1e6), 1 << 39)
        return supervisor.observe(replace(look(at_s, 0), memory=Progress(), disk=disk))

    supervisor = Supervisor(replace(NEVER, deadline_s=10, storage_deadline_s=100), PLAN)
    assert done([a for at_s in range(1, 100, 5) for a in copying(at_s)]) == []
    action = only([a for a in copying(110) if a.apply])
    assert (action.kind, action.reason) == (Kind.ABORT, "STORAGE_DEADLINE")


# --- jobs of somebody else


def test_a_stuck_job_that_is_met_late_is_helped_at_once() -> None:
    supervisor = Supervisor(replace(NEVER, max_downtime_ms=5000), adopted_plan())
    sample = look(600, 40, 300, sent_mib=60_000, dirty_pages_per_s=25_000, expected_downtime_ms=4000)
    action = only(supervisor.observe(sample))
    assert action.kind is Kind.SET_DOWNTIME
    assert 4000 <= (action.value or 0) <= highest_limit_ms(5000)


def test_a_bandwidth_limit_is_lifted_only_where_it_is_ours_to_lift() -> None:
    for ceiling, expected in ((None, []), (0, [(Kind.SET_BANDWIDTH, 0)]), (200, [(Kind.SET_BANDWIDTH, 200)]), (50, [])):
        supervisor = Supervisor(NEVER, replace(PLAN, bandwidth_mib_per_s=ceiling))
        first_pass(supervisor, limits={"bandwidth_mib_per_s": 105})
        assert done(at_boundary(supervisor, 10, 2, 400, limits={"bandwidth_mib_per_s": 105})) == expected
        assert done(at_boundary(supervisor, 14, 3, 200, limits={"bandwidth_mib_per_s": 105})) == []


def test_a_job_without_pass_numbers() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    for at_s in range(10):
        supervisor.observe(look(at_s + 0.5, None, 1000 - 100 * at_s))
    assert only(supervisor.observe(look(10, None, 500), at_sync=True)).reason == "SHRINKING"


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.NONE])
def test_it_is_done_when_the_job_is(phase: Phase) -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert supervisor.observe(look(11, 2, 0, phase=phase)) == []
    assert supervisor.outcome == phase.value
    assert supervisor.observe(look(12, 2, 0)) == []


# --- observe, and the record


def test_observing_decides_the_same_and_applies_nothing() -> None:
    policy = replace(NEVER, max_downtime_ms=5000)
    acted, observed = stuck(policy)[0], stuck(replace(policy, mode="observe"))[0]
    assert acted.history.boundaries == observed.history.boundaries
    wishes = Supervisor(replace(policy, mode="observe"), PLAN)
    first_pass(wishes)
    at_boundary(wishes, 10, 2, 400)
    action = only(at_boundary(wishes, 14, 3, 400))
    assert (action.kind, action.apply) == (Kind.SET_DOWNTIME, False)
    assert at_boundary(wishes, 18, 4, 400) == []  # said once


def test_a_record_is_json_and_can_be_replayed() -> None:
    record = Record(Supervisor(replace(NEVER, max_downtime_ms=5000), PLAN), name="erp01", uuid="u")
    for at_s in range(1, 10):
        record.observe(look(at_s, 1, 1000 - 100 * at_s))
    record.observe(look(10, 2, 400), at_sync=True, results=[ActionResult(Kind.SET_DOWNTIME, "no")], path_ok=True)
    record.observe(look(14, 3, 400), at_sync=True)
    record.observe(replace(look(18, 3, 0, phase=Phase.COMPLETED), downtime_ms=3900))
    document = json.loads(json.dumps(record.document(destination="kvm02")))
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


def test_post_copy_is_asked_for_once_while_qemu_takes_its_time() -> None:
    plan = replace(SPLITTABLE, way=POSTCOPY, postcopy_share=0.2)
    supervisor = Supervisor(Policy(max_downtime_ms=500, postcopy="prefer"), plan)
    given = [kind for step in range(20) for kind, _v in done(supervisor.observe(look(step / 2, 1, 1000 - 50 * step)))]
    assert given == [Kind.START_POSTCOPY]


def test_zero_pages_say_nothing_about_the_link() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    for step in range(20):
        supervisor.observe(look(step / 2, 1, 90_000 - 50 * step, total_mib=90_000))
    for at_s, left in ((10.5, 60_000), (11.5, 30_000), (12.5, 0)):
        supervisor.observe(look(at_s, 1, left, sent_mib=940 + at_s, total_mib=90_000))
    assert supervisor.history.bandwidth_bytes_per_s == pytest.approx(100 * MIB, rel=0.05)


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
