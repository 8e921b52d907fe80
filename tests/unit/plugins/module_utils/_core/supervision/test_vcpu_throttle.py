# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is slowed down by the quotas of its virtual processors: when, by how much, and when no more."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import (
    Record,
    replay,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, stuck

CAN = replace(PLAN, vcpu_quota=True)
ALLOWED = replace(NEVER, max_throttle_percent=60)


class Job:
    """A job whose guest loses what it was ordered to; ``percent``: how much of its time that is."""

    def __init__(self, policy: Policy = ALLOWED, plan: Plan = CAN) -> None:
        self.supervisor, actions = stuck(policy, plan)
        self.at_s, self.number, self.percent = 18.0, 4, 0
        self.first = self.did(actions)

    def did(self, actions: t.Sequence[Action]) -> list[Action]:
        for action in actions:
            if action.kind is Kind.THROTTLE and action.apply:
                self.percent = int(action.value or 0)
        return list(actions)

    def pass_of(self, left_mib: float, seconds: float = 4.0, **more: t.Any) -> list[Action]:
        """The decisions at the next boundary."""
        step = seconds / 4
        for number in range(1, 4):
            self.look(self.at_s + number * step, left_mib * (1 - number / 4))
        self.at_s, self.number = self.at_s + seconds, self.number + 1
        return self.look(self.at_s, left_mib, at_sync=True, **more)

    def look(self, at_s: float, left_mib: float, *, at_sync: bool = False, **more: t.Any) -> list[Action]:
        sample = look(at_s, self.number, left_mib, **{"throttle_percent": self.percent, **more})
        return self.did(self.supervisor.observe(sample, at_sync=at_sync))


def test_step_by_step_to_what_is_allowed() -> None:
    job = Job(replace(ALLOWED, max_throttle_percent=50))
    assert done(job.first) == [(Kind.THROTTLE, 20)]
    assert only(job.first).reason == "THROTTLE_NEEDED"
    assert done(job.pass_of(400)) == [(Kind.THROTTLE, 40)]
    assert done(job.pass_of(400)) == [(Kind.THROTTLE, 50)]
    assert only(job.pass_of(400)).reason == "THROTTLING"


def test_no_further_while_it_gets_less() -> None:
    job = Job()
    assert done(job.pass_of(400)) == [(Kind.THROTTLE, 40)]
    for left in (300, 200):
        assert only(job.pass_of(left)).reason == "SHRINKING"
    # What fits the policy's downtime ends it, as ever; the guest pays for each further pass with 40 %.
    assert Kind.SET_DOWNTIME in [kind for kind, _value in done(job.pass_of(80))]


def test_it_is_given_back_when_it_is_of_no_use() -> None:
    job = Job(replace(ALLOWED, max_throttle_percent=20))
    reasons = [only(job.pass_of(400)).reason for _pass in range(3)]
    assert reasons == ["THROTTLING", "THROTTLING", "THROTTLE_USELESS"]
    assert job.percent == 0
    assert only(job.pass_of(400)).reason == "LINGERING"


def test_a_pause_comes_after_it() -> None:
    job = Job(replace(ALLOWED, max_throttle_percent=20, max_pause_s=8))
    assert done(job.first) == [(Kind.THROTTLE, 20)]
    for _pass in range(3):
        decided = job.pass_of(400)
        assert Kind.SET_DOWNTIME not in [kind for kind, _value in done(decided)]
    assert [one.reason for one in job.pass_of(400)] == ["NEEDED_PAUSE"]


def test_a_short_pass_says_nothing_of_the_last_step() -> None:
    job = Job()
    assert done(job.pass_of(400, seconds=0.6)) == []
    assert done(job.pass_of(400)) == [(Kind.THROTTLE, 40)]


@pytest.mark.parametrize(
    ("policy", "plan"),
    [
        (replace(ALLOWED, max_throttle_percent=0), CAN),
        (ALLOWED, replace(CAN, vcpu_quota=False)),
    ],
)
def test_never_without_the_policy_or_the_means(policy: Policy, plan: Plan) -> None:
    job = Job(policy, plan)
    assert only(job.first).reason == "LINGERING"
    assert done(job.pass_of(400)) == []


