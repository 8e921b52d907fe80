# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    Forecast,
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

MIB = 1 << 20


TOUCHED_MIB, BANDWIDTH_MIB = 1000, 100


def measured(set_mib: float, rate_mib: float, *, set_bound: bool = False, rate_bound: bool = False) -> WorkingSet:
    return WorkingSet(int(set_mib * MIB), set_bound, int(rate_mib * MIB), rate_bound)


def told(policy: Policy, working: t.Optional[WorkingSet], **facts: t.Any) -> Forecast:
    return forecast(policy, MigrationFacts(TOUCHED_MIB * MIB, BANDWIDTH_MIB * MIB, working, **facts))


NEVER = Policy(max_downtime_ms=500, postcopy="never")


def test_the_supervisor_is_told_what_was_measured() -> None:
    plan = told(NEVER, measured(600, 50)).plan
    assert (plan.set_bytes, plan.rate_bytes_per_s, plan.touched_bytes) == (600 * MIB, 50 * MIB, 1000 * MIB)
    assert plan.left_after(4) == 200 * MIB
    assert plan.left_after(100) == 600 * MIB
    assert told(NEVER, None).plan.left_after(4) is None
