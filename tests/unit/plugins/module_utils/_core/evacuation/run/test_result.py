# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.result import (
    GuestResult,
    LeftOnHost,
    verdict,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.table import table_lines

ERP = {"name": "erp01", "uuid": "1", "state": "running", "state_reason": "booted"}
STOPPED_BY_NOTHING = ""


def row(name: str, outcome: str, **more: t.Any) -> GuestResult:
    return GuestResult(name, name, source="kvm01", outcome=outcome, **more)


def judged(
    *rows: GuestResult, remains: LeftOnHost | None = None, stopped: str = STOPPED_BY_NOTHING
) -> MigrationError | None:
    return verdict("kvm01", rows, remains if remains is not None else LeftOnHost(), stopped, {"guests": []})


def test_all_is_well() -> None:
    assert judged(row("a", "moved"), row("b", "already_there"), row("c", "left"), row("d", "shut_down")) is None


def test_what_is_to_be_done_about_what_is_left() -> None:
    for remains, first, more in (
        (LeftOnHost([ERP]), "Add guests that run there", False),
        (LeftOnHost([], [ERP]), "Run this again when what is on its way", False),
        (LeftOnHost([ERP], [ERP]), "Run this again when what is on its way", True),
    ):
        error = judged(row("a", "moved"), remains=remains)
        assert error is not None
        assert error.remedy.startswith(first)
        assert ("failed. Add guests" in error.remedy) is more


@pytest.mark.parametrize(
    ("rows", "remains", "stopped", "reason", "told"),
    [
        ([row("a", "failed", reason="NO_WAY")], LeftOnHost(), "", "GUESTS_FAILED", "a: NO_WAY"),
        ([row("a", "not_started")], LeftOnHost(), "", "GUESTS_FAILED", "had not begun (a)"),
        ([row("a", "not_started")], LeftOnHost(), "CANCELLED", "CANCELLED", "It was cancelled."),
        ([row("a", "moved")], LeftOnHost([ERP]), "", "NOT_EMPTY", "kvm01 still runs erp01"),
        ([row("a", "moved")], LeftOnHost([], [ERP]), "", "NOT_EMPTY", "Migrations still go on there: erp01"),
        ([row("a", "failed", reason="SPLIT_BRAIN")], LeftOnHost(), "CANCELLED", "SPLIT_BRAIN", "a: SPLIT_BRAIN"),
        ([row("a", "not_started")], LeftOnHost(), "INFRASTRUCTURE", "INFRASTRUCTURE", "Too many transfers failed"),
    ],
)
def test_what_is_not_well_is_told(
    rows: list[GuestResult], remains: LeftOnHost, stopped: str, reason: str, told: str
) -> None:
    error = judged(*rows, remains=remains, stopped=stopped)
    assert error is not None
    assert error.reason == reason
    assert told in error.problem
    assert error.state
    assert error.remedy
    assert error.result()["guests"] == []


def test_a_return_does_not_ask_for_an_empty_host() -> None:
    assert verdict("kvm01", [row("a", "moved")], None, "", {}) is None


def test_a_long_list_is_cut() -> None:
    error = judged(*[row(f"g{number:02}", "not_started") for number in range(20)])
    assert error is not None
    assert "g07 and 12 more" in error.problem
    assert "g08" not in error.problem


def test_a_row_takes_the_result_of_its_migration() -> None:
    one = row("a", "moved")
    actions = [{"action": "wait"}, {"action": "set_downtime"}, {"action": "start_postcopy"}, {"action": "set_downtime"}]
    one.take(
        {"runs_on": "kvm02", "downtime_ms": 12, "elapsed_ms": 900, "record": {"sent_bytes": 5}, "actions": actions}
    )
    assert (one.runs_on, one.downtime_ms, one.transfer_ms, one.sent_bytes) == ("kvm02", 12, 900, 5)
    assert one.remedies == ["set_downtime", "start_postcopy"]
    one.fail(MigrationError("X", "It broke.", state="As before.", remedy="Mend it.", facts={"runs_on": "kvm01"}))
    assert (one.outcome, one.reason, one.msg, one.runs_on) == ("failed", "X", "It broke.", "kvm01")
    assert one.remedies == ["set_downtime", "start_postcopy"]
    one.clear()
    assert (one.reason, one.msg, one.state, one.remedy) == ("", "", "", "")


def test_the_table() -> None:
    moved = row("erp01", "moved", destination="kvm02", elapsed_s=6.1, downtime_ms=122, sent_bytes=61735424)
    moved.remedies = ["start_postcopy"]
    failed = row("a\nb", "not_started", reason="NO_WAY", msg="No way.", remedy="Allow more.")
    assert table_lines([moved.document(), failed.document()]) == [
        "guest  from   to     outcome      time   downtime  data      remedies",
        "erp01  kvm01  kvm02  moved        6.1 s  122 ms    58.9 MiB  start_postcopy",
        "a\\nb   kvm01  -      not started  -      -         -         -",
        "a\\nb: NO_WAY: No way. Allow more.",
    ]
    assert table_lines([]) == ["No guests."]
    long = row("x" * 300, "moved")
    assert len(table_lines([long.document()])[1]) < 110
