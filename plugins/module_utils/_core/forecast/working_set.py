# SPDX-License-Identifier: GPL-3.0-or-later
"""Working set and dirty rate of a guest, from how much memory it dirtied within two windows of time.

A page counts once in a window, however often it is written. A guest that writes ``d`` bytes/s spread over a working
set of ``W`` bytes therefore dirties ``U(t) = W (1 - exp(-d t / W))`` unique bytes in ``t`` seconds: ``d t`` while the
window is short, ``W`` when it is long. Two windows give two equations.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass, replace

from ..errors import MigrationError
from ..units import GIB

# No guest writes as evenly as the formula has it: differences below this share of the measured bytes tell nothing.
_MODEL_TOLERANCE = 0.05
_MOST = 2**200  # Python's whole numbers have no end, but those that are reckoned with here have


# Pages of zeros are not sent, but QEMU reads them to know: a guest of 1 TiB that used next to nothing took 70 s.
ZEROS_BYTES_PER_S = 14.4 * GIB


def scan_s(memory_bytes: t.Optional[int], touched_bytes: t.Optional[int]) -> float:
    """How long the first pass needs for what the guest does not use; 0 where either is not known."""
    return max(0, memory_bytes - touched_bytes) / ZEROS_BYTES_PER_S if memory_bytes and touched_bytes else 0.0


_SAMPLED_PAGE_STANDS_FOR_BYTES = GIB // 512  # QEMU samples 512 pages in each GiB, migration/dirtyrate.h


def sampling_error_bytes(dirty_bytes: int, all_bytes: int) -> int:
    """How far off the mode page-sampling may be: two standard deviations of drawing that many dirty pages.

    ``all_bytes``: the memory that samples are taken from. One page at least, for a guest that looks idle.
    """
    found_bytes = min(max(dirty_bytes, _SAMPLED_PAGE_STANDS_FOR_BYTES), all_bytes)
    variance = found_bytes * (all_bytes - found_bytes) / all_bytes * _SAMPLED_PAGE_STANDS_FOR_BYTES
    return math.ceil(2 * math.sqrt(variance))


class Window(t.NamedTuple):
    """Unique bytes dirtied within ``window_s`` seconds, right to ``tolerance_bytes`` more or less."""

    window_s: float
    unique_bytes: int
    tolerance_bytes: int = 0

    @property
    def doubt_bytes(self) -> float:
        return max(self.tolerance_bytes, _MODEL_TOLERANCE * self.unique_bytes)


@dataclass(frozen=True)
class WorkingSet:
    """What a guest keeps rewriting, and how fast; a flag says that the truth is this much or more."""

    working_set_bytes: int
    working_set_is_lower_bound: bool
    dirty_bytes_per_s: int
    dirty_rate_is_lower_bound: bool

    @property
    def only_lower_bounds(self) -> bool:
        """Whether it only says what was seen, as one window does, and how it goes on is not known."""
        return self.working_set_is_lower_bound and self.dirty_rate_is_lower_bound

    @property
    def nothing_beyond(self) -> WorkingSet:
        """The guest that has dirtied all that it ever does, and at once."""
        return replace(self, working_set_is_lower_bound=False, dirty_rate_is_lower_bound=True)


def working_set(windows: t.Iterable[Window], memory_bytes: t.Optional[int] = None) -> WorkingSet:
    """Solve for W and d from the shortest and the longest window; raises ValueError without a usable one.

    As much in the longer window as in the shorter means that the shorter saw the whole set, and d may be anything
    above. As much again in each second means that the set goes on beyond what was seen. One window alone, or two that
    are too rough to tell these apart, give only lower bounds. Nothing dirtied at all is taken as it is.
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

    stretch = long.window_s / short.window_s
    straight = stretch * short.unique_bytes - long.unique_bytes <= math.hypot(
        stretch * short.doubt_bytes, long.doubt_bytes
    )
    flat = long.unique_bytes - short.unique_bytes <= math.hypot(short.doubt_bytes, long.doubt_bytes)
    if straight or flat:
        return WorkingSet(least_set_bytes, straight, least_bytes_per_s, flat)
    turns = _turns_of_the_set(stretch, long.unique_bytes / short.unique_bytes)
    set_bytes = short.unique_bytes / -math.expm1(-turns)
    bytes_per_s = max(least_bytes_per_s, round(turns * set_bytes / short.window_s))
    if memory_bytes is not None and set_bytes > memory_bytes:
        # A guest that sweeps through its set in order bends the curve later than the formula has it.
        return WorkingSet(least_set_bytes, True, bytes_per_s, False)
    return WorkingSet(max(least_set_bytes, round(set_bytes)), False, bytes_per_s, False)


def read_working_set(document: t.Mapping[str, t.Any]) -> WorkingSet:
    """The way back from a document with the fields of :class:`WorkingSet`; the two flags may be missing."""
    for name in ("working_set_bytes", "dirty_bytes_per_s"):
        value = document.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _MOST:
            raise MigrationError(
                "BAD_DIRTY_RATE",
                f"{name} of the dirty rate is {value!r:.80}, but must be a number from 0 up.",
                state="Nothing was changed.",
                remedy="Give what migration_dirty_rate_info returns as dirty_rate, or these two and memory_bytes.",
            )
    return WorkingSet(
        int(document["working_set_bytes"]),
        bool(document.get("working_set_is_lower_bound", False)),
        int(document["dirty_bytes_per_s"]),
        bool(document.get("dirty_rate_is_lower_bound", False)),
    )


def _turns_of_the_set(stretch: float, growth: float) -> float:
    """d t / W of the short window, that is how many times it could have written the whole set.

    ``growth`` is U(long) / U(short). It falls steadily from ``stretch``, when no page is hit twice, to 1, when the
    short window has hit all of them; so halving finds the place.
    """
    low, high = 0.0, 64.0
    for _step in range(60):
        middle = (low + high) / 2
        if math.expm1(-middle * stretch) / math.expm1(-middle) > growth:
            low = middle
        else:
            high = middle
    return high
