# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a guest dirties in a time, as a curve, and how sure that is."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass, replace

from .working_set import WorkingSet

# What the worst curve has more: a guest is seldom measured in the very minute in which it is moved. Choices; forecasts
# say of 1.5 "half as much again".
_RATE_DOUBT = 1.5
_SET_DOUBT = 1.15
# Times the rate that was seen, a choice: a set that was all dirty within the shortest window may have been so earlier.
_AT_ONCE = 4


@dataclass(frozen=True)
class DirtyCurve:
    """Unique bytes dirtied in t seconds: ``d t`` at first, the working set in the end.

    ``scattered``: pages are hit at random, which bends the curve early; else the guest sweeps through its set and the
    curve is straight until the whole set is dirty, which is the most that a rate and a set can dirty.
    ``straight_bytes``: up to here it was seen to be straight.
    """

    working_set_bytes: float
    dirty_bytes_per_s: float
    scattered: bool = True
    straight_bytes: float = 0.0

    def unique_bytes(self, time_s: float) -> float:
        if self.working_set_bytes <= 0:
            return 0.0
        turns = self.dirty_bytes_per_s * time_s / self.working_set_bytes
        curve = self.working_set_bytes * (-math.expm1(-turns) if self.scattered else min(1.0, turns))
        return max(curve, min(self.straight_bytes, self.dirty_bytes_per_s * time_s))

    def at_most(self, time_s: float) -> float:
        """The same for a guest that sweeps: as a forecast of what a pass leaves, it errs on the side of more."""
        return min(self.working_set_bytes, self.dirty_bytes_per_s * time_s)

    def slowed(self, kept: float) -> DirtyCurve:
        """The same guest with this share of its work done."""
        return replace(self, dirty_bytes_per_s=self.dirty_bytes_per_s * kept)

    def enlarged(self, times: float, touched_bytes: float) -> DirtyCurve:
        """A guest that writes so many times as much, and as widely, in memory of that size."""
        return replace(
            self,
            working_set_bytes=min(touched_bytes, self.working_set_bytes * times),
            dirty_bytes_per_s=self.dirty_bytes_per_s * times,
            straight_bytes=self.straight_bytes * times,
        )


class DirtyCurves(t.NamedTuple):
    """What the guest most likely does, and what it may do at worst."""

    likely: DirtyCurve
    worst: DirtyCurve


def dirty_curves(measured: WorkingSet, touched_bytes: int) -> DirtyCurves:
    """From a measurement; ``touched_bytes``: the memory that the guest uses at all, which no set can exceed.

    Where a measurement is a lower bound, the likely load is the one that it shows to be there, continued as it was
    going: a set that did not end within the window is taken to go on, hit at random; one that was dirty at once to
    stay so. A set whose end was not seen was not dirty at once either, or the longer window would have shown more: so
    where a guest does too little for the two to be told apart, it goes on at the rate that was seen.
    """
    whole = float(touched_bytes)
    seen = min(whole, float(measured.working_set_bytes))
    at_once = measured.dirty_rate_is_lower_bound and not measured.working_set_is_lower_bound
    rate = float(measured.dirty_bytes_per_s) * (_AT_ONCE if at_once else 1)
    likely_set = whole if measured.working_set_is_lower_bound and rate > 0 else seen
    return DirtyCurves(
        DirtyCurve(likely_set, rate, not measured.dirty_rate_is_lower_bound, seen if likely_set > seen else 0.0),
        DirtyCurve(min(whole, likely_set * _SET_DOUBT), rate * _RATE_DOUBT, scattered=False),
    )


_IDLE = 0.005  # of the time; the kernel counts in steps of 10 ms


def kept_share(busy: t.Sequence[float], percent: float) -> float:
    """Of the work, taking what a processor writes to go with its time.

    ``busy``: the part of the time for which each virtual processor ran; without any it counts as all of the time.
    """
    allowed = 1 - percent / 100
    working = [share for share in busy if share >= _IDLE]
    if not working:
        return allowed
    return sum(min(share, allowed) for share in working) / sum(working)


def busy_shares(before_ns: t.Sequence[int], after_ns: t.Sequence[int], elapsed_s: float) -> tuple[float, ...]:
    """From the processor times of a guest at two moments; nothing when they are not of the same processors."""
    if elapsed_s <= 0 or len(before_ns) != len(after_ns):
        return ()
    return tuple(min(1.0, max(0, after - before) / 1e9 / elapsed_s) for before, after in zip(before_ns, after_ns))
