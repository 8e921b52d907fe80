# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.rescue_order import rescue_order
from ansible_collections.virtops.live_migration.plugins.filter.rescue_report import rescue_report
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Phase,
    Progress,
)

MIB = 1 << 20


def job(
    name: str,
    verdict: str = "stuck",
    reason: str = "DIRTY_RATE",
    *,
    needed_ms: int | None = None,
    left_mib: int = 100,
    phase: Phase = Phase.PRECOPY,
    operation: str = "outgoing",
) -> dict[str, t.Any]:
    evidence = {} if needed_ms is None else {"needed_downtime_ms": needed_ms}
    sample = JobSample(phase, operation, memory=Progress(1000 * MIB, 0, left_mib * MIB), name=name, uuid=f"uuid-{name}")
    return sample.document({"verdict": verdict, "reason": reason, "evidence": evidence})


ALL = [
    job("well", "converging", "CONVERGING", left_mib=1),
    job("hard", needed_ms=5000, left_mib=10),
    job("harder", needed_ms=9000, left_mib=20),
    job("capped", reason="BANDWIDTH_CAP", needed_ms=9000, left_mib=900),
    job("near", needed_ms=400, left_mib=300),
    job("nearer", needed_ms=300, left_mib=200),
    job("split", "unknown", "POSTCOPY_RUNNING", phase=Phase.POSTCOPY),
    job("broken", "broken", "POSTCOPY_BROKEN", phase=Phase.POSTCOPY_FAILED, left_mib=800),
    job("standing", "finishing", "SWITCHOVER_BLOCKED", phase=Phase.SWITCHOVER, left_mib=900),
    job("arriving", "none", "INCOMING", operation="incoming"),
    job("gone", "none", "COMPLETED", phase=Phase.COMPLETED),
]
STILL = ["broken", "standing", "split"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        ({}, [*STILL, "nearer", "near", "capped", "hard", "harder", "well"]),
        ({"max_downtime_ms": ""}, [*STILL, "nearer", "near", "capped", "hard", "harder", "well"]),
        (
            {"max_downtime_ms": "350", "postcopy": "never"},
            [*STILL, "nearer", "capped", "hard", "harder", "near", "well"],
        ),
        ({"max_pause_s": 6}, [*STILL, "hard", "nearer", "near", "capped", "harder", "well"]),
        ({"policy": "post_copy"}, [*STILL, "nearer", "near", "capped", "hard", "harder", "well"]),
    ],
)
def test_those_first_that_it_helps_most(allowed: dict[str, t.Any], names: list[str]) -> None:
    assert [one["name"] for one in rescue_order(ALL, **allowed)] == names
    assert [one["name"] for one in rescue_order(list(reversed(ALL)), **allowed)] == names


def test_what_was_not_diagnosed_is_taken_all_the_same() -> None:
    plain = {**job("erp01"), "diagnosis": {}}
    odd = {**job("erp02"), "diagnosis": {"verdict": "stuck", "evidence": {"needed_downtime_ms": "soon"}}}
    assert [one["name"] for one in rescue_order([plain, odd])] == ["erp02", "erp01"]
    assert rescue_order([]) == []


@pytest.mark.parametrize("wrong", [None, 5, ["erp01"], [{}]])
def test_what_is_no_job_is_refused(wrong: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"NOT_A_JOB|job document"):
        rescue_order(wrong)


def test_a_policy_that_there_is_not() -> None:
    with pytest.raises(AnsibleFilterError, match="no policy"):
        rescue_order(ALL, "fast")


# --- the report

MOVED = {
    "item": job("erp01"),
    "changed": True,
    "outcome": "completed",
    "actions": [{"action": "set_downtime"}, {"action": "set_downtime"}, {"action": "start_postcopy"}],
    "downtime_ms": 30,
    "elapsed_ms": 9000,
    "record": {"decisions": [{"action": "wait"}], "looks": [[1]]},
}
LEFT = {"item": job("crm01"), "failed": False, "reason": "LEFT", "msg": "It goes on.", "actions": []}


def look(*names: str, state: str = "running", moving: t.Sequence[str] = ()) -> dict[str, t.Any]:
    guests = [{"name": name, "uuid": f"uuid-{name}", "state": state} for name in names]
    return {"guests": guests, "jobs": [job(name) for name in moving]}


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
    found = rescue_report({"kvm01": {"results": [MOVED]}}, {"kvm01": look("erp01"), "kvm02": look("erp01")})
    assert found["guests"][0]["runs_on"] == ["kvm01", "kvm02"]


def test_nothing_at_all() -> None:
    found = rescue_report({"kvm01": {"results": []}}, {"kvm01": look("erp01")})
    assert (found["outcome"], found["guests"], found["msg"]) == ("none", [], "No migration runs.")


@pytest.mark.parametrize("wrong", [{"kvm01": {"results": [{}]}}, {"kvm01": 5}, [1], {"kvm01": {"results": [1]}}])
def test_what_are_no_results_is_refused(wrong: t.Any) -> None:
    with pytest.raises(AnsibleFilterError):
        rescue_report(wrong, {})
