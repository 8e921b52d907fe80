# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking memory from a guest step by step: after each look, what is asked of the balloon next, and when to stop.

What nobody uses is taken at once. A cache is taken in parts, after each of which the guest has to say that it does
not swap: its kernel gives up a cache as readily as memory that a program has not used lately.
"""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass

from ..units import GIB, MIB
from .reclaim import Reclaim, step_bytes
from .statistics import MemoryStatistics

ALIKE_BYTES = MIB  # so near to what was asked for is there: libvirt rounds, and QEMU counts pages
_STANDS_STILL_S = 2.0
_SILENT_S = 5.0  # without new figures of the guest nothing more is taken
_LIMIT_S, _LIMIT_S_PER_GIB, _MOST_S = 15.0, 2.0, 120.0


class Stop(str, enum.Enum):
    """Why no more is taken."""

    DONE = "all_that_can_be_spared"
    SWAPPING = "guest_swaps"
    STANDS_STILL = "balloon_stands_still"
    SILENT = "guest_tells_nothing"
    TOO_LONG = "takes_too_long"
    CHANGED = "changed_by_somebody_else"


@dataclass(frozen=True)
class Step:
    """``set_bytes``: what the guest is to be left with; None: nothing is to be asked of the balloon now.

    ``stop``: nothing more is taken. With CHANGED the balloon is somebody else's, and left alone.
    """

    set_bytes: t.Optional[int] = None
    stop: t.Optional[Stop] = None


def limit_s(reclaim: Reclaim) -> float:
    """How long it may take in all."""
    return min(_MOST_S, _LIMIT_S + _LIMIT_S_PER_GIB * reclaim.taken_bytes / GIB)


class Shrinking:
    """``first``: the figures that ``reclaim`` was made from. Times are of one clock, in seconds."""

    def __init__(self, first: MemoryStatistics, reclaim: Reclaim, begin_s: float) -> None:
        self._reclaim, self._deadline_s = reclaim, begin_s + limit_s(reclaim)
        self._swapped = first.swap_out_bytes or 0
        self._floor = reclaim.floor_bytes
        self._step = step_bytes(reclaim.cache_bytes)
        self._target = self._settled = self._seen = reclaim.from_bytes
        self._told_s: t.Optional[int] = None
        self._waits_for_figures = False
        self._asked_s = self._moved_s = begin_s
        self._cache_floor = min(reclaim.from_bytes, self._floor + reclaim.cache_bytes)

    @property
    def target_bytes(self) -> int:
        """What the balloon was told last to leave the guest."""
        return self._target

    def next(self, now_s: float, found: MemoryStatistics) -> Step:
        """What a look leads to."""
        actual = found.actual_bytes
        # A balloon under way is between what it was and what was asked for.
        if not self._target - ALIKE_BYTES <= actual <= self._settled + ALIKE_BYTES:
            return Step(stop=Stop.CHANGED)
        if (found.swap_out_bytes or 0) > self._swapped:
            return Step(self._settled, Stop.SWAPPING)  # what was taken last, it has again
        if actual < self._seen:
            self._seen, self._moved_s = actual, now_s
        if now_s >= self._deadline_s:
            return self._hold(actual, Stop.TOO_LONG)
        if actual - self._target > ALIKE_BYTES:
            return self._hold(actual, Stop.STANDS_STILL) if now_s - self._moved_s >= _STANDS_STILL_S else Step()
        if self._waits_for_figures and not self._told_anew(found):
            return self._hold(actual, Stop.SILENT) if now_s - self._asked_s >= _SILENT_S else Step()
        return self._next_step(now_s, found)

    def _told_anew(self, found: MemoryStatistics) -> bool:
        """Whether the guest has told figures since the last step was done."""
        if self._told_s is None:
            self._told_s = found.updated_s
        return found.updated_s > self._told_s

    def _next_step(self, now_s: float, found: MemoryStatistics) -> Step:
        """All that was asked for is taken. What the guest needs may have grown meanwhile."""
        actual = found.actual_bytes
        if self._waits_for_figures and found.usable_bytes is not None:
            needs = actual - max(0, found.usable_bytes - self._reclaim.keep_bytes)
            self._floor = max(self._floor, needs)
        self._settled = actual
        if actual <= self._floor + ALIKE_BYTES:
            return self._hold(actual, Stop.DONE)
        self._waits_for_figures = actual <= self._cache_floor + ALIKE_BYTES
        part = actual - self._step if self._waits_for_figures else self._cache_floor
        self._target = max(self._floor, part)
        self._told_s, self._asked_s, self._moved_s, self._seen = None, now_s, now_s, actual
        return Step(self._target)

    def _hold(self, actual: int, why: Stop) -> Step:
        """The balloon is told to stay where it is, or it would go on taking what the guest frees later."""
        return Step(actual if actual - self._target > ALIKE_BYTES else None, why)
