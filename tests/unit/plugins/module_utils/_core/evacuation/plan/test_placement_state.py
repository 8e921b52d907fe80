# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Blocker,
    Fleet,
    Group,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.links import Network
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.placement_state import (
    PlacementState,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, guest, host

A, B = guest("g0", gib=4), guest("g1", gib=4)
HOSTS = [host("a"), host("x", 6), host("y", 64), host("z", 64, cordoned=True)]


def state(given: Fleet | None = None, **options: t.Any) -> PlacementState:
    given = given or fleet(HOSTS, [A, B], **options)
    return PlacementState(given, Network(given), given.guests)


def test_candidates_are_those_at_which_nothing_lasting_is_in_the_way() -> None:
    assert state().candidates((A,)) == ["x", "y"]
    assert state().candidates((guest("g", allowed=frozenset({"y", "z"})),)) == ["y"]
    assert state().candidates((guest("g", bound_for="x"),)) == ["x"]
    assert state().candidates((guest("g", blocked={"x": (Blocker("cpu"),)}),)) == ["y"]
    assert state().candidates((guest("g", pinned=True),)) == []
    assert state().candidates((guest("g", host_devices=1),)) == []


def test_what_is_put_takes_room_and_gives_it_back() -> None:
    one = state()
    assert one.put((A,), "x")
    assert not one.put((B,), "x")
    assert (one.at, one.inbound_s["x"] > 0) == ({"g0": "x"}, True)
    assert one.lift((A,)) == "x"
    assert (one.at, one.inbound_s["x"]) == ({}, 0)
    assert one.put((B,), "x")
    one.lift((B,))
    one.put_back((A,), "x")
    assert one.at == {"g0": "x"}


def test_a_unit_goes_whole_or_not_at_all() -> None:
    one = state()
    assert not one.put((A, B), "x")
    assert one.at == {}
    assert one.put((A,), "x")  # what the first of the two had taken was given back


def test_rules_count_while_they_are_not_dropped() -> None:
    apart = Group("web", frozenset({"g0", "g1"}), together=False)
    one = state(groups=(apart,))
    assert one.put((A,), "y")
    assert not one.put((B,), "y")
    assert [found.reason for found in one.rules_in_the_way((B,), "y")] == ["ANTI_AFFINITY"]
    assert one.rules_in_the_way((B,), "y", dropped=["web"]) == []


def test_all_that_is_in_the_way() -> None:
    big = guest("big", gib=100)
    assert [found.reason for found in state().in_the_way((big,), "z")] == ["CORDONED", "MEMORY"]
    assert state().in_the_way((A,), "y") == []


def test_a_loan_is_paid_back() -> None:
    one, big = state(), guest("big", gib=10)
    lacking = one.lend((big,), "x")
    assert [lack.what for lack in lacking] == ["memory"]
    one.end_loan((big,), "x", lacking)
    assert one.put((A,), "x")
