# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    NO_WAY,
    PRECOPY,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.requirements import (
    measuring_error,
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


def facts(memory_mib: int, set_mib: int) -> MigrationFacts:
    return MigrationFacts(memory_mib * MIB, 100 * MIB, measured(set_mib, set_mib * 5), memory_bytes=memory_mib * MIB)


@pytest.mark.parametrize(
    ("memory_mib", "set_mib", "share"),
    # 128 of its pages are looked at, about 48 of them written: two standard deviations are 11 pages.
    [(256, 96, 0.23), (2048, 600, 0.097), (1024**2, 100 * 1024, 0.05), (1024, 1024, 0.05), (1024, 0, 0.05)],
)
def test_a_small_guest_may_write_more_than_its_sample_shows(memory_mib: int, set_mib: int, share: float) -> None:
    assert measuring_error(facts(memory_mib, set_mib)) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("need", ["max_downtime_ms", "bandwidth_bytes_per_s", "writes_less_percent"])
def test_what_it_needs_is_enough_for_all_that_it_may_write(need: str) -> None:
    known = replace(facts(256, 96), bandwidth_bytes_per_s=150 * MIB)
    most = 1 + measuring_error(known) - 0.002  # what is needed is found to 0.03 %
    kept, policy = 1.0, NO_THROTTLE
    writes = replace(known, measured=measured(96 * most, 480 * most))
    assert forecast(policy, writes).plan.way == NO_WAY
    found = forecast(policy, known).needs[need]
    if need == "bandwidth_bytes_per_s":
        writes = replace(writes, bandwidth_bytes_per_s=found)
    elif need == "writes_less_percent":
        kept = 1 - found / 100
    else:
        policy = replace(policy, max_downtime_ms=found)
    writes = replace(writes, measured=measured(96 * most, 480 * most * kept))
    assert forecast(policy, writes).plan.way == PRECOPY