def test_with_auto_converge_qemu_does_it() -> None:
    """Both together would take more than either may. Whoever makes the plan sees to that; here it comes first."""
    job = Job(ALLOWED, replace(CAN, flags=Flags(auto_converge=True)))
    assert only(job.first).reason == "THROTTLING"
    assert done(job.first) == []


def test_why_not_is_said_once() -> None:
    job = Job(ALLOWED, replace(PLAN, no_vcpu_quota="it has no control groups"))
    assert [(one.reason, one.because) for one in job.first] == [("NO_VCPU_QUOTA", "it has no control groups")]
    assert only(job.pass_of(400)).reason == "LINGERING"


def test_why_not_is_not_said_where_it_is_not_allowed() -> None:
    job = Job(replace(ALLOWED, max_throttle_percent=0), replace(PLAN, no_vcpu_quota="it has no control groups"))
    assert only(job.first).reason == "LINGERING"


def test_what_is_refused_is_not_tried_again() -> None:
    job = Job()
    job.percent = 0
    refused = ActionResult(Kind.THROTTLE, "another process does so already", "NO_VCPU_QUOTA")
    job.supervisor.observe(look(18.5, 4, 380), results=[refused])
    assert only(job.pass_of(400)).reason == "LINGERING"


def test_somebody_else_has_ended_it() -> None:
    job = Job()
    job.percent = 0
    assert only(job.look(18.5, 380)).reason == "THROTTLE_LOST"
    assert only(job.pass_of(400)).reason == "LINGERING"


def test_a_dead_link_gives_it_back() -> None:
    job = Job()
    sent = look(18.0).memory.processed_bytes >> 20
    decided = [one for tenths in range(185, 260, 5) for one in job.look(tenths / 10, 390, sent_mib=sent)]
    assert done(decided) == [(Kind.THROTTLE, 0)]
    assert [one.reason for one in decided] == ["NETWORK_STALL", "NETWORK_STALL"]


def test_it_may_begin_again_when_the_link_is_back() -> None:
    job = Job()
    sent = look(18.0).memory.processed_bytes >> 20
    for tenths in range(185, 260, 5):
        job.look(tenths / 10, 390, sent_mib=sent)
    assert job.percent == 0
    job.at_s = 26.0
    assert done(job.pass_of(400)) == [(Kind.THROTTLE, 20)]


def test_an_adopted_job_that_is_met_late() -> None:
    plan = replace(adopted_plan(False, False), vcpu_quota=True)
    supervisor = Supervisor(replace(ALLOWED, max_downtime_ms=500), plan)
    sample = look(600, 40, 300, sent_mib=60_000, dirty_pages_per_s=25_000, expected_downtime_ms=4000)
    assert (Kind.THROTTLE, 20) in done(supervisor.observe(sample))


def test_nothing_is_done_when_it_is_only_watched() -> None:
    job = Job(replace(ALLOWED, mode="observe"))
    assert [(one.kind, one.value, one.apply) for one in job.first] == [(Kind.THROTTLE, 20, False)]
    assert job.percent == 0


def test_at_the_deadline_the_policy_says_what_is_done() -> None:
    job = Job(replace(ALLOWED, deadline_s=20))
    assert done(job.look(21, 300)) == [(Kind.ABORT, None)]


def test_what_it_takes_is_no_breach() -> None:
    """Of the limit that it keeps to itself."""
    job = Job(replace(ALLOWED, max_throttle_percent=20))
    for _pass in range(2):
        assert Kind.ABORT not in [kind for kind, _value in done(job.pass_of(400))]


def test_a_record_of_it_replays() -> None:
    record = Record(Supervisor(ALLOWED, CAN), name="erp01", uuid="u")
    for sample in [look(at_s + 0.5, 1, 1000 - 100 * at_s) for at_s in range(10)]:
        record.observe(sample)
    percent = 0
    for number, at_s in enumerate((10, 14, 18, 22, 26), start=2):
        for action in record.observe(look(at_s, number, 400, throttle_percent=percent), at_sync=True):
            percent = int(action.value or 0) if action.kind is Kind.THROTTLE else percent
    document = record.document()
    assert [one["value"] for one in document["decisions"] if one["action"] == "throttle"] == [20, 40, 60]
    assert replay(document) == document["decisions"]


def test_first_pass_is_never_slowed_down() -> None:
    supervisor = Supervisor(ALLOWED, CAN)
    assert done(first_pass(supervisor)) == []
