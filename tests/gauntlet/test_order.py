# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs are made, in which order, and that all of it fits."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.tests.gauntlet.__main__ import wanted_from
from ansible_collections.virtops.live_migration.tests.gauntlet.candidates import BY_NAME, OURS, SHIPPED
from ansible_collections.virtops.live_migration.tests.gauntlet.made import made, results_of
from ansible_collections.virtops.live_migration.tests.gauntlet.order import Wanted, estimate, to_do
from ansible_collections.virtops.live_migration.tests.gauntlet.results import Key, Results
from ansible_collections.virtops.live_migration.tests.gauntlet.workloads import OPTIONS
from ansible_collections.virtops.live_migration.tests.sim.peers import WITH_POSTCOPY

pytestmark = pytest.mark.fast

ALL = Wanted()
CUT: dict[str, t.Any] = {"outcome": "cut", "elapsed_ms": 120_000, "downtime_ms": None}


def test_every_strategy_of_the_simulation_takes_part() -> None:
    assert set(BY_NAME) == {make().name for make in WITH_POSTCOPY}


def test_the_whole_table_fits_two_hours_and_a_half() -> None:
    count, seconds = estimate(Results(), ALL)
    assert count > 150
    assert seconds < 2.5 * 3600


def test_workloads_take_turns_and_ours_comes_first() -> None:
    keys = to_do(Results(), ALL)
    assert [key.workload for key in keys[: len(OPTIONS)]] == list(OPTIONS)
    assert {key.strategy for key in keys[: 3 * len(OPTIONS)]} == {OURS}
    shipped = keys[3 * len(OPTIONS) : (3 + len(SHIPPED)) * len(OPTIONS)]
    assert {(key.strategy, key.contract) for key in shipped} == {(name, "") for name in SHIPPED}
    assert keys[(3 + len(SHIPPED)) * len(OPTIONS)].strategy == "virsh"


def test_what_is_done_or_follows_is_left_out() -> None:
    keys = to_do(results_of(made("light", "virsh"), made("extreme", "virsh", **CUT)), ALL)
    asked = {(key.workload, key.strategy) for key in keys}
    assert ("light", "virsh") not in asked
    assert ("light", "virsh timeout-suspend") not in asked
    assert ("extreme", "virsh timeout-suspend") in asked
    assert ("extreme", "KubeVirt timers") not in asked
    assert ("extreme", "Nova") not in asked
    assert ("light", "Nova") in asked
    assert ("idle", "KubeVirt timers") in asked  # virsh was not run there yet


@pytest.mark.parametrize(("ours_ms", "again"), [(11_000, True), (3_000, False)])
def test_close_ones_are_repeated(ours_ms: int, again: bool) -> None:
    runs = [made("light", OURS, "strict", elapsed_ms=ours_ms), made("light", "Proxmox")]
    keys = to_do(results_of(*runs), ALL)
    assert (Key("light", OURS, "strict", 2) in keys) is again
    assert (Key("light", "Proxmox", "", 1) in keys) is again
    assert Key("phasic", OURS, "strict", 2) in keys  # always


@pytest.mark.parametrize(("order_s", "again"), [(16.0, True), (14.0, False), (19.0, False)])
def test_what_is_near_the_time_that_it_is_to_keep_is_repeated(order_s: float, again: bool) -> None:
    """That is 16.2 s here, and no peer is near it."""
    keys = to_do(results_of(made("light", OURS, "postcopy", order_s=order_s)), ALL)
    assert (Key("light", OURS, "postcopy", 2) in keys) is again


def test_a_peer_that_only_follows_is_repeated_by_what_it_follows_from() -> None:
    keys = to_do(results_of(made("light", OURS, "strict"), made("light", "virsh")), ALL)
    assert Key("light", "virsh", "", 1) in keys
    assert not [key for key in keys if key.workload == "light" and key.strategy == "KubeVirt timers"]


def test_only_what_was_asked_for() -> None:
    wanted = wanted_from(["workload=extreme,contract=strict", "strategy=ours,strategy=virsh auto-converge"])
    keys = to_do(Results(), wanted)
    assert keys == [Key("extreme", OURS, "strict", 0), Key("extreme", "virsh auto-converge", "", 0)]
    # A contract leaves out those that it does not admit.
    assert not to_do(Results(), wanted_from(["contract=strict,strategy=oVirt post-copy"]))
    with pytest.raises(SystemExit, match="extrem"):
        wanted_from(["workload=extrem"])
