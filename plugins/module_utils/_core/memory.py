# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Working set and dirty rate of a guest, from how much memory it dirtied within two windows of time.

A page counts once in a window, however often it is written. A guest that writes ``d`` bytes/s spread over a working
set of ``W`` bytes therefore dirties ``U(t) = W (1 - exp(-d t / W))`` unique bytes in ``t`` seconds: ``d t`` while the
window is short, ``W`` when it is long. Two windows give two equations.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

# Measured bytes are rough (sampled pages, whole MiB/s), so a curve that differs from a straight line, or from its
# plateau, by less than this tells nothing.
_INDISTINCT = 0.05
_LINEAR_BELOW = 2 * _INDISTINCT  # d t / W of the long window; U falls short of d t by half of it
_SATURATED_ABOVE = -math.log(_INDISTINCT)  # d t / W of the short window; U has come that near to W


class Window(t.NamedTuple):
    """Unique bytes dirtied within ``window_s`` seconds."""

    window_s: float
    unique_bytes: int


@dataclass(frozen=True)
class WorkingSet:
    """What a guest keeps rewriting, and how fast; a flag says that the truth is this much or more."""

    working_set_bytes: int
    working_set_is_lower_bound: bool
    dirty_bytes_per_s: int
    dirty_rate_is_lower_bound: bool


def working_set(windows: t.Iterable[Window]) -> WorkingSet:
    """Solve for W and d from the shortest and the longest window; raises ValueError without a usable one.

    One window alone gives only lower bounds. The longer window dirtying no more than the shorter means that the
    shorter has seen the whole set already. Nothing dirtied at all is taken as it is.
    """
    ordered = sorted(windows)
    if not ordered or ordered[0].window_s <= 0 or any(window.unique_bytes < 0 for window in ordered):
        raise ValueError("At least one window longer than 0 s, and no negative bytes, are needed.")
    short, long = ordered[0], ordered[-1]
    # Both hold whatever the guest does: no window counts a byte that was not dirtied.
    least_set_bytes = max(window.unique_bytes for window in ordered)
    least_bytes_per_s = math.ceil(max(window.unique_bytes / window.window_s for window in ordered))
    if short.window_s == long.window_s:
        return WorkingSet(least_set_bytes, True, least_bytes_per_s, True)
    if least_set_bytes == 0:
        return WorkingSet(0, False, 0, False)
    turns = _turns_of_the_set(short, long)
    if turns * long.window_s / short.window_s < _LINEAR_BELOW:
        return WorkingSet(least_set_bytes, True, least_bytes_per_s, False)
    if turns > _SATURATED_ABOVE:
        return WorkingSet(least_set_bytes, False, least_bytes_per_s, True)
    set_bytes = short.unique_bytes / -math.expm1(-turns)
    return WorkingSet(
        max(least_set_bytes, round(set_bytes)),
        False,
        max(least_bytes_per_s, round(turns * set_bytes / short.window_s)),
        False,
    )


def _turns_of_the_set(short: Window, long: Window) -> float:
    """x = d t / W of the short window: how many times it could have written the whole set; 0 to infinity."""
    stretch = long.window_s / short.window_s
    if long.unique_bytes <= short.unique_bytes:
        return math.inf
    if long.unique_bytes >= stretch * short.unique_bytes:
        return 0.0
    growth = long.unique_bytes / short.unique_bytes

    # U(long) / U(short) falls steadily from `stretch` (nothing saturated) to 1 (all of it), so halving finds x.
    low, high = 0.0, 2 * _SATURATED_ABOVE
    for _step in range(60):
        middle = (low + high) / 2
        if math.expm1(-middle * stretch) / math.expm1(-middle) > growth:
            low = middle
        else:
            high = middle
    return high
