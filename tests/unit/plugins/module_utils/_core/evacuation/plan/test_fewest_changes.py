# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Blocker,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, guest, host


def changes(plan: EvacuationPlan) -> dict[str, list[tuple[str, str]]]:
    return {entry.guest.name: [(one.reason, one.host) for one in entry.changes] for entry in plan.unplaced}


def test_the_host_that_needs_least_is_named() -> None:
    blocked = {"b": (Blocker("cpu"), Blocker("bridge")), "c": (Blocker("bridge"),), "d": (Blocker("bridge"),)}
    hosts = [host("a"), host("b"), host("c", 1), host("d", cordoned=True), host("e", 3, cordoned=True)]
    plan = plan_evacuation(fleet(hosts, [guest("g", blocked=blocked)]))
    # Two changes each: the easier ones win.
    assert sorted(changes(plan)["g"]) == [("CORDONED", "e"), ("MEMORY", "e")]
