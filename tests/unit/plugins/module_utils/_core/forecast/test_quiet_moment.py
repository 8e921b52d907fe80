# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.sizing import (
    prospect,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import (
    WorkingSet,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

MIB = 1 << 20


STRICT = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=0, deadline_s=600)


def guest(touched_mib: int, set_mib: float, rate_mib: float, bandwidth_mib: int = 100) -> MigrationFacts:
    measured = WorkingSet(int(set_mib * MIB), False, int(rate_mib * MIB), False)
    return MigrationFacts(touched_mib * MIB, bandwidth_mib * MIB, measured)


def test_the_prospect_says_what_to_set() -> None:
    facts = guest(1000, 30, 500)
    found = prospect(STRICT, facts)
    assert {key: found[key] for key in forecast(STRICT, facts).document()} == forecast(STRICT, facts).document()
    assert found["bandwidth_mib_per_s"] == 100
    assert 1 <= found["least_bandwidth_mib_per_s"] <= 100
