# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look, only

NEVER = Policy(max_downtime_ms=1000, postcopy="never", patience_s=5, deadline_s=600)


PLAN = Plan(flags=Flags(), start_limit_ms=300)


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


def test_a_pause_that_is_allowed_is_taken_as_a_limit() -> None:
    supervisor = Supervisor(replace(NEVER, max_pause_s=10), PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 900)).kind is Kind.WAIT  # one pass proves nothing
    action = only(at_boundary(supervisor, 19, 3, 900))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "NEEDED_PAUSE")
    assert 9000 <= (action.value or 0) <= 10_000
    undone = supervisor.observe(look(49, 3, 10, sent_mib=2000))
    assert done(undone) == [(Kind.SET_DOWNTIME, highest_limit_ms(1000))]


@pytest.mark.parametrize(("choice", "kind"), [("abort", Kind.ABORT), ("leave", Kind.LEAVE), ("pause", Kind.SUSPEND)])
def test_at_the_deadline_the_policy_says_what_is_done(choice: str, kind: Kind) -> None:
    policy = replace(NEVER, on_hopeless=choice, max_pause_s=9 if choice == "pause" else 0, max_throttle_percent=0)
    supervisor, _actions = stuck(replace(policy, deadline_s=19))
    action = only([a for a in supervisor.observe(look(20, 4, 200)) if a.apply])
    assert (action.kind, action.reason) == (kind, "DEADLINE")
    assert action.numbers["diagnosis"] == "DIRTY_RATE"
    assert supervisor.done is (choice == "leave")
