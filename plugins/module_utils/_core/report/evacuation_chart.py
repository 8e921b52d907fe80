# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawings of an evacuation over its time: the load of the links, and when it would end, as it was told."""

from __future__ import annotations

import typing as t

from ..units import MIB, human_ms, human_rate
from .axis import Scale, finite, ticks, time_ticks
from .evacuation import Evacuation
from .svg import (
    FIRST_COLUMN,
    LAST_COLUMN,
    dot,
    drawing,
    legend,
    line,
    rule,
    time_axis,
    time_label,
    time_scale,
    value_axis,
    words,
)

_PANEL, _TOP = 150.0, 30.0  # in pixels
_COLOURS = 6


def loads(run: Evacuation) -> str:
    """The load of each link over the time; empty where it was not told."""
    rows = [
        (at_s, row[1])
        for row in run.loads
        if len(row) >= 2 and (at_s := finite(row[0])) is not None and isinstance(row[1], list)
    ]
    series = [
        [(at_s, finite(rates[number]) or 0.0) for at_s, rates in rows if number < len(rates)]
        for number in range(len(run.links))
    ]
    if len(rows) < 2 or not series:
        return ""
    capacity = {one.name: one.link_mib_per_s * MIB for one in run.destinations if one.link_mib_per_s}
    most = max([value for one in series for _at, value in one] + [capacity.get(one, 0.0) for one in run.links])
    scale, bottom = time_scale(run.end_s), _TOP + _PANEL
    values = Scale(0.0, most or 1.0, bottom, _TOP)
    parts = [words(FIRST_COLUMN, 16, "Load of each link", "panel"), value_axis(values, _rate_marks(most), human_rate)]
    heights = [values(value) for value in sorted(set(capacity.values()))]
    parts += [rule(FIRST_COLUMN, y, LAST_COLUMN, y, "expected") for y in heights]
    if capacity:
        parts.append(words(LAST_COLUMN - 6, 16, "dotted: what a link carries", "expected-text", "end"))
    for number, one in enumerate(series):
        points = [(scale(at_s), values(value)) for at_s, value in one]
        parts.append(line(points, _colour(number), run.links[number]))
    keys = [(_colour(number), f"to {shown}") for number, shown in enumerate(run.links)]
    return drawing(bottom + 34, "Load of each link", *parts, time_axis(scale, bottom)) + legend(*keys)


def _rate_marks(most: float) -> list[float]:
    return [mark * MIB for mark in ticks(0, most / MIB, 4)] if most > 0 else []


def _colour(number: int) -> str:
    return f"c{number}" if number < _COLOURS else "c-more"


def reported_ends(run: Evacuation) -> str:
    """When it would end, by what was told at each moment, and when it did."""
    told = [
        (at_s, left_s, row)
        for row in run.told
        if len(row) >= 2 and (at_s := finite(row[0])) is not None and (left_s := finite(row[1])) is not None
    ]
    if len(told) < 2 or run.elapsed_s is None:
        return ""
    ends = [at_s + left_s for at_s, left_s, _row in told]
    # An estimate that was far off must not hide the others.
    high = min(max([*ends, run.end_s]), 4 * run.end_s) * 1.05
    scale, bottom = time_scale(run.end_s), _TOP + _PANEL
    values = Scale(0.0, high, bottom, _TOP)
    points = [(scale(at_s), values(end_s)) for (at_s, _left, _row), end_s in zip(told, ends)]
    y = values(run.end_s)
    return drawing(
        bottom + 34,
        "When it would end, as it was told",
        words(FIRST_COLUMN, 16, "When it would end, as it was told", "panel"),
        value_axis(values, time_ticks(high, 4), time_label),
        rule(FIRST_COLUMN, y, LAST_COLUMN, y, "expected"),
        words(LAST_COLUMN - 6, y + 14, f"it ended after {human_ms(run.end_s * 1000)}", "expected-text", "end"),
        line(points, "l-bandwidth", "The end that was expected"),
        *(
            dot(x, y, "dot", f"After {human_ms(at_s * 1000)}: {human_ms(left_s * 1000)} to go{_done(row)}", 3.5)
            for (x, y), (at_s, left_s, row) in zip(points, told)
        ),
        time_axis(scale, bottom),
    )


def _done(row: t.Sequence[t.Any]) -> str:
    return f", {finite(row[2]) or 0:.0f} done, {finite(row[3]) or 0:.0f} failed" if len(row) >= 4 else ""
