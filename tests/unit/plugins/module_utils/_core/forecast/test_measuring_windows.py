# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import forecast
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


def following(window: Window, policy: Policy, least_s: float = FEW_S, cache_mib: int = 0) -> t.Optional[int]:
    measured = working_set([window])
    facts = MigrationFacts(int(least_s * BANDWIDTH), BANDWIDTH, measured, xbzrle_cache_bytes=cache_mib * MIB)
    return next_window_s(window, facts, policy, lambda guest: forecast(policy, guest))


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
    facts = MigrationFacts(MANY_S * BANDWIDTH, BANDWIDTH, working_set([window]), host_devices=host_devices)
    assert next_window_s(window, facts, policy, lambda _guest: no_way) == following_s


@pytest.mark.parametrize(
    ("fields", "seen_mib", "least_s", "following_s"),
    [
        ({}, 40, FEW_S, NONE),  # pre-copy ends by it, even where all of its memory is written to
        ({}, 40, MANY_S, 9),  # and a throttle that is not too high is worth 15 % of a pass
        ({}, 60, FEW_S, LONG // 2),  # 600 ms, if that is all and it is dirty at once: there is no way then
        ({"max_downtime_ms": 800}, 60, FEW_S, NONE),
        ({"max_throttle_percent": 0}, 150, FEW_S, LONG // 2),  # is there an end to what it writes to?
        ({"max_throttle_percent": 0}, 150, MANY_S, LONG),
        ({"postcopy": "prefer"}, 150, FEW_S, NONE),  # it is split in the first pass
        ({"postcopy": "prefer"}, 150, MANY_S, 9),  # later, if it writes to little memory only
        ({"postcopy": "prefer", "max_postcopy_s": 5.0, "max_throttle_percent": 0}, 150, FEW_S, LONG // 2),
    ],
)
def test_no_longer_than_it_is_worth(
    fields: dict[str, t.Any], seen_mib: int, least_s: float, following_s: t.Optional[int]
) -> None:
    """Where there is a way by what was seen, a longer window makes it better; where there is none, it may find one."""
    policy = Policy(**{"max_downtime_ms": 500, "postcopy": "never", **fields})
    assert following(Window(1, seen_mib * MIB), policy, least_s) == following_s


def test_pages_that_may_compress_are_a_way() -> None:
    policy = Policy(max_downtime_ms=500, postcopy="never")
    assert following(Window(1, 60 * MIB), policy, cache_mib=512) is None


def test_what_is_worth_it_is_measured_once() -> None:
    assert following(Window(9, 300 * MIB), Policy(max_downtime_ms=800, postcopy="prefer"), MANY_S) is None


def test_a_set_that_is_dirty_within_a_second_has_an_end_or_not() -> None:
    """16 GiB over 10 Gbit/s: 700 MiB that are rewritten all the time are 640 ms, which no throttle changes."""
    policy, window = Policy(max_downtime_ms=500, postcopy="never"), Window(1, 700 * MIB)
    measured = working_set([window])
    facts = MigrationFacts(16 << 30, 1100 * MIB, measured)
    guests = [facts, replace(facts, measured=measured.nothing_beyond)]
    assert [forecast(policy, guest).plan.way == NO_WAY for guest in guests] == [False, True]
    assert next_window_s(window, facts, policy, lambda guest: forecast(policy, guest)) == 15
