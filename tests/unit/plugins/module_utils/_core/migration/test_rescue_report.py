# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.rescue_report import rescue_report
from ansible_collections.virtops.live_migration.tests.unit.plugins.rescues import LEFT, MOVED, job, look


def test_one_report_of_all() -> None:
    results = {"kvm01": {"results": [MOVED, LEFT]}, "kvm02": {"results": [], "skipped": True}}
    ends = {"kvm01": look("crm01", moving=["crm01"]), "kvm02": look("erp01")}
    found = rescue_report(results, ends, {"uuid-erp01": "kvm02"})
    first, second = found["guests"]
    assert (first["guest"], first["source"], first["destination"], first["runs_on"]) == (
        "erp01",
        "kvm01",
        "kvm02",
        ["kvm02"],
    )
    assert first["remedies"] == ["set_downtime", "start_postcopy"]
    assert first["msg"] == "erp01 runs on kvm02. It stood still for 30 ms. Remedies used: set_downtime, start_postcopy."
    assert (second["outcome"], second["reason"], second["runs_on"], second["msg"]) == (
        "failed",
        "LEFT",
        [],
        "It goes on.",
    )
    assert (found["outcome"], found["reason"], found["guest"]) == ("failed", "LEFT", "")
    assert found["remedies"] == ["set_downtime", "start_postcopy"]
    assert "looks" not in str(found)


def test_the_report_of_one() -> None:
    found = rescue_report({"kvm01": {"results": [MOVED]}}, {"kvm02": look("erp01")}, {}, "erp01")
    assert (found["guest"], found["source"], found["outcome"], found["downtime_ms"]) == (
        "erp01",
        "kvm01",
        "completed",
        30,
    )
    assert found["guests"] == [{key: value for key, value in found.items() if key != "guests"}]


def test_one_that_was_not_being_migrated() -> None:
    ends = {"kvm01": look("erp01"), "kvm02": look("erp01", state="shut off")}
    found = rescue_report({"kvm01": {"results": []}, "kvm02": {}}, ends, {}, "erp01")
    assert (found["outcome"], found["source"], found["runs_on"]) == ("none", "", ["kvm01"])
    assert found["msg"] == "erp01 was not being migrated; it runs on kvm01."


def test_one_that_runs_twice_shows() -> None:
    found = rescue_report({"kvm01": {"results": [MOVED]}}, {"kvm01": look("erp01"), "kvm02": look("erp01")}, {})
    assert found["guests"][0]["runs_on"] == ["kvm01", "kvm02"]


def test_nothing_at_all() -> None:
    found = rescue_report({"kvm01": {"results": []}}, {"kvm01": look("erp01")}, {})
    assert (found["outcome"], found["guests"], found["msg"]) == ("none", [], "No migration runs.")


def test_one_that_was_skipped_was_not_taken_over() -> None:
    results = {"kvm01": {"results": [{"item": job("crm01"), "skipped": True}, MOVED]}}
    assert [one["guest"] for one in rescue_report(results, {}, {})["guests"]] == ["erp01"]


def test_one_that_was_only_watched() -> None:
    watched = {"item": job("erp01"), "outcome": "observed", "actions": []}
    found = rescue_report({"kvm01": {"results": [watched, MOVED]}}, {}, {})
    assert (found["outcome"], found["guests"][0]["msg"]) == ("observed", "erp01 was only watched.")


def test_one_whose_end_nobody_of_these_saw() -> None:
    found = rescue_report({"kvm01": {"results": [{**MOVED, "actions": [], "downtime_ms": None}]}}, {}, {}, "erp01")
    assert found["msg"] == "erp01 runs on a host outside of this play."


@pytest.mark.parametrize("wrong", [{"kvm01": {"results": [{}]}}, {"kvm01": 5}, [1], {"kvm01": {"results": [1]}}])
def test_what_are_no_results_is_refused(wrong: t.Any) -> None:
    with pytest.raises(MigrationError) as caught:
        rescue_report(wrong, {}, {})
    assert caught.value.reason == "NOT_A_RESCUE"
