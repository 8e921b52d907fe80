# SPDX-License-Identifier: GPL-3.0-or-later
"""What users may write for the filters of a rescue; the rules themselves are tested in the core."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.rescue_order import rescue_order
from ansible_collections.virtops.live_migration.plugins.filter.rescue_report import rescue_report
from ansible_collections.virtops.live_migration.tests.unit.plugins.rescues import MOVED, job, look

ALL = [job("hard", needed_ms=5000, left_mib=10), job("capped", reason="BANDWIDTH_CAP", left_mib=900)]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        ({}, ["capped", "hard"]),
        ({"max_downtime_ms": "", "postcopy": "", "max_pause_s": ""}, ["capped", "hard"]),
        ({"max_downtime_ms": "5000"}, ["hard", "capped"]),
        ({"max_pause_s": 6, "postcopy": "never"}, ["hard", "capped"]),
        ({"policy": "post_copy"}, ["capped", "hard"]),
    ],
)
def test_what_is_allowed_may_be_texts(allowed: dict[str, t.Any], names: list[str]) -> None:
    assert [one["name"] for one in rescue_order(ALL, **allowed)] == names


HARD = [job("hard", needed_ms=5000, left_mib=10), job("harder", needed_ms=5000, left_mib=20)]
OWN = [{**HARD[0], "own_limits": {"postcopy": "never"}}, HARD[1]]
LONG = {"name": "harder", "policy_overrides": {"max_downtime_ms": "6000"}}


@pytest.mark.parametrize(
    ("jobs", "given", "names"),
    [
        (HARD, {}, ["hard", "harder"]),
        (OWN, {}, ["harder", "hard"]),
        (OWN, {"heed_metadata": "no"}, ["hard", "harder"]),
        (OWN, {"heed_metadata": False}, ["hard", "harder"]),
        (HARD, {"guest_options": [LONG]}, ["harder", "hard"]),
        # It may stand still for 5 s, and the other one may not.
        (HARD, {"guest_options": [{"name": "harder", "policy": "very_large"}], "postcopy": ""}, ["harder", "hard"]),
        (HARD, {"guest_options": [LONG], "max_downtime_ms": "700"}, ["hard", "harder"]),
        (HARD, {"guest_options": "", "heed_metadata": True}, ["hard", "harder"]),
    ],
)
def test_what_is_said_of_single_guests(jobs: t.Any, given: dict[str, t.Any], names: list[str]) -> None:
    assert [one["name"] for one in rescue_order(jobs, "post_copy", **given)] == names


@pytest.mark.parametrize(
    "given",
    [
        {"guest_options": "erp01"},
        {"guest_options": ["erp01"]},
        {"guest_options": [{"policy_overrides": {}}]},
        {"guest_options": [{"name": "erp01", "policy_overrides": ["postcopy"]}]},
        {"guest_options": [{"name": "erp01", "policy": ["post_copy"]}]},
        {"guest_options": [{"name": "erp01", "policy_overrides": {"patience": 1}}]},
        {"heed_metadata": "perhaps"},
        {"heed_metadata": []},
    ],
)
def test_what_is_said_of_single_guests_has_to_be_understood(given: dict[str, t.Any]) -> None:
    with pytest.raises(AnsibleFilterError):
        rescue_order(HARD, **given)


def test_one_job_is_a_list_of_one() -> None:
    assert rescue_order(ALL[0]) == [ALL[0]]


@pytest.mark.parametrize("wrong", [None, 5, ["erp01"], [{}]])
def test_what_is_no_job_is_refused(wrong: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"NOT_A_JOB|job document"):
        rescue_order(wrong)


def test_a_policy_that_there_is_not() -> None:
    with pytest.raises(AnsibleFilterError, match="no policy"):
        rescue_order(ALL, "fast")


def test_the_report() -> None:
    found = rescue_report({"kvm01": {"results": [MOVED]}}, {"kvm02": look("erp01")}, {"uuid-erp01": "kvm02"}, "erp01")
    assert (found["guest"], found["destination"], found["runs_on"]) == ("erp01", "kvm02", ["kvm02"])
    assert len(rescue_report({"kvm01": {"results": [MOVED]}}, {})["guests"]) == 1


@pytest.mark.parametrize("wrong", [{"kvm01": {"results": [{}]}}, {"kvm01": 5}, [1], {"kvm01": {"results": [1]}}])
def test_what_are_no_results_is_refused(wrong: t.Any) -> None:
    with pytest.raises(AnsibleFilterError):
        rescue_report(wrong, {})
