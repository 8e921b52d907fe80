# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import Forecast, forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.measuring_windows import (
    measuring_windows_s,
    next_window_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import NO_WAY
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import (
    Window,
    working_set,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

MIB = 1 << 20
BANDWIDTH = 100 * MIB
NONE, SURER, LONG = None, 3, 20
FEW_S, MANY_S = 10, 60  # what all memory takes once: 15 % of it are worth no window, or one of 9 s


def following(window: Window, policy: Policy, least_s: float = FEW_S, host_devices: int = 0) -> t.Optional[int]:
    def so_far() -> Forecast:
        measured = working_set([window])
        facts = MigrationFacts(int(least_s * BANDWIDTH), BANDWIDTH, measured, host_devices=host_devices)
        return forecast(policy, facts)

    return next_window_s(window, least_s, BANDWIDTH, policy, host_devices, so_far)


def test_the_long_window_is_as_long_as_a_pass() -> None:
    assert [measuring_windows_s(least_s) for least_s in (0.5, 6.2, 300)] == [(1, 4), (1, 7), (1, 20)]


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
    """Where nothing is known so far by which it would end otherwise."""
    window = Window(window_s, seen_mib * MIB, doubt_mib * MIB)
    policy = Policy(max_downtime_ms=downtime_ms)
    busy = MigrationFacts(MANY_S * BANDWIDTH, BANDWIDTH, working_set([Window(1, 300 * MIB)]))
    no_way = forecast(Policy(postcopy="never", max_throttle_percent=0), busy)
    assert no_way.plan.way == NO_WAY
    assert next_window_s(window, MANY_S, BANDWIDTH, policy, host_devices, lambda: no_way) == following_s


@pytest.mark.parametrize(
    ("fields", "seen_mib", "least_s", "following_s"),
    [
        ({"postcopy": "never"}, 60, FEW_S, NONE),  # pre-copy ends by it, even where all of its memory is written to
        ({"postcopy": "never"}, 60, MANY_S, 9),  # and a throttle that is not too high is worth 15 % of a pass
        ({"postcopy": "never", "max_throttle_percent": 0}, 150, FEW_S, 10),  # is there an end to what it writes to?
        ({"postcopy": "never", "max_throttle_percent": 0}, 150, MANY_S, LONG),
        ({"postcopy": "prefer"}, 150, FEW_S, NONE),  # it is split in the first pass
        ({"postcopy": "prefer"}, 150, MANY_S, 9),  # later, if it writes to little memory only
        ({"postcopy": "prefer", "max_postcopy_s": 5.0, "max_throttle_percent": 0}, 150, FEW_S, 10),
    ],
)
def test_no_longer_than_it_is_worth(
    fields: dict[str, t.Any], seen_mib: int, least_s: float, following_s: t.Optional[int]
) -> None:
    """Where there is a way by what was seen, a longer window makes it better; where there is none, it may find one."""
    assert following(Window(1, seen_mib * MIB), Policy(max_downtime_ms=500, **fields), least_s) == following_s


def test_what_is_worth_it_is_measured_once() -> None:
    assert following(Window(9, 300 * MIB), Policy(max_downtime_ms=500, postcopy="never"), MANY_S) is None
