# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.quiet_moment import (
    next_window_s,
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


NONE, SURER, LONG = None, 3, 20


@pytest.mark.parametrize(
    ("window_s", "seen_mib", "doubt_mib", "downtime_ms", "host_devices", "following_s"),
    [
        (1, 0, 0, 500, 0, NONE),
        (1, 20, 4, 500, 0, NONE),
        (1, 20, 6, 500, 0, SURER),  # more than a quarter of what the link carries, if the sample has missed some
        (1, 30, 0, 500, 0, LONG),
        (1, 13, 0, 200, 0, NONE),
        (1, 15, 0, 200, 0, LONG),  # more than fits the downtime, of which the switch itself takes 60 ms
        (1, 0, 6, 60, 0, SURER),
        (1, 17, 0, 350, 2, NONE),
        (1, 19, 0, 350, 2, LONG),  # each device of the host takes 53 ms more of it
        (3, 40, 3, 500, 0, NONE),
        (3, 40, 8, 500, 0, LONG),  # still in doubt: a quarter of what the link carries in 3 s, but not in the downtime
        (3, 40, 3, 350, 0, LONG),
        (20, 400, 20, 500, 0, NONE),
    ],
)
def test_short_windows_tell_enough_where_little_is_written(
    window_s: int, seen_mib: int, doubt_mib: int, downtime_ms: int, host_devices: int, following_s: t.Optional[int]
) -> None:
    window = Window(window_s, seen_mib * MIB, doubt_mib * MIB)
    policy = Policy(max_downtime_ms=downtime_ms)
    assert next_window_s(window, LONG, 100 * MIB, policy, host_devices) == following_s


def test_a_long_window_that_is_hardly_longer_is_taken_at_once() -> None:
    window = Window(1, 20 * MIB, 6 * MIB)
    assert next_window_s(window, SURER, 100 * MIB, Policy(max_downtime_ms=500), 0) == SURER
