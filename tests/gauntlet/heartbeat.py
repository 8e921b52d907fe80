# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's heartbeats say of a stretch of time: how long it stood still, and how much it worked."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from pathlib import Path

from virtlab.guest import GuestOptions
from virtlab.report import Beat, beat, entries

_SECOND_COPY_US = 100_000  # read in one look, the lines of two hosts may change places


@dataclass(frozen=True)
class Pulse:
    """``busy_s``: of this machine's time, while the guest had work to do; standstills count."""

    longest_gap_ms: float
    work_pages: int
    busy_s: float
    split_brain_beats: int

    @property
    def rate_pages_per_s(self) -> float:
        return self.work_pages / self.busy_s if self.busy_s > 0 else 0.0


class Rhythm:
    """When a guest is busy, by its own clock; one without spells always is."""

    def __init__(self, options: GuestOptions, began_ms: int = 0) -> None:
        self.busy_ms, self.calm_ms = options.busy_s * 1000, options.calm_s * 1000
        self.began_ms = began_ms

    @property
    def period_ms(self) -> float:
        return self.busy_ms + self.calm_ms

    def phase_ms(self, guest_ms: int) -> float:
        return (guest_ms - self.began_ms) % self.period_ms if self.period_ms else 0.0

    def busy(self, guest_ms: int) -> bool:
        return not self.period_ms or self.phase_ms(guest_ms) < self.busy_ms


def beats(path: Path, offset: int = 0) -> list[Beat]:
    return [found for entry in entries(path, offset) if (found := beat(entry))]


def work_began_ms(path: Path) -> int:
    """The guest's clock when its work began, within a heartbeat."""
    ready = False
    for entry in entries(path):
        ready = ready or entry.kind == "R"
        found = beat(entry)
        if ready and found:
            return found.guest_ms
    raise ValueError("the guest's program has not begun to work")


def pulse(found: t.Sequence[Beat], rhythm: Rhythm, from_us: int, to_us: int) -> Pulse:
    """Over the beats from the last one before ``from_us`` to the first one after ``to_us``."""
    before = [each for each in found if each.stamp_us <= from_us][-1:]
    during = [each for each in found if from_us < each.stamp_us < to_us]
    after = [each for each in found if each.stamp_us >= to_us][:1]
    window = [*before, *during, *after]
    gap_us, busy_us, second_copy = 0, 0, 0
    for earlier, later in zip(window, window[1:]):
        passed_us = later.stamp_us - earlier.stamp_us
        gap_us = max(gap_us, passed_us)
        busy_us += passed_us if rhythm.busy(earlier.guest_ms) else 0
    highest = window[0] if window else None
    for each in window[1:]:
        if highest and each.seq <= highest.seq and each.host != highest.host:
            second_copy += each.stamp_us - highest.stamp_us > _SECOND_COPY_US
        if highest and each.seq > highest.seq:
            highest = each
    pages = highest.pages - window[0].pages if highest else 0
    return Pulse(gap_us / 1000, pages, busy_us / 1e6, second_copy)
