# SPDX-License-Identifier: GPL-3.0-or-later

"""Scales and marks of drawings, and how many points a line has."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.axis import (
    Scale,
    decades,
    finite,
    thinned,
    ticks,
    time_ticks,
)

NUMBERS = st.floats(0, 1e6, allow_nan=False)


def test_scales() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale(value) for value in (0, 5, 10, -1, 11)] == [100, 150, 200, 100, 200]
    assert [Scale(10, 1000, 200, 0, log=True)(value) for value in (10, 100, 1000, 0)] == [200, 100, 0, 200]
    assert Scale(3, 3, 100, 200)(3) == 100


def test_marks() -> None:
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(0, 0) == [0]
    assert time_ticks(14.4) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert time_ticks(600) == [0, 120, 240, 360, 480, 600]
    assert decades(10, 10_000) == [10, 100, 1000, 10_000]


@given(st.floats(1e-6, 1e15), st.integers(2, 12))
def test_there_are_never_too_many_marks(high: float, most: int) -> None:
    assert 1 <= len(ticks(0, high, most)) <= most + 1
    assert 1 <= len(time_ticks(high)) <= 10


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 900), NUMBERS), max_size=3000))
def test_at_most_two_points_a_pixel_and_no_peak_is_lost(points: list[tuple[float, float]]) -> None:
    points.sort(key=lambda one: one[0])
    found = thinned(points)
    columns = [int(x) for x, _y in found]
    assert all(columns.count(one) <= 2 for one in set(columns))
    assert set(found) <= set(points)
    if points:
        assert max(y for _x, y in found) == max(y for _x, y in points)
        assert min(y for _x, y in found) == min(y for _x, y in points)


def test_what_is_no_number_is_not_drawn() -> None:
    assert [finite(one) for one in (1, 2.5, True, None, "3", float("nan"), 10**30, 10**400)] == [1.0, 2.5, *[None] * 6]
