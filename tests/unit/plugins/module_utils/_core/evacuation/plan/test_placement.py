# SPDX-License-Identifier: GPL-3.0-or-later


"""Where each guest goes, and why one goes nowhere; test_evacuation_properties has the same for fleets at random."""

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import LINK, fleet, guest, host


def went(plan: EvacuationPlan) -> dict[str, str]:
    return {transfer.guest.name: transfer.destination for transfer in plan.schedule.transfers}


def test_guests_spread_by_what_the_links_and_the_memory_can_take() -> None:
    guests = [guest(f"g{number}") for number in range(12)]
    plan = plan_evacuation(fleet([host("a", rate=3 * LINK), host("b", rate=2 * LINK), host("c")], guests))
    assert sorted(went(plan).values()) == ["b"] * 8 + ["c"] * 4
    plan = plan_evacuation(fleet([host("a", rate=LINK / 10), host("b", 32), host("c", 16)], guests[:6]))
    assert sorted(went(plan).values()) == ["b"] * 4 + ["c"] * 2


def test_a_big_guest_does_not_take_the_slow_link() -> None:
    hosts = [host("a"), host("slow", 1000, LINK / 10), host("fast", 50)]
    assert went(plan_evacuation(fleet(hosts, [guest("g", gib=40)]))) == {"g": "fast"}
