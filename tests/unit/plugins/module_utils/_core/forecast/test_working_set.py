# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import (
    Window,
    WorkingSet,
    read_working_set,
    working_set,
)

MIB = 1 << 20

# what it is, windows, (W in MiB, W is a lower bound, d in MiB/s, d is a lower bound)
CASES = [
    ("idle", [(1, 0), (4, 0)], (0, False, 0, False)),
    ("saturated in the first window", [(1, 256), (4, 256)], (256, False, 256, True)),
    ("less in the longer window", [(1, 256), (4, 200)], (256, False, 256, True)),
    ("all but saturated", [(1, 250), (4, 256)], (256, False, 250, True)),
    ("no saturation", [(1, 50), (4, 200)], (200, True, 50, False)),
    ("more than linear", [(1, 0), (4, 200)], (200, True, 50, False)),
    ("one window", [(2, 100)], (100, True, 50, True)),
    ("one idle window", [(2, 0)], (0, True, 0, True)),
    ("the same window twice", [(2, 100), (2, 90)], (100, True, 50, True)),
    ("in any order", [(4, 200), (1, 50)], (200, True, 50, False)),
]

rates = st.integers(min_value=1 << 12, max_value=1 << 42)
sizes = st.integers(min_value=1 << 12, max_value=1 << 46)
seconds = st.integers(min_value=1, max_value=60)


@pytest.mark.parametrize(("windows", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_cases(windows: list[tuple[int, int]], expected: tuple[int, bool, int, bool]) -> None:
    set_mib, set_bound, rate_mib, rate_bound = expected
    found = working_set([Window(time_s, mib * MIB) for time_s, mib in windows])
    assert found == WorkingSet(set_mib * MIB, set_bound, rate_mib * MIB, rate_bound)


# what it is, (window in s, MiB, tolerance in MiB), memory in MiB, (W in MiB, W is a lower bound, d, d is a lower bound)
ROUGH_CASES = [
    ("straight within the tolerance", [(1, 76, 24), (4, 280, 36)], 512, (280, True, 76, False)),
    ("flat within the tolerance", [(1, 230, 30), (10, 262, 36)], 512, (262, False, 230, True)),
    ("too rough to tell", [(1, 0, 5), (4, 8, 12)], 512, (8, True, 2, True)),
    ("more than there is memory", [(1, 82, 0), (4, 280, 0)], 512, (280, True, 86, False)),
]


@pytest.mark.parametrize(
    ("windows", "memory_mib", "expected"), [case[1:] for case in ROUGH_CASES], ids=[case[0] for case in ROUGH_CASES]
)
def test_rough_cases(
    windows: list[tuple[int, int, int]], memory_mib: int, expected: tuple[int, bool, int, bool]
) -> None:
    found = working_set([Window(time_s, mib * MIB, rough * MIB) for time_s, mib, rough in windows], memory_mib * MIB)
    assert (
        found.working_set_bytes // MIB,
        found.working_set_is_lower_bound,
        found.dirty_bytes_per_s // MIB,
        found.dirty_rate_is_lower_bound,
    ) == expected


def test_a_measured_guest() -> None:
    # 256 MiB rewritten at 20000 pages/s, on QEMU 7.2
    found = working_set([Window(1, 82 * MIB, 25 * MIB), Window(10, 250 * MIB, 42 * MIB)], 512 * MIB)
    assert found.working_set_bytes == pytest.approx(256 * MIB, rel=0.05)
    assert not found.working_set_is_lower_bound


@pytest.mark.parametrize("windows", [[], [Window(0, 5)], [Window(-1, 5), Window(2, 5)], [Window(1, -1)]])
def test_refused(windows: list[Window]) -> None:
    with pytest.raises(ValueError, match="window"):
        working_set(windows)


def dirtied(set_bytes: float, bytes_per_s: float, window_s: int) -> Window:
    return Window(window_s, int(set_bytes * -math.expm1(-bytes_per_s * window_s / set_bytes)))


@given(set_bytes=sizes, turns=st.floats(0.25, 2.2), short_s=st.integers(1, 15), stretch=st.integers(2, 4))
def test_finds_what_made_the_windows(set_bytes: int, turns: float, short_s: int, stretch: int) -> None:
    bytes_per_s = turns * set_bytes / short_s
    found = working_set(dirtied(set_bytes, bytes_per_s, window_s) for window_s in (short_s, stretch * short_s))
    # Windows hold whole bytes, which matters for sets of a few pages.
    assert found.working_set_bytes == pytest.approx(set_bytes, rel=0.02)
    assert found.dirty_bytes_per_s == pytest.approx(bytes_per_s, rel=0.02, abs=1)
    assert not found.working_set_is_lower_bound
    assert not found.dirty_rate_is_lower_bound


@given(set_bytes=sizes, bytes_per_s=rates, short_s=seconds, long_s=seconds)
def test_a_lower_bound_is_one(set_bytes: int, bytes_per_s: int, short_s: int, long_s: int) -> None:
    found = working_set([dirtied(set_bytes, bytes_per_s, short_s), dirtied(set_bytes, bytes_per_s, long_s)])
    if found.working_set_is_lower_bound:
        assert found.working_set_bytes <= set_bytes
    if found.dirty_rate_is_lower_bound:
        assert found.dirty_bytes_per_s <= bytes_per_s + 1


@given(windows=st.lists(st.builds(Window, seconds, st.integers(0, 1 << 50)), min_size=1, max_size=4))
def test_never_below_what_was_seen(windows: list[Window]) -> None:
    found = working_set(windows)
    assert found.working_set_bytes >= max(window.unique_bytes for window in windows)
    assert found.dirty_bytes_per_s >= max(window.unique_bytes // window.window_s for window in windows)


@pytest.mark.parametrize("number", [-1, True, "1", None, float("nan"), float("inf"), 10**400, 2**200])
@pytest.mark.parametrize("field", ["working_set_bytes", "dirty_bytes_per_s"])
def test_a_measurement_is_of_numbers_that_can_be_reckoned_with(field: str, number: t.Any) -> None:
    document = {"working_set_bytes": 1, "dirty_bytes_per_s": 1, field: number}
    with pytest.raises(MigrationError, match=field) as caught:
        read_working_set(document)
    assert caught.value.reason == "BAD_DIRTY_RATE"
