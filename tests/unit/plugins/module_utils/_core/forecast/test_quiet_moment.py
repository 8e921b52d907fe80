# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.quiet_moment import (
    quiet_by_a_second,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.sizing import (
    prospect,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import (
    Window,
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


@pytest.mark.parametrize(
    ("seen_mib", "doubt_mib", "downtime_ms", "host_devices", "quiet"),
    [
        (0, 0, 500, 0, True),
        (20, 4, 500, 0, True),
        (20, 6, 500, 0, False),  # more than a quarter of what the link carries
        (30, 0, 500, 0, False),
        (13, 0, 200, 0, True),
        (15, 0, 200, 0, False),  # more than fits the downtime, of which the switch itself takes 60 ms
        (0, 6, 60, 0, False),
        (17, 0, 350, 2, True),
        (19, 0, 350, 2, False),  # each device of the host takes 53 ms more of it
    ],
)
def test_a_second_tells_enough_where_little_is_written(
    seen_mib: int, doubt_mib: int, downtime_ms: int, host_devices: int, quiet: bool
) -> None:
    window = Window(1, seen_mib * MIB, doubt_mib * MIB)
    assert quiet_by_a_second(window, 100 * MIB, Policy(max_downtime_ms=downtime_ms), host_devices) is quiet
