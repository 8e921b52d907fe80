# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck


def test_a_limit_that_qemu_does_not_meet_is_raised() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 20)
    action = only(at_boundary(supervisor, 11.5, 9, 20))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "LIMIT_NOT_MET")
    assert 300 < (action.value or 0) <= highest_limit_ms(1000, 0)


def test_the_limit_at_first() -> None:
    fresh = Supervisor(NEVER, replace(PLAN, start_limit_ms=60))
    assert done(fresh.observe(look(0.5, 1))) == [(Kind.SET_DOWNTIME, 60)]
    assert fresh.observe(look(1, 1, limit_ms=60)) == []
    adopted = Supervisor(NEVER, adopted_plan())
    assert done(adopted.observe(look(5, 1, limit_ms=30_000))) == [(Kind.SET_DOWNTIME, highest_limit_ms(1000, 0))]
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
