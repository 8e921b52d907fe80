# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that are handed in: those of the planner are taken as they are, and others say all that is wrong in them."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import Fleet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.given_plan import read_plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import plan_evacuation
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan_document import (
    plan_document,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import said_by
from ansible_collections.virtops.live_migration.tests.unit.plugins.changed_documents import changed
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleets

NAN, INFINITE = float("nan"), float("inf")
MOVE = {"name": "erp01", "uuid": "u1", "from": "a", "to": "b", "order": 1, "sent_bytes": 5, "policy_overrides": {}}
STAYS = {"name": "test01", "uuid": "u2", "host": "a"}
RULES: dict[str, t.Any] = {
    **{name: [] for name in ("guests", "groups", "hosts", "uplinks", "metadata_may")},
    "destinations": ["b"],
    "policy": "minimal_downtime",
    "policy_overrides": {"max_downtime_ms": 700},
}
LISTS = ("guests", "groups", "hosts", "uplinks", "destinations", "metadata_may")
PLAN: dict[str, t.Any] = {"guests": [MOVE], "shutdown": [STAYS], "left": [], "rules": RULES}


def problem_of(plan: t.Any) -> str:
    with pytest.raises(MigrationError) as caught:
        read_plan(plan)
    assert (caught.value.reason, caught.value.state) == ("NOT_A_PLAN", "Nothing was changed.")
    assert caught.value.remedy
    return caught.value.problem


@settings(max_examples=60)
@given(fleets())
def test_what_the_planner_makes_is_a_plan(fleet: Fleet) -> None:
    document = json.loads(json.dumps(plan_document(plan_evacuation(fleet))))
    assert read_plan(document) is document


@pytest.mark.parametrize("plan", [PLAN, {"guests": []}, {**PLAN, "rules": {}}, {"guests": [MOVE], "more": NAN}])
def test_what_is_a_plan(plan: dict[str, t.Any]) -> None:
    assert read_plan(plan) is plan


@pytest.mark.parametrize("plan", [None, 5, "guests", [], [MOVE], NAN])
def test_what_is_no_dictionary(plan: t.Any) -> None:
    assert "no dictionary" in problem_of(plan)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": 5}, "not all of guests have a text as name"),
        ({"to": ""}, "not all of guests have a text as to"),
        ({"from": None}, "not all of guests have a text as from"),
        ({"uuid": ["u1"]}, "not all of guests have a text as uuid"),
        ({"order": "first"}, "a whole number as order"),
        ({"order": True}, "a whole number as order"),
        ({"order": 1.0}, "a whole number as order"),
        ({"sent_bytes": NAN}, "a whole number as sent_bytes"),
        ({"sent_bytes": 10**400}, "a whole number as sent_bytes"),
        ({"sent_bytes": -1}, "sent_bytes of 'erp01' is -1, but must be 0 or more"),
        ({"policy_overrides": "max_pause_s=9"}, "policy_overrides is no dictionary"),
        ({"policy_overrides": None}, "policy_overrides is no dictionary"),
        ({"policy_overrides": {"max_downtime_ms": NAN}}, "of 'erp01': The policy's max_downtime_ms is nan"),
        ({"policy_overrides": {"max_pause_s": INFINITE}}, "max_pause_s is inf"),
        ({"policy_overrides": {"max_downtime_ms": True}}, "max_downtime_ms is True"),
        ({"policy_overrides": {"deadline_s": [1]}}, r"deadline_s is [1]"),
        ({"policy_overrides": {"postcopy": {}}}, "postcopy is {}"),
        ({"policy_overrides": {"patience": 1}}, "no field 'patience'"),
        ({"policy_overrides": {7: 1}}, "no field '7'"),
    ],
)
def test_what_is_wrong_in_a_move(change: dict[t.Any, t.Any], says: str) -> None:
    assert says in problem_of({**PLAN, "guests": [MOVE, {**MOVE, "uuid": "u9", **change}]})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"guests": None}, "guests is no list"),
        ({"guests": "erp01"}, "guests is no list"),
        ({"guests": {"name": "erp01"}}, "guests is no list"),
        ({"guests": ["erp01"]}, "not all of guests have a text as name"),
        ({"shutdown": [{**STAYS, "host": 5}]}, "not all of shutdown have a text as host"),
        ({"left": [None]}, "not all of left have a text as uuid"),
        ({"left": [{**MOVE, "host": "a", "uuid": "U1"}]}, "'erp01' (U1) is in it twice"),
        ({"rules": ["policy"]}, "rules is no dictionary"),
        ({"rules": None}, "rules is no dictionary"),
        ({"rules": {"policy": "minimal_downtime"}}, "rules have no list uplinks"),
        ({"rules": {**RULES, "destinations": ["b", 5]}}, "not all destinations of rules are texts"),
        ({"rules": {**RULES, "policy": None}}, "rules have no policy"),
        ({"rules": {**RULES, "policy": "yolo"}}, "in rules: There is no policy 'yolo'"),
        ({"rules": {**RULES, "policy_overrides": {"max_data_factor": NAN}}}, "in rules: The policy's max_data_factor"),
        ({"rules": {**RULES, "guests": ["erp01"]}}, "not all guests of rules have a text as name"),
        ({"rules": {**RULES, "guests": [{"name": "e*", "policy": 5}]}}, "the policy of 'e*' is no text"),
        (
            {"rules": {**RULES, "guests": [{"name": "e*", "policy_overrides": {"patience_s": INFINITE}}]}},
            "of 'e*': The policy's patience_s is inf",
        ),
    ],
)
def test_what_is_wrong_in_a_plan(change: dict[str, t.Any], says: str) -> None:
    assert says in problem_of({**PLAN, **change})


def test_all_is_told_at_once_and_each_only_once() -> None:
    problem = problem_of({"guests": [5, 6], "shutdown": "a", "rules": 7})
    assert problem.count("not all of guests have a text as name") == 1
    assert "shutdown is no list" in problem
    assert "rules is no dictionary" in problem


def test_one_without_guests_moves_nobody_and_is_none() -> None:
    """An empty list says so; that there is none says nothing."""
    assert "guests is no list" in problem_of({"shutdown": [STAYS]})


def taken(plan: t.Any) -> t.Optional[dict[str, t.Any]]:
    """The plan, or None where it is refused; any other error than ours is one."""
    try:
        return read_plan(plan)
    except MigrationError:
        return None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**48))
def test_whatever_is_taken_can_be_carried_out(seed: int) -> None:
    """Of a plan changed at any place: refused by name, or all that is used of it is what it has to be."""
    found = taken(changed(copy.deepcopy(PLAN), seed))
    if found is None:
        return
    moves = sorted(found["guests"], key=lambda one: int(one["order"]))
    for one in moves:
        assert all(isinstance(one[name], str) for name in ("name", "uuid", "from", "to"))
        assert one["sent_bytes"] >= 0
        said_by(None, one.get("policy_overrides", {}))
    for one in [*found.get("shutdown", []), *found.get("left", [])]:
        assert isinstance(one["host"], str)
        assert isinstance(one["uuid"], str)
    assert all(isinstance(found["rules"][name], list) for name in RULES if found.get("rules") and name in LISTS)
