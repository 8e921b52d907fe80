# SPDX-License-Identifier: GPL-3.0-or-later

"""A supervisor that is shown looks, for the tests of its parts."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import first_pass, look

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
