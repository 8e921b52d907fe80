# SPDX-License-Identifier: GPL-3.0-or-later
"""Standstill and work from heartbeats."""

from __future__ import annotations

import pytest
from virtlab.guest import GuestOptions
from virtlab.report import Beat

from ansible_collections.virtops.live_migration.tests.gauntlet.heartbeat import Rhythm, pulse

pytestmark = pytest.mark.fast

ALWAYS = Rhythm(GuestOptions())


def beats(count: int, *, gap_after: int = -1, gap_ms: int = 0, host: str = "kvm01") -> list[Beat]:
    """One each 20 ms, with 10 pages each; after one of them the guest stands still."""
    found, at_ms = [], 0
    for number in range(count):
        found.append(Beat(at_ms * 1000, host, number, number * 20, number * 10, 0, 0))
        at_ms += 20 + (gap_ms if number == gap_after else 0)
    return found


def test_a_standstill_is_the_longest_gap_and_lost_time() -> None:
    found = pulse(beats(100, gap_after=50, gap_ms=480), ALWAYS, 0, 2_000_000)
    assert found.longest_gap_ms == 500
    assert found.busy_s == pytest.approx(2.0, abs=0.02)
    assert found.work_pages == 760


def test_a_gap_that_reaches_over_the_end_counts() -> None:
    assert pulse(beats(100, gap_after=50, gap_ms=480), ALWAYS, 0, 1_200_000).longest_gap_ms == 500


def test_only_busy_spells_count_as_time_for_work() -> None:
    rhythm = Rhythm(GuestOptions(busy_s=0.6, calm_s=0.4), began_ms=200)
    found = pulse(beats(101), rhythm, 0, 2_000_000)
    assert found.busy_s == pytest.approx(1.2, abs=0.05)
    assert [rhythm.busy(ms) for ms in (200, 790, 810, 1190, 1210)] == [True, True, False, False, True]


def test_a_second_running_copy_is_seen() -> None:
    first = beats(50)
    second = [Beat(each.stamp_us + 1_100_000, "kvm02", each.seq, each.guest_ms, each.pages, 0, 0) for each in beats(10)]
    assert pulse(first, ALWAYS, 0, 1_000_000).split_brain_beats == 0
    assert pulse([*first, *second], ALWAYS, 0, 2_000_000).split_brain_beats > 0
