# SPDX-License-Identifier: GPL-3.0-or-later
"""The page tells what was seen, and nothing else."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from cases import CASES, phase_of

from ansible_collections.virtops.live_migration.tests.faults.page import (
    EACH_CALL,
    PAGE,
    PHASES,
    all_written,
    latest,
    not_seen,
    summary,
    text,
)
from ansible_collections.virtops.live_migration.tests.faults.page import SEEN as SEEN_FILE

pytestmark = pytest.mark.fast
LIBVIRT = "libvirt 9.0.0, QEMU 7.2.22"


def line(kind: str, phase: str, end: str, *, by: str = "migration", versions: str = LIBVIRT, **more: t.Any) -> str:
    found = {"kind": kind, "phase": phase, "by": by, "end": end, "lost": False, "versions": versions}
    return json.dumps({**found, "at": "2026-11-29", "commit": "abc1234", **more})


SEEN = [
    line("stream broken", "precopy", "GIVEN_UP"),
    line("stream broken", "precopy", "STREAM_BROKEN"),
    line("stream broken", "postcopy", "moved"),
    line("stream broken", "postcopy", "completed", by="migration_rescue"),
    line("stream broken", "postcopy", "moved", versions="libvirt 12.8.0, QEMU 11.1.0"),
    line("source QEMU killed", "paused", "HALF_ENDED", lost=True),
]


def test_the_last_run_of_a_test_counts() -> None:
    assert [row["end"] for row in latest(SEEN)] == ["STREAM_BROKEN", "moved", "completed", "moved", "HALF_ENDED"]


def test_it_counts_what_was_seen() -> None:
    told = summary(latest(SEEN))
    assert told.startswith("2 kinds of fault x 3 phases x 2 versions")
    assert "3 of kind and phase, 5 with module and version" in told


def test_a_row_for_each_kind_and_a_column_for_each_phase_that_was_seen() -> None:
    page = text(SEEN)
    assert "``moved``, ``completed``" in page
    assert "**lost**: ``HALF_ENDED``" in page
    assert "GIVEN_UP" not in page
    assert f"- {PHASES['paused']}\n" in page
    assert f"- {PHASES['setup']}\n" not in page
    assert page.count("* - stream broken") == 1


def test_deaths_at_each_call_have_a_table_of_their_own() -> None:
    page = text([*SEEN, line("killed", EACH_CALL, "40 calls, 80 deaths: 80 moved")])
    assert page.count("40 calls, 80 deaths: 80 moved") == 1
    assert "2 kinds of fault x 3 phases" in page
    assert "Harm at each call" not in text(SEEN)


def test_every_phase_of_a_test_has_a_name() -> None:
    assert {phase_of(case) for cases in CASES.values() for case in cases} <= set(PHASES)


def test_what_was_not_seen_is_counted() -> None:
    seen = ("stream broken", "postcopy", "migration")
    assert "2 of the 3 tests" in not_seen(
        latest(SEEN), {seen, ("stream broken", "paused", "migration"), ("else", "setup", "x")}
    )
    assert "has passed: 1." in not_seen(
        latest(SEEN), {seen, ("stream broken", "paused", "migration"), ("else", "setup", "x")}
    )
    assert not_seen(latest(SEEN), {seen}) == "Every test of the matrix is among them."


def test_the_page_is_what_was_seen() -> None:
    root = Path(__file__).resolve().parents[2]
    lines = (root / SEEN_FILE).read_text(encoding="utf-8").splitlines()
    assert (root / PAGE).read_text(encoding="utf-8") == text(lines, all_written())
