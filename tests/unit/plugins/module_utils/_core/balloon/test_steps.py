# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.reclaim import Reclaim, reclaimable
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.statistics import MemoryStatistics
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.steps import (
    Shrinking,
    Step,
    Stop,
    limit_s,
)

MIB, GIB = 1 << 20, 1 << 30


class Guest:
    """A balloon that takes 1 GiB/s, and a guest that tells its figures each second."""

    def __init__(self, free_mib: int = 500, cache_mib: int = 200, used_mib: int = 300) -> None:
        self.actual = self.target = (free_mib + cache_mib + used_mib) * MIB
        self.used, self.cache = used_mib * MIB, cache_mib * MIB
        self.swap_out = 0
        self.now_s, self.tells, self.least = 100.0, True, 0
        self.figures = self._figures()

    def _figures(self) -> MemoryStatistics:
        usable = max(0, self.actual - self.used)
        free = max(0, usable - self.cache)
        return MemoryStatistics(
            self.actual, self.actual, usable, free, swap_out_bytes=self.swap_out, updated_s=int(self.now_s)
        )

    def look(self) -> MemoryStatistics:
        return replace(self.figures, actual_bytes=self.actual)

    def passes(self, seconds: float = 0.1) -> None:
        before = int(self.now_s)
        self.now_s = round(self.now_s + seconds, 3)
        step = int(GIB * seconds)
        if self.actual > self.target:
            self.actual = max(self.target, self.actual - step, self.least)
        else:
            self.actual = min(self.target, self.actual + step)
        self.cache = min(self.cache, max(0, self.actual - self.used))
        if self.tells and int(self.now_s) > before:
            self.figures = self._figures()


def run(guest: Guest, reclaim: Reclaim, happens: t.Callable[[Guest], None] = lambda _guest: None) -> list[Step]:
    """What was asked of the balloon, the end last."""
    engine = Shrinking(guest.look(), reclaim, guest.now_s)
    found: list[Step] = []
    while True:
        step = engine.next(guest.now_s, guest.look())
        if step.set_bytes is not None:
            guest.target = step.set_bytes
        if step != Step():
            found.append(step)
        if step.stop is not None:
            return found
        guest.passes()
        happens(guest)


def of(guest: Guest, keep_mib: int = 100) -> Reclaim:
    return reclaimable(guest.look(), guest.actual, keep_mib * MIB)


def test_what_is_free_at_once_and_the_cache_in_parts() -> None:
    guest = Guest()
    steps = run(guest, of(guest))
    assert [step.set_bytes for step in steps[:-1]] == [size * MIB for size in (600, 472, 400)]
    assert steps[-1] == Step(stop=Stop.DONE)
    assert guest.actual == 400 * MIB
    assert guest.now_s - 100 < 6


def test_only_free_memory_waits_for_nobody() -> None:
    guest = Guest(cache_mib=0)
    guest.tells = False
    steps = run(guest, of(guest))
    assert steps == [Step(400 * MIB), Step(stop=Stop.DONE)]
    assert guest.now_s - 100 < 1


def test_each_part_of_a_cache_waits_for_what_the_guest_says() -> None:
    guest = Guest(free_mib=100)
    guest.tells = False
    steps = run(guest, of(guest))
    assert steps == [Step((600 - 128) * MIB), Step(stop=Stop.SILENT)]


def test_a_guest_that_swaps_gets_the_last_part_back_at_once() -> None:
    guest = Guest()

    def swaps(guest: Guest) -> None:
        guest.swap_out = 4096 if guest.actual < 500 * MIB else 0

    steps = run(guest, of(guest), swaps)
    assert steps[-1] == Step(600 * MIB, Stop.SWAPPING)
    assert [step.set_bytes for step in steps[:-1]] == [600 * MIB, 472 * MIB]


def test_what_was_swapped_before_does_not_count() -> None:
    guest = Guest()
    guest.swap_out = 7 * GIB
    guest.figures = replace(guest.figures, swap_out_bytes=7 * GIB)
    assert run(guest, of(guest))[-1].stop is Stop.DONE


def test_a_balloon_that_stands_still_is_told_to_stay_there() -> None:
    """Else it would go on taking what the guest frees later."""
    guest = Guest()
    guest.least = 700 * MIB
    steps = run(guest, of(guest))
    assert steps == [Step(600 * MIB), Step(700 * MIB, Stop.STANDS_STILL)]


def test_a_slow_one_has_a_limit_in_time() -> None:
    guest = Guest(free_mib=20_000)
    reclaim = of(guest)

    def slowly(guest: Guest) -> None:
        guest.actual += int(0.095 * GIB) if guest.actual > guest.target else 0

    steps = run(guest, reclaim, slowly)
    assert steps[-1].stop is Stop.TOO_LONG
    assert steps[-1].set_bytes == guest.target
    assert guest.now_s - 100 <= limit_s(reclaim) + 1


def test_the_limit_grows_with_what_is_taken_and_has_an_end() -> None:
    small, large, huge = (limit_s(Reclaim(size, 0, 0, 0, 0)) for size in (GIB, 20 * GIB, 8 << 40))
    assert (small, large, huge) == (17.0, 55.0, 120.0)


@pytest.mark.parametrize("other_mib", [900, 1100, 200])
def test_somebody_else_sets_it_too(other_mib: int) -> None:
    guest = Guest()

    def other(guest: Guest) -> None:
        if guest.now_s > 101.3:
            guest.actual = guest.target = other_mib * MIB

    steps = run(guest, of(guest), other)
    assert steps[-1] == Step(stop=Stop.CHANGED)


def test_what_the_guest_needs_may_grow_meanwhile() -> None:
    guest = Guest()

    def grows(guest: Guest) -> None:
        guest.used = 350 * MIB

    steps = run(guest, of(guest), grows)
    assert steps[-1].stop is Stop.DONE
    assert guest.actual >= 450 * MIB - 128 * MIB


def test_nothing_to_take_is_done_at_once() -> None:
    guest = Guest()
    assert run(guest, of(guest, keep_mib=900)) == [Step(stop=Stop.DONE)]
