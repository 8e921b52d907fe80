# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    NO_WAY,
    POSTCOPY,
    PRECOPY,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import (
    MIB,
    NEVER,
    NO_THROTTLE,
    measured,
    told,
)


def test_what_cannot_be_is_not_planned() -> None:
    assert told(Policy(max_downtime_ms=500), measured(600, 500), host_devices=1).plan.flags.postcopy is False
    assert told(Policy(max_downtime_ms=500), measured(600, 500), postcopy_possible=False).plan.way != POSTCOPY
    capped = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=99)
    assert told(capped, measured(600, 500), auto_converge_possible=False).plan.way == NO_WAY


def test_compression_where_it_can_pay() -> None:
    cache = 300 * MIB
    assert told(NEVER, measured(600, 80), xbzrle_cache_bytes=cache).plan.flags.xbzrle_cache_bytes == 256 * MIB
    assert told(NEVER, measured(1, 0.1), xbzrle_cache_bytes=cache).plan.flags.xbzrle_cache_bytes == 0
    prefer = Policy(postcopy="prefer")
    assert told(prefer, measured(600, 80), xbzrle_cache_bytes=cache).plan.flags.xbzrle_cache_bytes == 0
    only = told(NO_THROTTLE, measured(600, 300), xbzrle_cache_bytes=cache)
    assert (only.plan.way, only.sure) == (PRECOPY, False)


def test_a_throttle_starts_below_its_cap() -> None:
    for cap in (30, 60, 98):
        policy = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=cap)
        for rate_mib in (80, 110, 150, 300, 900):
            flags = told(policy, measured(900, rate_mib)).plan.flags
            if flags.auto_converge:
                assert flags.throttle_initial_percent + 4 * flags.throttle_increment_percent <= cap
                assert flags.throttle_increment_percent >= 1


def test_connections_to_fill_a_fast_link() -> None:
    facts = MigrationFacts(1 << 40, int(5e9), measured(100, 1), parallel_connections=16)
    assert forecast(NEVER, facts).plan.flags.parallel_connections == 5
    assert told(NEVER, measured(100, 1), parallel_connections=16).plan.flags.parallel_connections == 0
