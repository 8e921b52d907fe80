# SPDX-License-Identifier: GPL-3.0-or-later

"""Measured guests, for the tests of forecasts."""

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


NO_THROTTLE = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=0)
