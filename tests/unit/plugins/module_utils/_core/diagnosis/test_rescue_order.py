# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.rescue_order import rescue_order
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import GuestPolicies
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.rescues import job

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
        (
            {"max_downtime_ms": 350, "postcopy": "never"},
            [*STILL, "nearer", "capped", "hard", "harder", "near", "well"],
        ),
        ({"max_pause_s": 6}, [*STILL, "hard", "nearer", "near", "capped", "harder", "well"]),
    ],
)
def test_those_first_that_it_helps_most(allowed: dict[str, t.Any], names: list[str]) -> None:
    policies = GuestPolicies(Policy(**allowed))
    assert [one["name"] for one in rescue_order(ALL, policies)] == names
    assert [one["name"] for one in rescue_order(list(reversed(ALL)), policies)] == names


# In the order in which they come when nothing is said of single guests: the one with less left first.
STUCK = [
    job("careful", needed_ms=5000, left_mib=10),
    job("plain", needed_ms=5000, left_mib=20),
    job("bold", needed_ms=5000, left_mib=30),
]
SHORTER = [
    job("careful", needed_ms=800, left_mib=10),
    job("plain", needed_ms=800, left_mib=20),
    job("bold", needed_ms=5000, left_mib=30),
]
LONG = {"max_downtime_ms": 6000}


@pytest.mark.parametrize(
    ("jobs", "own", "entries", "heed", "names"),
    [
        (STUCK, {}, [], True, ["careful", "plain", "bold"]),
        (STUCK, {"postcopy": "never"}, [], True, ["plain", "bold", "careful"]),
        (STUCK, {"postcopy": "never"}, [], False, ["careful", "plain", "bold"]),
        (STUCK, {}, [{"name": "care*", "policy_overrides": {"postcopy": "never"}}], True, ["plain", "bold", "careful"]),
        (STUCK, {}, [{"name": "bold", "policy_overrides": LONG}], True, ["bold", "careful", "plain"]),
        (STUCK, {}, [{"name": "uuid-bold", "policy_overrides": LONG}], True, ["bold", "careful", "plain"]),
        (
            STUCK,
            {"max_downtime_ms": 400},
            [{"name": "*", "policy_overrides": LONG}],
            True,
            ["plain", "bold", "careful"],
        ),
        (SHORTER, {"max_downtime_ms": 700}, [], True, ["plain", "careful", "bold"]),
        (SHORTER, {"max_downtime_ms": 9000}, [], True, ["careful", "plain", "bold"]),
    ],
)
def test_what_is_allowed_is_what_that_guest_may_be_done_to(
    jobs: list[dict[str, t.Any]],
    own: dict[str, t.Any],
    entries: list[dict[str, t.Any]],
    heed: bool,
    names: list[str],
) -> None:
    said = [{**jobs[0], "own_limits": own}, *jobs[1:]]
    policies = GuestPolicies(Policy(), {}, entries, heed)
    assert [one["name"] for one in rescue_order(said, policies)] == names


def test_the_limits_of_the_task_bound_those_of_each_guest() -> None:
    entries = [{"name": "bold", "policy_overrides": LONG}]
    policies = GuestPolicies(Policy(max_downtime_ms=700), {"max_downtime_ms": 700}, entries)
    assert [one["name"] for one in rescue_order(STUCK, policies)] == ["careful", "plain", "bold"]


@pytest.mark.parametrize("odd", [None, "never", 5, []])
def test_limits_that_are_none_say_nothing(odd: t.Any) -> None:
    said = [{**STUCK[0], "own_limits": odd}, STUCK[1]]
    assert [one["name"] for one in rescue_order(said, GuestPolicies(Policy()))] == ["careful", "plain"]


def test_limits_that_no_policy_has_are_refused() -> None:
    with pytest.raises(MigrationError) as caught:
        rescue_order([{**STUCK[0], "own_limits": {"postcopy": "sometimes"}}], GuestPolicies(Policy()))
    assert caught.value.reason == "BAD_CONTRACT"


def test_what_was_not_diagnosed_is_taken_all_the_same() -> None:
    plain = {**job("erp01"), "diagnosis": {}}
    odd = {**job("erp02"), "diagnosis": {"verdict": "stuck", "evidence": {"needed_downtime_ms": "soon"}}}
    assert [one["name"] for one in rescue_order([plain, odd], GuestPolicies(Policy()))] == ["erp02", "erp01"]
    assert rescue_order([], GuestPolicies(Policy())) == []


@pytest.mark.parametrize("wrong", [5, "erp01", {}])
def test_what_is_no_job_is_refused(wrong: t.Any) -> None:
    with pytest.raises(MigrationError) as caught:
        rescue_order([ALL[0], wrong], GuestPolicies(Policy()))
    assert caught.value.reason == "NOT_A_JOB"


def test_one_that_cannot_go_by_post_copy_comes_after_those_that_can() -> None:
    hard, harder = job("hard", needed_ms=5000, left_mib=10), job("harder", needed_ms=9000, left_mib=20)
    hard["diagnosis"]["evidence"]["postcopy_obstacles"] = ["HOST_DEVICES"]
    found = rescue_order([hard, harder], GuestPolicies(Policy(postcopy="if_needed")))
    assert [one["name"] for one in found] == ["harder", "hard"]
