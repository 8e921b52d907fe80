# SPDX-License-Identifier: GPL-3.0-or-later


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
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import first_pass, look, only

NEVER = Policy(max_downtime_ms=1000, postcopy="never", patience_s=5, deadline_s=600)


PLAN = Plan(flags=Flags(), start_limit_ms=300)


def at_boundary(supervisor: Supervisor, at_s: float, pass_number: int, left_mib: float, **more: t.Any) -> list[Action]:
    return supervisor.observe(look(at_s, pass_number, left_mib, **more), at_sync=True)


def test_between_boundaries_nothing_is_compared() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    # A sawtooth: what is left falls within the pass and would fit, which means nothing.
    assert supervisor.observe(look(13.9, 2, 10)) == []


def test_a_job_without_pass_numbers() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    for at_s in range(10):
        supervisor.observe(look(at_s + 0.5, None, 1000 - 100 * at_s))
    assert only(supervisor.observe(look(10, None, 500), at_sync=True)).reason == "SHRINKING"
