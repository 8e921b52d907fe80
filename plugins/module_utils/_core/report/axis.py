# SPDX-License-Identifier: GPL-3.0-or-later
"""Scales of charts: where a value is drawn, which marks an axis has, and how many points a line may have."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

Point = tuple[float, float]
_MOST = 1e18  # beyond it a number is nonsense, and would not be drawn by a browser either


def finite(value: t.Any) -> t.Optional[float]:
    """A number of a document as one that can be drawn; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if -_MOST < value < _MOST else None


@dataclass(frozen=True)
class Scale:
    """From ``low`` to ``high``, drawn from pixel ``begin`` to ``end``. ``log``: each power of ten is as wide."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel, to a tenth; what lies outside is drawn at the edge."""
        low, high, value = (self._at(one) for one in (self.low, self.high, value))
        share = 0.0 if high <= low else (min(max(value, low), high) - low) / (high - low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def _at(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self.log else value


def ticks(low: float, high: float, most: int = 6, step_of: t.Sequence[float] = (1, 2, 5)) -> list[float]:
    """Round values between the two, at most ``most`` of them and one more."""
    span = high - low
    if not 0 < span < _MOST:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    candidates = [*(power * one for one in step_of), power * 10, power * 20]
    step = next(one for one in candidates if span / one <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def time_ticks(high_s: float, most: int = 8, low_s: float = 0.0) -> list[float]:
    """Moments that a person finds round: seconds, then minutes, then hours."""
    span_s = high_s - low_s
    if span_s <= 90:
        return ticks(low_s, high_s, most)
    for step in (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400):
        if span_s / step <= most:
            return [float(step * number) for number in range(math.ceil(low_s / step), int(high_s // step) + 1)]
    return ticks(low_s, high_s, most)


def decades(low: float, high: float) -> list[float]:
    """The powers of ten between the two."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1)]


def thinned(points: t.Sequence[Point]) -> list[Point]:
    """Points in pixels, at most two in each column of pixels: the highest and the lowest, in their order."""
    columns: dict[int, list[int]] = {}
    for number, (x, _y) in enumerate(points):
        columns.setdefault(int(x), []).append(number)
    found: list[Point] = []
    for numbers in columns.values():
        low = min(numbers, key=lambda number: points[number][1])
        high = max(numbers, key=lambda number: points[number][1])
        found += [points[number] for number in sorted({low, high})]
    return found
