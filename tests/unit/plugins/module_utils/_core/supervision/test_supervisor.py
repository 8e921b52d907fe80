# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
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


def test_an_abort_that_comes_to_nothing_is_repeated_and_then_told() -> None:
    supervisor, _actions = stuck(replace(NEVER, deadline_s=19))
    given = []
    for step in range(60):
        given += done(supervisor.observe(look(20 + 5 * step, 4, 200)))
    assert [kind for kind, _value in given] == [Kind.ABORT] * 3 + [Kind.LEAVE]


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.NONE])
def test_it_is_done_when_the_job_is(phase: Phase) -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert supervisor.observe(look(11, 2, 0, phase=phase)) == []
    assert supervisor.outcome == phase.value
    assert supervisor.observe(look(12, 2, 0)) == []


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
