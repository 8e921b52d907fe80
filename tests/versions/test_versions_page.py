# SPDX-License-Identifier: GPL-3.0-or-later
"""The page tells what was seen on which versions, and a run adds to what others have seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.tests.versions.page import text
from ansible_collections.virtops.live_migration.tests.versions.results import (
    CANNOT_BE,
    FAILED,
    PASSED,
    Case,
    from_a_run,
    keep,
    kept,
    latest,
)

pytestmark = pytest.mark.fast
HOSTS = ("libvirt 11.3.0, QEMU 10.0.11",) * 2


def case(name: str, outcome: str = PASSED, why: str = "", file: str = "test_abort", **more: str) -> Case:
    return Case(file, name, outcome, why, HOSTS, **{"at": "2026-11-30", "commit": "abc1234", **more})


def written_run(directory: Path, cases: str) -> Path:
    (directory / "integration").mkdir(parents=True)
    (directory / "integration" / "integration.xml").write_text(f"<x>{cases}</x>")
    facts = {"at": "2026-11-30", "commit": "abc1234", "hosts": list(HOSTS)}
    (directory / "facts.json").write_text(json.dumps(facts))
    return directory


def test_a_run_is_read_from_what_pytest_wrote(tmp_path: Path) -> None:
    cases = (
        '<testcase classname="a.b.test_abort" name="one"/>'
        '<testcase classname="a.b.test_abort" name="two"><failure message="&#10; it broke&#10; more">x</failure>'
        "</testcase>"
        '<testcase classname="a.b.test_abort" name="three"><skipped message="too old"/></testcase>'
    )
    assert from_a_run(written_run(tmp_path, cases)) == [
        case("one"),
        case("two", FAILED, "it broke"),
        case("three", CANNOT_BE, "too old"),
    ]


def test_a_run_that_has_not_ended_counts_for_nothing(tmp_path: Path) -> None:
    (written_run(tmp_path, '<testcase classname="test_abort" name="one"/>') / "facts.json").unlink()
    assert from_a_run(tmp_path) == []


def test_what_is_kept_is_what_was_seen_last(tmp_path: Path) -> None:
    path = tmp_path / "seen" / "pair.jsonl"
    assert kept(path) == []
    keep(path, [case("two", FAILED, "it broke"), case("one")])
    assert latest([*kept(path), case("two", commit="def5678")]) == [case("one"), case("two", commit="def5678")]


def test_each_file_has_a_row_and_what_did_not_pass_its_reason() -> None:
    page = text({"trixie-trixie": [case("one"), case("t_2", FAILED, "a | `b`"), case("three", CANNOT_BE, "too old")]})
    assert "1 of 2" in page
    assert "- test_abort: t\\_2\n     - Debian 13 to Debian 13\n     - failed\n     - a / 'b'\n" in page
    assert "- cannot be\n     - too old\n" in page
    assert "- Debian 12 to Debian 12\n     - not run\n" in page
    assert page.count("libvirt 11.3.0, QEMU 10.0.11") == 1


def test_nothing_seen_is_no_table() -> None:
    assert "Each file of tests" not in text({})
