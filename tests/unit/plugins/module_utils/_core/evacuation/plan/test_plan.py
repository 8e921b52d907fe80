# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

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


def test_nobody_is_stopped_unless_somebody_says_so() -> None:
    guests = [
        guest("g", pinned=True),
        guest("h", pinned=True, if_unplaceable="shutdown"),
        guest("i", strategy="shutdown"),
    ]
    plan = plan_evacuation(fleet([host("a"), host("b")], guests))
    assert [guest.name for guest in plan.shutdown] == ["h", "i"]
    assert list(changes(plan)) == ["g"]
    assert not plan.empties("a")


def test_one_that_can_move_is_not_stopped() -> None:
    plan = plan_evacuation(fleet([host("a"), host("b")], [guest("g", if_unplaceable="shutdown")]))
    assert went(plan) == {"g": "b"}
    assert plan.empties("a")


def test_others_go_once_the_one_that_held_them_back_is_stopped() -> None:
    guests = [guest("g"), guest("h", pinned=True, if_unplaceable="shutdown")]
    plan = plan_evacuation(fleet([host("a"), host("b")], guests, groups=(group("db", "g", "h", together=True),)))
    assert went(plan) == {"g": "b"}
    assert plan.empties("a")
