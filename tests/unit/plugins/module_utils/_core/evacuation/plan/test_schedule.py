# SPDX-License-Identifier: GPL-3.0-or-later
"""When each transfer runs and at which rate; test_evacuation_properties has the same for fleets at random."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import Uplink
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.planned_transfer import (
    PlannedTransfer,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.transfer_estimate import (
    TransferDemand,
    TransferEstimate,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB
from ansible_collections.virtops.live_migration.tests.bench.fleets import fleet as big_fleet
from ansible_collections.virtops.live_migration.tests.unit.plugins import plan_checker
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import LINK, fleet, guest, host

STRICT = Policy(max_downtime_ms=300, postcopy="never", max_throttle_percent=0)


def transfers(plan: EvacuationPlan) -> dict[str, PlannedTransfer]:
    return {transfer.guest.name: transfer for transfer in plan.schedule.transfers}


def estimate(dirty_mib_per_s: float, set_mib: float, policy: Policy = STRICT, **more: t.Any) -> TransferEstimate:
    measured = WorkingSet(int(set_mib * MIB), False, int(dirty_mib_per_s * MIB), False)
    return TransferEstimate(TransferDemand(4 * GIB, measured=measured, policy=policy, **more), LINK)


def test_a_quiet_guest_sends_the_same_at_any_rate() -> None:
    quiet = estimate(0.1, 1)
    assert not quiet.busy
    assert quiet.time_s(LINK / 4) == pytest.approx(4 * quiet.least_s)
    assert quiet.least_s == pytest.approx(4 * GIB / LINK, rel=0.01)


def test_a_busy_guest_gets_a_share_at_which_it_does_not_write_half_as_fast() -> None:
    """2 d, unless its set fits the downtime at less."""
    assert estimate(40, 1000).floor == 80 * MIB
    assert estimate(40, 5).floor == pytest.approx(5 * MIB / 0.24)
    assert estimate(70, 1000).floor == LINK  # it needs its way for itself
    busy = estimate(40, 1000)
    assert busy.busy
    assert busy.least_s < 80 / 100 * busy.time_s(80 * MIB)


def test_one_that_does_not_finish_says_what_it_would_need() -> None:
    hopeless = estimate(300, 3000)
    assert not hopeless.finishes
    assert "bandwidth" in hopeless.needs
    by_postcopy = estimate(300, 3000, Policy(postcopy="if_needed"))
    assert by_postcopy.finishes
    assert by_postcopy.floor == LINK / 2
    assert estimate(300, 3000, Policy(postcopy="if_needed"), postcopy_possible=False).finishes is False


def test_disks_that_are_copied_along_count() -> None:
    assert estimate(0.1, 1, disk_bytes=4 * GIB).sent_bytes == estimate(0.1, 1).sent_bytes + 4 * GIB


def test_unmeasured_guests_get_half_of_the_way() -> None:
    unknown = TransferEstimate(TransferDemand(4 * GIB), LINK)
    assert (unknown.measured, unknown.floor, unknown.sent_bytes) == (False, LINK / 2, 4 * GIB)
    assert not plan_evacuation(fleet([host("a"), host("b")], [guest("g", demand=None)])).measured


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


def test_quiet_guests_fill_what_a_busy_one_leaves() -> None:
    """The links of the source are twice as fast as those of the hosts that it goes to."""
    guests = [guest("busy", dirty_mib_per_s=70, set_mib=1000), guest("g", gib=2)]
    plan = plan_evacuation(fleet([host("a", rate=2 * LINK), host("b"), host("c")], guests))
    assert {transfer.start_s for transfer in plan.schedule.transfers} == {0}
    assert transfers(plan)["g"].end_s < transfers(plan)["busy"].end_s


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


def test_a_shared_link_is_the_bottleneck_of_those_behind_it() -> None:
    hosts = [host(name, uplinks=("rack",)) for name in "ab"] + [host("c"), host("d"), host("e", uplinks=("rack",))]
    guests = [guest("g0", on="a", allowed=frozenset("c")), guest("g1", on="b", allowed=frozenset("d"))]
    links = (Uplink("rack", LINK),)
    across = plan_evacuation(fleet(hosts, guests, "ab", uplinks=links))
    assert across.schedule.end_s == pytest.approx(1 + 8 * GIB / LINK, rel=0.01)
    near = [guest("g0", on="a", allowed=frozenset("e")), guest("g1", on="b", allowed=frozenset("d"))]
    assert plan_evacuation(fleet(hosts, near, "ab", uplinks=links)).schedule.end_s == pytest.approx(
        1 + 4 * GIB / LINK, rel=0.01
    )


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


def test_what_one_stream_cannot_fill_several_do() -> None:
    hosts = [host("a", rate=4 * LINK), host("b", rate=4 * LINK, max_incoming=4)]
    guests = [guest(f"g{number}") for number in range(4)]
    plan = plan_evacuation(fleet(hosts, guests, most_bytes_per_s=LINK))
    assert plan.schedule.end_s == pytest.approx(1 + 4 * GIB / LINK, rel=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hundreds_of_guests_are_done_in_nearly_the_least_time(seed: int) -> None:
    given = big_fleet(300, seed)
    plan = plan_evacuation(given)
    assert plan_checker.problems(given, plan) == []
    assert plan.schedule.end_s < 1.1 * plan.schedule.least_s
