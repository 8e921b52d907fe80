# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    PRECOPY,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import (
    MIB,
    NO_THROTTLE,
    TOUCHED_MIB,
    measured,
    told,
)


def test_no_way_says_what_would_be_one() -> None:
    needs = told(NO_THROTTLE, measured(600, 500)).needs
    assert needs["max_downtime_ms"] == pytest.approx(6000, rel=0.2)
    assert needs["postcopy"] is True
    more = MigrationFacts(TOUCHED_MIB * MIB, needs["bandwidth_bytes_per_s"], measured(600, 500))
    assert forecast(NO_THROTTLE, more).plan.way == PRECOPY
    less = measured(600, 500 * (1 - needs["writes_less_percent"] / 100))
    assert told(NO_THROTTLE, less).plan.way == PRECOPY
    longer = Policy(max_downtime_ms=needs["max_downtime_ms"] + 50, postcopy="never", max_throttle_percent=0)
    assert told(longer, measured(600, 500)).plan.way == PRECOPY
