# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Several hosts that send to one destination, and know nothing of each other, leave each other the place."""

from __future__ import annotations

import random

_CHANCE = random.SystemRandom()
_SPREAD_S = 2.0  # a transfer shows at its destination well within half of that


class Courtesy:
    """A place that becomes free is taken at once, unless others were seen to want it: then after a time by chance."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._contested: set[str] = set()
        self._mine_from_s: dict[str, float] = {}

    def count(self, name: str, arriving: int, *, others: bool, now_s: float) -> int:
        """How many arrive there; as many as there are places while it is not yet our turn."""
        if others:
            self._contested.add(name)
        if name not in self._contested:
            return arriving
        if arriving >= self._places:
            self._mine_from_s.pop(name, None)
            return arriving
        turn_s = self._mine_from_s.setdefault(name, now_s + _CHANCE.uniform(0, _SPREAD_S))
        return arriving if now_s >= turn_s else self._places
