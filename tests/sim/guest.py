# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests and links of the simulation: what is written when, and what gets through when."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


class Spell(t.NamedTuple):
    """A time in which the guest writes ``dirty_bytes_per_s`` over the first ``hot_bytes`` of its memory."""

    duration_s: float
    hot_bytes: float
    dirty_bytes_per_s: float


@dataclass(frozen=True)
class Guest:
    """``touched_bytes``: memory that is not zero; spells repeat for ever.

    ``sweeps``: it goes through its set in order (as the lab's guest does), else it hits pages at random.
    ``delta_share``: what xbzrle makes of a rewritten page, 1 when all of it has changed.
    """

    memory_bytes: int
    touched_bytes: int
    spells: t.Sequence[Spell]
    sweeps: bool = True
    delta_share: float = 0.03

    def spell(self, at_s: float) -> Spell:
        if len(self.spells) == 1:
            return self.spells[0]
        at_s %= sum(spell.duration_s for spell in self.spells)
        for spell in self.spells:
            if at_s < spell.duration_s:
                return spell
            at_s -= spell.duration_s
        return self.spells[-1]

    def dirtied(self, unique_bytes: float, spell: Spell, activity: float, time_s: float) -> float:
        """Unique bytes dirtied since the last sync, ``time_s`` after there were ``unique_bytes``."""
        left = spell.hot_bytes - unique_bytes
        if left <= 0 or spell.hot_bytes <= 0:
            return unique_bytes
        written = spell.dirty_bytes_per_s * activity * time_s
        if self.sweeps:
            return unique_bytes + min(left, written)
        return unique_bytes + left * -math.expm1(-written / spell.hot_bytes)

    def measured(self, at_s: float, window_s: float) -> int:
        """What a dirty-rate measurement that begins at ``at_s`` counts."""
        unique, steps = 0.0, 20
        for step in range(steps):
            unique = self.dirtied(unique, self.spell(at_s + step * window_s / steps), 1.0, window_s / steps)
        return int(unique)


def steady(
    hot_mib: float,
    dirty_mib_per_s: float,
    *,
    touched_mib: float = 296,
    memory_mib: int = 512,
    sweeps: bool = True,
    delta_share: float = 0.03,
) -> Guest:
    """A guest that always does the same."""
    spell = Spell(1.0, hot_mib * MIB, dirty_mib_per_s * MIB)
    return Guest(memory_mib * MIB, int(touched_mib * MIB), [spell], sweeps, delta_share)


@dataclass(frozen=True)
class Link:
    """Bytes/s that get through; ``changes``: from a time on, another rate (0: the link is down)."""

    bytes_per_s: float
    changes: t.Sequence[tuple[float, float]] = ()

    def rate(self, at_s: float) -> float:
        rate = self.bytes_per_s
        for since_s, changed in self.changes:
            if at_s >= since_s:
                rate = changed
        return rate
