# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.planned_transfer import (
    PlannedTransfer,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import LINK, fleet, guest, host


def transfers(plan: EvacuationPlan) -> dict[str, PlannedTransfer]:
    return {transfer.guest.name: transfer for transfer in plan.schedule.transfers}


def test_priority_comes_first_but_nothing_waits_for_it_needlessly() -> None:
    guests = [guest("g0"), guest("g1", priority=5), guest("g2", allowed=frozenset("c"))]
    hosts = [host("a", rate=2 * LINK), host("b", max_incoming=1), host("c", 4)]
    found = transfers(plan_evacuation(fleet(hosts, guests)))
    assert (found["g1"].start_s, found["g2"].start_s) == (0, 0)
    assert found["g0"].start_s == found["g1"].end_s


def test_what_is_on_its_way_already_comes_first() -> None:
    guests = [guest("g0", priority=9), guest("g1", bound_for="b", moving=True)]
    found = transfers(plan_evacuation(fleet([host("a", max_outgoing=1), host("b")], guests)))
    assert found["g1"].start_s == 0
