# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
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


def test_post_copy_that_was_refused_is_not_tried_again() -> None:
    supervisor, actions = stuck(Policy(max_downtime_ms=500), replace(PLAN, flags=Flags(None, None)))
    assert done(actions) == [(Kind.START_POSTCOPY, None)]
    refused = [ActionResult(Kind.START_POSTCOPY, "requires VIR_MIGRATE_POSTCOPY")]
    supervisor.observe(look(18.5, 4, 350), results=refused)
    assert done(at_boundary(supervisor, 22, 5, 400)) == []


def test_a_bandwidth_limit_is_lifted_only_where_it_is_ours_to_lift() -> None:
    for ceiling, expected in ((None, []), (0, [(Kind.SET_BANDWIDTH, 0)]), (200, [(Kind.SET_BANDWIDTH, 200)]), (50, [])):
        supervisor = Supervisor(NEVER, replace(PLAN, bandwidth_mib_per_s=ceiling))
        first_pass(supervisor, limits={"bandwidth_mib_per_s": 105})
        assert done(at_boundary(supervisor, 10, 2, 400, limits={"bandwidth_mib_per_s": 105})) == expected
        assert done(at_boundary(supervisor, 14, 3, 200, limits={"bandwidth_mib_per_s": 105})) == []
