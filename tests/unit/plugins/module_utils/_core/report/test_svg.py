# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of drawings: coordinates, lines and steps, bands that can be seen, and what stands at the axes."""

from __future__ import annotations

import re

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.axis import Scale
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.svg import (
    area,
    band,
    drawing,
    legend,
    line,
    number,
    short,
    steps,
    time_axis,
    time_label,
    time_scale,
    value_axis,
    words,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import made
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import evacuation, record


def test_points_are_whole_pairs_of_numbers() -> None:
    document = record("lab-left-at-deadline.json")
    document["looks"] = [[row[0] + 13 * number, *row[1:]] for number in range(40) for row in document["looks"]]
    text = made(migrations=[document], evacuations=[evacuation(80)])
    points = re.findall(r'points="([^"]*)"', text)
    assert max(len(one.split()) for one in points) > 500
    assert max(len(one.split()) for one in points) <= 2 * 881, "two a pixel"
    assert all(re.fullmatch(r"-?\d+(\.\d)?,-?\d+(\.\d)?", pair) for one in points for pair in one.split())


def test_coordinates() -> None:
    assert [number(one) for one in (1.0, 10, 1.26, 0.04, -3.5)] == ["1", "10", "1.3", "0", "-3.5"]


def test_time_goes_from_the_first_column_to_the_last() -> None:
    assert [time_scale(10)(at_s) for at_s in (0, 5, 10)] == [70, 510, 950]
    assert [time_scale(20, 10)(at_s) for at_s in (10, 15, 20)] == [70, 510, 950]
    assert time_scale(0)(0) == 70


def test_a_line_needs_two_points() -> None:
    assert line([], "x") == line([(0, 1)], "x") == area([(0, 1)], 9, "x") == ""
    assert line([(0, 1), (5.5, 2)], "l-left", "a < b") == (
        '<polyline points="0,1 5.5,2" class="line l-left"><title>a &lt; b</title></polyline>'
    )
    assert 'points="0,9 0,1 5,2 5,9"' in area([(0, 1), (5, 2)], 9, "x")


def test_a_value_holds_until_the_next_one() -> None:
    assert steps([(0, 1), (5, 2)], 9) == [(0, 1), (5, 1), (5, 2), (9, 2)]
    assert steps([], 9) == []


@pytest.mark.parametrize(
    ("begin", "end", "x", "width"),
    [(100, 150, "100", "50"), (100, 100, "100", "1.5"), (950, 950, "948.5", "1.5"), (940, 950, "940", "10")],
)
def test_a_band_is_wide_enough_to_be_seen_and_within_the_drawing(begin: float, end: float, x: str, width: str) -> None:
    assert f' x="{x}" y="10" width="{width}" height="20" class="band b"' in band(begin, end, 10, 30, "b", "t")


@pytest.mark.parametrize(
    ("time_s", "told"),
    [(0, "0"), (0.5, "0.5 s"), (45, "45 s"), (60, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (5400, "1 h 30 min")],
)
def test_moments_at_an_axis(time_s: float, told: str) -> None:
    assert time_label(time_s) == told


def test_round_figures_are_short() -> None:
    assert [short(one) for one in ("200.0 MiB", "1.5 GiB/s", "10.0 s", "0 B")] == [
        "200 MiB",
        "1.5 GiB/s",
        "10 s",
        "0 B",
    ]


def test_axes() -> None:
    text = value_axis(Scale(0, 10, 100, 0), [0, 5], lambda value: f"{value}.0 s")
    assert re.findall(r'<text x="62" y="(\d+)" class="tick" text-anchor="end">([^<]*)</text>', text) == [
        ("104", "0 s"), ("54", "5 s"),
    ]  # fmt: skip
    assert re.findall(r'<line x1="70" y1="(\d+)" x2="950" y2="\1" class="grid"/>', text) == ["100", "50"]
    ticks = re.findall(
        r'<text x="([\d.]+)" y="219" class="tick" text-anchor="middle">([^<]*)<', time_axis(time_scale(10), 200)
    )
    assert (ticks[0], ticks[-1]) == (("70", "0"), ("950", "10 s"))


def test_words_are_escaped() -> None:
    assert words(1, 2, "<b>") == '<text x="1" y="2" text-anchor="start">&lt;b&gt;</text>'
    assert 'aria-label="a &quot;b&quot;"' in drawing(10, 'a "b"')


def test_the_legend_draws_each_kind() -> None:
    text = legend(("band band-silence", "silence"), ("dot", "a pass"), ("l-left", "left"))
    assert re.findall(r"<(rect|circle|polyline)[^>]*class=\"([^\"]*)\"/></svg>([^<]*)</li>", text) == [
        ("rect", "band band-silence", "silence"), ("circle", "dot", "a pass"), ("polyline", "line l-left", "left"),
    ]  # fmt: skip
