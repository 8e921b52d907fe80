# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck


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
