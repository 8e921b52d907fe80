# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Host,
    MemoryNeed,
    MemoryPool,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import HUGE_KIB, LINK, fleet, guest, host


def went(plan: EvacuationPlan) -> dict[str, str]:
    return {transfer.guest.name: transfer.destination for transfer in plan.schedule.transfers}


def changes(plan: EvacuationPlan) -> dict[str, list[tuple[str, str]]]:
    return {entry.guest.name: [(one.reason, one.host) for one in entry.changes] for entry in plan.unplaced}


@pytest.mark.parametrize(
    ("needs", "fits"),
    [
        ([MemoryNeed(6 * GIB)], True),
        ([MemoryNeed(6 * GIB, nodes=(0,))], False),  # 4 GiB on each node
        ([MemoryNeed(3 * GIB, nodes=(0,)), MemoryNeed(3 * GIB, nodes=(1,))], True),
        ([MemoryNeed(3 * GIB, nodes=(0,)), MemoryNeed(5 * GIB)], False),  # 1 GiB stays free
        ([MemoryNeed(3 * GIB, nodes=(0,)), MemoryNeed(2 * GIB, nodes=(0,))], False),
        ([MemoryNeed(2 * GIB, HUGE_KIB)], True),
        ([MemoryNeed(2 * GIB, HUGE_KIB, (0,))], False),  # all huge pages are on node 1
        ([MemoryNeed(1 * GIB, 1048576)], False),
    ],
)
def test_memory_is_counted_by_page_size_and_node(needs: list[MemoryNeed], fits: bool) -> None:
    pools = (MemoryPool(4 * GIB, node=0), MemoryPool(4 * GIB, node=1), MemoryPool(2 * GIB, HUGE_KIB, 1))
    there = Host("b", pools, LINK, LINK, reserve_bytes=GIB)
    plan = plan_evacuation(fleet([host("a"), there], [guest("g", needs=tuple(needs))]))
    assert bool(went(plan)) is fits
    assert fits or [reason for reason, _host in changes(plan)["g"]] == ["MEMORY"]


def test_unbound_memory_leaves_room_for_bound_memory() -> None:
    """Nobody says on which node the first one lies, so that the second one may still have the node it needs."""
    pools = (MemoryPool(4 * GIB, node=0), MemoryPool(4 * GIB, node=1))
    guests = [guest("free", gib=4), guest("bound", needs=(MemoryNeed(4 * GIB, nodes=(0,)),))]
    assert len(went(plan_evacuation(fleet([host("a"), Host("b", pools, LINK, LINK)], guests)))) == 2


def test_the_same_shortage_is_not_asked_for_twice() -> None:
    pools = (MemoryPool(4 * GIB, node=0), MemoryPool(1 * GIB, node=1))
    plan = plan_evacuation(
        fleet([host("a"), Host("b", pools, LINK, LINK)], [guest("g", needs=(MemoryNeed(6 * GIB, nodes=(0,)),))])
    )
    (change,) = plan.unplaced[0].changes
    assert (change.size_bytes, change.nodes) == (2 * GIB, (0,))
