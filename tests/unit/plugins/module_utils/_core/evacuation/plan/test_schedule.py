# SPDX-License-Identifier: GPL-3.0-or-later


"""When each transfer runs and at which rate; test_evacuation_properties has the same for fleets at random."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.planned_transfer import (
    PlannedTransfer,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB
from ansible_collections.virtops.live_migration.tests.bench.fleets import fleet as big_fleet
from ansible_collections.virtops.live_migration.tests.unit.plugins import plan_checker
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import LINK, fleet, guest, host


def transfers(plan: EvacuationPlan) -> dict[str, PlannedTransfer]:
    return {transfer.guest.name: transfer for transfer in plan.schedule.transfers}


def test_setting_up_one_is_hidden_behind_another() -> None:
    guests = [guest(f"g{number}", gib=1) for number in range(20)]
    alone = fleet([host("a", max_outgoing=1), host("b")], guests)
    two = fleet([host("a", max_outgoing=2), host("b")], guests)
    assert plan_evacuation(alone).schedule.end_s == pytest.approx(20 * (1 + 1024 / 100), rel=0.01)
    assert plan_evacuation(two).schedule.end_s == pytest.approx(1 + 20 * 1024 / 100, rel=0.01)


def test_a_busy_guest_goes_first_and_gets_its_way_for_itself() -> None:
    guests = [*(guest(f"g{number}") for number in range(4)), guest("busy", dirty_mib_per_s=70, set_mib=1000)]
    plan = plan_evacuation(fleet([host("a"), host("b")], guests))
    busy = transfers(plan)["busy"]
    assert busy.start_s == 0
    assert [rate for _at, rate in busy.rates] == [LINK, 0]
    assert all(transfer.start_s >= busy.end_s for name, transfer in transfers(plan).items() if name != "busy")


@pytest.mark.parametrize("limit", [1, 3])
def test_the_cluster_has_a_limit_too(limit: int) -> None:
    names = "abcd"
    guests = [guest(f"g{name}", on=name) for name in names]
    hosts = [*(host(name) for name in names), *(host(name) for name in "wxyz")]
    plan = plan_evacuation(fleet(hosts, guests, names, max_transfers=limit, setup_s=0.0))
    least = -(-4 // limit) * 4 * GIB / LINK
    assert plan.schedule.end_s == pytest.approx(least, rel=0.01)


def test_where_slots_are_scarce_nobody_holds_one_just_to_be_ready() -> None:
    given = replace(big_fleet(200, 1), max_transfers=3)
    plan = plan_evacuation(given)
    assert plan_checker.problems(given, plan) == []
    assert plan.schedule.end_s < 1.1 * plan.schedule.least_s


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hundreds_of_guests_are_done_in_nearly_the_least_time(seed: int) -> None:
    given = big_fleet(300, seed)
    plan = plan_evacuation(given)
    assert plan_checker.problems(given, plan) == []
    assert plan.schedule.end_s < 1.1 * plan.schedule.least_s
