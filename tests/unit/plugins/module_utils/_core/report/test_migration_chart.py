# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing of a migration: what is shaded and marked in it, where its time begins, and what its legend has."""

from __future__ import annotations

import re

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.migration import Story
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.migration_chart import (
    numbered,
    panels,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import made
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import record
from ansible_collections.virtops.live_migration.tests.unit.plugins.stories import COLUMNS, at, decision, story

MIB = 1 << 20


def moving(count: int = 10, first: int = 0) -> list[list[object]]:
    return [at(number, sent=number * MIB, left=100 * MIB) for number in range(first, first + count + 1)]


def legend_of(found: Story) -> list[str]:
    return re.findall(r"</svg>([^<]+)</li>", panels(found))


def test_silence_is_seen() -> None:
    document = record("lab-left-at-deadline.json")
    sent, at = document["columns"].index("memory_processed_bytes"), document["columns"].index("at_s")
    assert "band-silence" not in made(migrations=[document]).partition("</style>")[2]
    for look in document["looks"][10:20]:
        look[sent] = document["looks"][10][sent]
    silent_s = document["looks"][19][at] - document["looks"][10][at]
    assert f"silence: not a byte was sent ({silent_s:.1f} s)" in made(migrations=[document])
    gap = record("lab-left-at-deadline.json")
    del gap["looks"][10:22]
    assert "nobody could look (" in made(migrations=[gap])


def test_each_shade_is_in_all_three_panels() -> None:
    looks = [*moving(), *(at(number, sent=10 * MIB) for number in range(11, 14))]
    text = panels(story(looks))
    assert text.count("<title>silence: not a byte was sent (3.0 s)</title>") == 3
    assert legend_of(story(looks))[-1] == "silence"


@pytest.mark.parametrize(
    ("first", "begins"),
    [(0, True), (1, True), (30, False)],
)
def test_one_that_was_taken_over_late_begins_there(first: int, begins: bool) -> None:
    text = panels(story(moving(10, first)))
    assert ('class="tick" text-anchor="middle">0</text>' in text) is begins


def test_the_legend_has_what_is_drawn() -> None:
    plain = ["left", "bandwidth", "downtime limit", "allowed by the policy"]
    assert legend_of(story(moving())) == plain
    assert "It was not throttled." in panels(story(moving()))
    columns = [*COLUMNS, "throttle_percent", "dirty_pages_per_s"]
    looks = [[*one, 20, 30] for one in moving()]
    full = story(looks, columns=columns, boundaries=[[2, 50 * MIB, 4.0]])
    assert legend_of(full) == [
        "left", "a pass begins", "bandwidth", "dirty rate", "needed downtime", *plain[2:], "throttle",
    ]  # fmt: skip
    assert "It was not throttled." not in panels(full)
    assert "<title>pass 2 begins after 4.0 s with 50.0 MiB left</title>" in panels(full)


def test_marks_of_sizes_are_round() -> None:
    text = panels(story([at(0, left=100 * MIB, sent=1), at(10, sent=2)]))
    labels = re.findall(r">([^<]*(?:MiB|GiB|B))</text>", text)
    assert labels[:3] == ["0 B", "50 MiB", "100 MiB"]


def test_marks_that_would_cover_each_other_are_in_lanes() -> None:
    close = story(moving(100), decisions=[decision(50 + number / 100, "set_downtime") for number in range(3)])
    apart = story(moving(100), decisions=[decision(20 * number, "set_downtime") for number in range(3)])
    heights = [
        re.findall(r'<circle cx="[^"]*" cy="([^"]*)" r="8.5" class="mark"', panels(one)) for one in (close, apart)
    ]
    assert heights == [["10.5", "30.5", "50.5"], ["10.5"] * 3]


def test_of_many_decisions_those_are_marked_that_did_something() -> None:
    decisions = [decision(number / 10, "wait" if number % 10 else "set_downtime") for number in range(50)]
    few, many = story(moving(), decisions=decisions[:40]), story(moving(), decisions=decisions)
    marks = [re.findall(r'class="mark-text" text-anchor="middle">(\d+)<', panels(one)) for one in (few, many)]
    assert marks == [[str(number) for number in range(1, 41)], ["1", "11", "21", "31", "41"]]
    assert [number for number, _at_s, _one in numbered(many)] == list(range(1, 51))


@pytest.mark.parametrize(("total_s", "drawn"), [(5.0, True), (50.0, False), (0.0, False)])
def test_the_end_that_was_expected(total_s: float, drawn: bool) -> None:
    """It counts from the end of the set-up, and is left out where it would be beyond the drawing."""
    looks = [at(0, "setup"), at(2, "setup"), *moving(8, 3)]
    text = panels(story(looks, forecast={"expected": {"total_s": total_s}}))
    assert ("after its set-up" in text) is drawn
    # 3 s of set-up and 5 s of 11.22 s, drawn from 70 to 950.
    x = re.search(r'<line x1="([\d.]+)" y1="[\d.]+" x2="\1" y2="[\d.]+" class="expected"/>', text)
    assert [one[1] for one in ([x] if x else [])] == (["697.5"] if drawn else [])


def test_what_was_measured_before() -> None:
    found = story(moving(), forecast={"basis": {"bandwidth_bytes_per_s": 600, "dirty_bytes_per_s": 1e12}})
    assert "bandwidth measured before" in panels(found)
    assert "dirty rate measured before" not in panels(found)
