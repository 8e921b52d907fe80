# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report is made from, how it is called, and the few lines that sum it up."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import made
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import (
    evacuation,
    hostile,
    readiness,
    record,
)


def test_names_of_files() -> None:
    assert report_of({"migrations": [record()]}).file_name == "migration.html"
    assert report_of({"evacuations": [evacuation(3)]}).file_name == "evacuation-20261130T024000Z.html"
    assert report_of({"readiness": readiness(3)}).file_name == "readiness.html"
    assert report_of({}).file_name == "nothing.html"


def test_the_summary_is_short() -> None:
    lines = report_of({**hostile(), "evacuations": [evacuation(4000)]}).lines
    assert len(lines) == 12
    assert lines[-1].startswith("and ")
    assert all(line.isprintable() for line in report_of(hostile()).lines)


@pytest.mark.parametrize(
    ("documents", "reason"),
    [
        ([], "NOT_A_REPORT"),
        ({"migrations": {}}, "NOT_A_REPORT"),
        ({"migrations": "x"}, "NOT_A_REPORT"),
        ({"title": 3}, "NOT_A_REPORT"),
        ({"migrations": [{"looks": 1}]}, "NOT_A_RECORD"),
        ({"migrations": [3]}, "NOT_A_RECORD"),
        ({"evacuations": [{}]}, "NOT_AN_EVACUATION"),
        ({"evacuations": [{"guests": [{"name": 1, "outcome": ""}]}]}, "NOT_AN_EVACUATION"),
        ({"readiness": [{}]}, "NOT_READINESS"),
    ],
)
def test_what_is_no_report_is_refused(documents: t.Any, reason: str) -> None:
    with pytest.raises(MigrationError) as caught:
        report_of(documents)
    assert caught.value.reason == reason


def test_results_without_a_record_are_passed_over() -> None:
    report = report_of({"migrations": [{"outcome": "already_there"}, {"record": record()}]})
    assert len(report.stories) == 1
    assert "Nothing happened" in made()


def test_what_failed_comes_first_and_then_what_was_left() -> None:
    outcomes = ["completed", "left", "cancelled", "failed"]
    report = report_of({"migrations": [{**record(), "outcome": one} for one in outcomes]})
    assert [story.outcome for story in report.stories] == ["failed", "cancelled", "left", "completed"]
    assert report.lines[0] == "1 of 4 migrations completed."


def test_evacuations_are_in_the_order_in_which_they_began() -> None:
    runs = [{**evacuation(3), "began_epoch_s": began, "host": host} for began, host in ((9.0, "b"), (5.0, "a"))]
    assert [run.host for run in report_of({"evacuations": runs}).evacuations] == ["a", "b"]


@pytest.mark.parametrize(
    ("documents", "title"),
    [
        ({"migrations": [record()]}, f"Migration of {record()['name']}"),
        ({"migrations": [record()] * 2}, "What was migrated"),
        ({"migrations": [record()], "readiness": readiness(3)}, f"Migration of {record()['name']}"),
        ({"readiness": readiness(3)}, "Readiness for live migration"),
        ({"migrations": [record()], "evacuations": [evacuation(3)]}, "What came of the evacuation"),
        ({}, "What was migrated"),
    ],
)
def test_titles(documents: dict[str, t.Any], title: str) -> None:
    assert report_of(documents).default_title == title


def test_the_line_of_a_migration() -> None:
    more = {"name": "erp01", "outcome": "completed", "elapsed_ms": 61_000, "sent_bytes": 3 << 20, "downtime_ms": 40}
    actions = [("wait", True), ("set_downtime", True), ("set_bandwidth", False), ("start_postcopy", True)]
    more["decisions"] = [
        {"at_s": 1, "action": action, "reason": "", "because": "", "apply": apply} for action, apply in actions
    ]
    assert report_of({"migrations": [{**record(), **more}]}).lines == [
        "erp01: completed after 1 min 1 s, 3.0 MiB sent, stood still for 40 ms; set downtime, start postcopy."
    ]


def test_the_line_of_an_evacuation() -> None:
    guests = [
        {"name": "erp01", "outcome": "moved", "sent_bytes": 1 << 30, "downtime_ms": 50},
        {"name": "crm01", "outcome": "adopted", "sent_bytes": 1 << 30, "downtime_ms": 90},
        {"name": "web01", "outcome": "not_movable", "reason": "NO_WAY"},
        {"name": "db01", "outcome": "left"},
    ]
    run = {"host": "kvm01", "guests": guests, "elapsed_s": 90.0, "stopped": "by hand"}
    assert report_of({"evacuations": [run]}).lines == [
        "2 of 4 guests left kvm01 in 1 min 30 s, 2.0 GiB sent; stood still at most 90 ms (crm01); stopped: by hand.",
        "web01: not movable (NO_WAY)",
    ]
    home = {**run, "purpose": "return", "guests": [], "stopped": "", "elapsed_s": None}
    assert report_of({"evacuations": [home]}).lines == ["0 of 0 guests came home from kvm01, 0 B sent."]
