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


def test_quiet_guests_fill_what_a_busy_one_leaves() -> None:
    """The links of the source are twice as fast as those of the hosts that it goes to."""
    guests = [guest("busy", dirty_mib_per_s=70, set_mib=1000), guest("g", gib=2)]
    plan = plan_evacuation(fleet([host("a", rate=2 * LINK), host("b"), host("c")], guests))
    assert {transfer.start_s for transfer in plan.schedule.transfers} == {0}
    assert transfers(plan)["g"].end_s < transfers(plan)["busy"].end_s
