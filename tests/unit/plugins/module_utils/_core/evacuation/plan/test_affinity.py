# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Group,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, guest, host


def went(plan: EvacuationPlan) -> dict[str, str]:
    return {transfer.guest.name: transfer.destination for transfer in plan.schedule.transfers}


def changes(plan: EvacuationPlan) -> dict[str, list[tuple[str, str]]]:
    return {entry.guest.name: [(one.reason, one.host) for one in entry.changes] for entry in plan.unplaced}


def group(name: str, *members: str, together: bool = False, hard: bool = True) -> Group:
    return Group(name, frozenset(members), together, hard)


def test_those_kept_apart_go_to_different_hosts_and_not_to_where_one_is() -> None:
    guests = [guest("g0"), guest("g1"), guest("there", on="b")]
    hosts = [host("a"), host("b"), host("c")]
    plan = plan_evacuation(fleet(hosts, guests, groups=(group("web", "g0", "g1", "there"),)))
    assert went(plan) == {"g0": "c"}
    assert changes(plan) == {"g1": [("ANTI_AFFINITY", "")]}
    soft = fleet(hosts, guests, groups=(group("web", "g0", "g1", "there", hard=False),))
    assert sorted(went(plan_evacuation(soft))) == ["g0", "g1"]
    without = fleet(hosts, guests[:2], groups=(group("web", "g0", "g1", hard=False),))
    assert sorted(went(plan_evacuation(without)).values()) == ["b", "c"]


def test_those_that_belong_together_stay_together() -> None:
    guests = [guest("g0"), guest("g1", gib=8)]
    rule = (group("db", "g0", "g1", "there", together=True),)
    plan = plan_evacuation(fleet([host("a"), host("b", 10), host("c", 13)], guests, groups=rule))
    assert went(plan) == {"g0": "c", "g1": "c"}
    at_home = fleet([host("a"), host("b", 14), host("c", 100)], [*guests, guest("there", on="b")], groups=rule)
    assert went(plan_evacuation(at_home)) == {"g0": "b", "g1": "b"}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"strategy": "leave"}, [("AFFINITY", "")]),
        ({"strategy": "shutdown"}, None),
        ({"running": False}, None),
        ({"pinned": True}, [("PINNED", "")]),
    ],
)
def test_one_that_stays_holds_the_other_back(how: dict[str, t.Any], expected: t.Any) -> None:
    guests = [guest("g"), guest("other", **how)]
    plan = plan_evacuation(fleet([host("a"), host("b")], guests, groups=(group("db", "g", "other", together=True),)))
    assert changes(plan).get("g") == expected
    assert ("g" in went(plan)) is (expected is None)
