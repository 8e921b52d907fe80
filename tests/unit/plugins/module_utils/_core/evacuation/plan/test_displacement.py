# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, guest, host


def went(plan: EvacuationPlan) -> dict[str, str]:
    return {transfer.guest.name: transfer.destination for transfer in plan.schedule.transfers}


def changes(plan: EvacuationPlan) -> dict[str, list[tuple[str, str]]]:
    return {entry.guest.name: [(one.reason, one.host) for one in entry.changes] for entry in plan.unplaced}


def test_room_is_made_by_sending_another_one_elsewhere() -> None:
    """Each of the first two takes the host that the other one could have left to the third."""
    may = {"g0": "bc", "g1": "cd", "g2": "bc", "g3": "bd"}
    guests = [
        guest(name, allowed=frozenset(hosts), priority=3 - index) for index, (name, hosts) in enumerate(may.items())
    ]
    plan = plan_evacuation(
        fleet([host("a"), *(host(name, 4, max_guests=1) for name in "bcd"), host("e", 1)], guests[:3])
    )
    assert sorted(went(plan)) == ["g0", "g1", "g2"]
    assert changes(plan_evacuation(fleet([host("a"), *(host(name, 4) for name in "bcd")], guests))) == {
        "g3": [("MEMORY", "b")]
    }


@pytest.mark.parametrize(("priority", "moved"), [(0, ["s0", "s1", "s2"]), (1, ["big"])])
def test_fewer_are_left_behind_unless_the_big_one_matters_more(priority: int, moved: list[str]) -> None:
    guests = [guest("big", gib=12, priority=priority), *(guest(f"s{number}") for number in range(3))]
    assert sorted(went(plan_evacuation(fleet([host("a"), host("b", 12)], guests)))) == moved
