# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn of a record: when it was set up, silent, unseen and standing still, and what it would have needed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.migration import Shade, story_of
from ansible_collections.virtops.live_migration.tests.unit.plugins.stories import COLUMNS, at, decision, story


def test_times_are_those_of_the_job() -> None:
    """It was adopted in its fifth second, a hundred seconds after the clock of the record began."""
    looks = [[100.0, "precopy", 5000, 0, 0, 0], [102.0, "precopy", 7000, 1, 0, 0]]
    found = story(looks, boundaries=[[2, 300, 101.0]], decisions=[decision(100.5, "wait"), decision(1.0, "wait")])
    assert [one.at_s for one in found.looks] == [5, 7]
    assert found.boundaries == [(2, 300, 6)]
    assert [at_s for at_s, _one in found.decisions] == [5.5, 0]
    assert found.end_s == 7


@pytest.mark.parametrize(
    ("elapsed", "times"),
    [((0, 2000), [0, 2]), ((0, 0), [0, 2]), ((None, 3500), [1.5, 3.5])],
)
def test_the_first_look_that_tells_the_time_of_the_job_counts(elapsed: tuple[t.Any, ...], times: list[float]) -> None:
    looks = [[100.0, "setup", elapsed[0], 0, 0, 0], [102.0, "precopy", elapsed[1], 1, 0, 0]]
    assert [one.at_s for one in story(looks).looks] == times


def test_looks_that_lack_something_are_left_out() -> None:
    assert [one.at_s for one in story([at(1), [2.0, "precopy", 2000], ["x", *at(3)[1:]], at(4, sent=1)]).looks] == [
        1,
        4,
    ]
    assert story([]).end_s == 0


def test_phases_are_shaded() -> None:
    phases = ["setup", "setup", "precopy", "postcopy", "postcopy", "postcopy_failed", "failed"]
    found = story([at(number, phase, sent=number) for number, phase in enumerate(phases)])
    assert found.shades == [Shade("setup", 0, 2), Shade("postcopy", 3, 5), Shade("broken", 5, 6)]
    assert found.set_up_s == 2


@pytest.mark.parametrize(
    ("phases", "downtime_ms", "shades"),
    [
        (["precopy", "precopy", "completed"], 250, [Shade("standstill", 1.75, 2)]),
        (["precopy", "postcopy", "completed"], 250, [Shade("postcopy", 1, 2), Shade("standstill", 0.75, 1)]),
        (["precopy", "switchover", "completed"], 250, [Shade("standstill", 1, 2)]),
        (["precopy", "precopy", "completed"], 9000, [Shade("standstill", 0, 2)]),
        (["precopy", "precopy", "completed"], None, []),
    ],
)
def test_when_it_stood_still(phases: list[str], downtime_ms: int | None, shades: list[Shade]) -> None:
    looks = [at(number, phase, sent=number) for number, phase in enumerate(phases)]
    assert story(looks, downtime_ms=downtime_ms).shades == shades


@pytest.mark.parametrize(
    ("looks", "shades"),
    [
        ([at(0, sent=1), at(1, sent=5), at(2, sent=5), at(3, sent=5), at(4, sent=6)], [Shade("silence", 1, 3)]),
        ([at(0, sent=1), at(1, sent=5), at(2.9, sent=5), at(4, sent=6)], []),
        ([at(0, sent=5), at(3, "completed", sent=5)], []),
        ([at(0, sent=1), at(1, sent=2), at(2, sent=3), at(8, sent=4), at(9, sent=5)], [Shade("unseen", 2, 8)]),
        ([at(0, sent=1), at(1, sent=2), at(2, sent=3), at(7, sent=4), at(8, sent=5)], []),
        # Looks that are always far apart are no gaps.
        ([at(10 * number, sent=number) for number in range(4)], []),
    ],
)
def test_silence_and_what_nobody_saw(looks: list[list[t.Any]], shades: list[Shade]) -> None:
    assert story(looks).shades == shades


def test_what_it_would_have_needed() -> None:
    """What was left over the bandwidth at a boundary, but what was decided by where there was a decision."""
    looks = [at(1, rate=500, sent=1), at(2, rate=1000, sent=2), at(3, rate=0, sent=3)]
    decisions = [decision(3.0, "wait", numbers={"needed_downtime_ms": 700}), decision(2.5, "wait", numbers={})]
    found = story(looks, boundaries=[[2, 2000, 1.0], [3, 2000, 2.0], [4, 2000, 3.0], [1, 9, 0.5]], decisions=decisions)
    assert found.needed_ms == [(1, 4000), (2, 2000), (3, 700)]


def test_what_was_done_is_told_once_and_only_what_was_done() -> None:
    actions = [
        decision(1, "wait"),
        decision(2, "start_postcopy"),
        decision(3, "set_downtime"),
        decision(4, "start_postcopy"),
        decision(5, "cancel", apply=False),
        decision(6, "leave"),
    ]
    assert story([at(1)], decisions=actions).remedies == ["start_postcopy", "set_downtime"]
    assert (story([], outcome="completed").outcome, story([]).outcome) == ("completed", "not known")


def test_a_look() -> None:
    columns = [*COLUMNS, "disk_processed_bytes", "disk_remaining_bytes", "dirty_pages_per_s", "page_size_bytes"]
    columns += ["throttle_percent", "max_downtime_ms", "results"]
    first = [*at(1, sent=10, left=20), 1, 2, 3, 8192, 40, 300, [["a", "", ""]]]
    second = [*at(2, "completed", sent=30), None, None, 3, None, None, None, None]
    one, other = story_of({"name": "erp01", "columns": columns, "looks": [first, second]}).looks
    assert (one.sent_bytes, one.left_bytes, one.bandwidth, one.dirty) == (11, 22, 1000, 3 * 8192)
    assert (one.throttle, one.limit_ms, one.results) == (40, 300, [["a", "", ""]])
    assert (other.bandwidth, other.dirty, other.limit_ms, other.results) == (None, None, None, [])


def test_what_is_no_record_is_refused_with_its_place() -> None:
    with pytest.raises(MigrationError) as caught:
        story_of({"looks": []}, "migrations[3]")
    assert caught.value.reason == "NOT_A_RECORD"
    assert "migrations[3]" in caught.value.problem
