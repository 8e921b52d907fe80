# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each guest goes, and why one goes nowhere; test_evacuation_properties has the same for fleets at random."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Blocker,
    Fleet,
    Group,
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


def group(name: str, *members: str, together: bool = False, hard: bool = True) -> Group:
    return Group(name, frozenset(members), together, hard)


def test_guests_spread_by_what_the_links_and_the_memory_can_take() -> None:
    guests = [guest(f"g{number}") for number in range(12)]
    plan = plan_evacuation(fleet([host("a", rate=3 * LINK), host("b", rate=2 * LINK), host("c")], guests))
    assert sorted(went(plan).values()) == ["b"] * 8 + ["c"] * 4
    plan = plan_evacuation(fleet([host("a", rate=LINK / 10), host("b", 32), host("c", 16)], guests[:6]))
    assert sorted(went(plan).values()) == ["b"] * 4 + ["c"] * 2


def test_a_big_guest_does_not_take_the_slow_link() -> None:
    hosts = [host("a"), host("slow", 1000, LINK / 10), host("fast", 50)]
    assert went(plan_evacuation(fleet(hosts, [guest("g", gib=40)]))) == {"g": "fast"}


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


# --- rules between guests


def test_those_kept_apart_go_to_different_hosts_and_not_to_where_one_is() -> None:
    guests = [guest("g0"), guest("g1"), guest("there", on="b")]
    hosts = [host("a"), host("b"), host("c")]
    plan = plan_evacuation(fleet(hosts, guests, groups=(group("web", "g0", "g1", "there"),)))
    assert went(plan) == {"g0": "c"}
    assert changes(plan) == {"g1": [("ANTI_AFFINITY", "")]}
    soft = fleet(hosts, guests, groups=(group("web", "g0", "g1", "there", hard=False),))
    assert sorted(went(plan_evacuation(soft))) == ["g0", "g1"]
    without = fleet(hosts, guests[:2], groups=(group("web", "g0", "g1", hard=False),))
    assert sorted(went(plan_evacuation(without)).values()) == ["b", "c"]


def test_those_that_belong_together_stay_together() -> None:
    guests = [guest("g0"), guest("g1", gib=8)]
    rule = (group("db", "g0", "g1", "there", together=True),)
    plan = plan_evacuation(fleet([host("a"), host("b", 10), host("c", 13)], guests, groups=rule))
    assert went(plan) == {"g0": "c", "g1": "c"}
    at_home = fleet([host("a"), host("b", 14), host("c", 100)], [*guests, guest("there", on="b")], groups=rule)
    assert went(plan_evacuation(at_home)) == {"g0": "b", "g1": "b"}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"strategy": "leave"}, [("AFFINITY", "")]),
        ({"strategy": "shutdown"}, None),
        ({"running": False}, None),
        ({"pinned": True}, [("PINNED", "")]),
    ],
)
def test_one_that_stays_holds_the_other_back(how: dict[str, t.Any], expected: t.Any) -> None:
    guests = [guest("g"), guest("other", **how)]
    plan = plan_evacuation(fleet([host("a"), host("b")], guests, groups=(group("db", "g", "other", together=True),)))
    assert changes(plan).get("g") == expected
    assert ("g" in went(plan)) is (expected is None)


# --- why not


@pytest.mark.parametrize(
    ("there", "how", "expected"),
    [
        ({"cordoned": True}, {}, ("CORDONED", "b")),
        ({"max_guests": 0}, {}, ("GUEST_LIMIT", "b")),
        ({"max_vcpus": 3}, {"vcpus": 4}, ("VCPU_LIMIT", "b")),
        ({"free_gib": 3}, {}, ("MEMORY", "b")),
        ({}, {"pinned": True}, ("PINNED", "")),
        ({}, {"host_devices": 2}, ("HOST_DEVICE", "")),
        ({}, {"allowed": frozenset("c")}, ("NOT_ALLOWED", "b")),
        ({}, {"blocked": {"b": (Blocker("cpu.model", "no", "buy one"),)}}, ("CHECK", "b")),
        ({}, {"dirty_mib_per_s": 300, "set_mib": 3000}, ("CONTRACT", "b")),
    ],
)
def test_each_reason(there: dict[str, t.Any], how: dict[str, t.Any], expected: tuple[str, str]) -> None:
    plan = plan_evacuation(fleet([host("a"), host("b", **there)], [guest("g", **how)]))
    (entry,) = plan.unplaced
    (change,) = entry.changes
    assert (change.reason, change.host) == (expected[0], expected[1] or change.host)
    assert change.why
    assert change.change
    assert not plan.empties("a")


def test_no_destination_at_all() -> None:
    for sources in ("a", "ab"):
        plan = plan_evacuation(fleet([host(name) for name in sources], [guest("g")], sources))
        assert changes(plan) == {"g": [("NO_DESTINATION", "")]}


def test_the_host_that_needs_least_is_named() -> None:
    blocked = {"b": (Blocker("cpu"), Blocker("bridge")), "c": (Blocker("bridge"),), "d": (Blocker("bridge"),)}
    hosts = [host("a"), host("b"), host("c", 1), host("d", cordoned=True), host("e", 3, cordoned=True)]
    plan = plan_evacuation(fleet(hosts, [guest("g", blocked=blocked)]))
    # Two changes each: the easier ones win.
    assert sorted(changes(plan)["g"]) == [("CORDONED", "e"), ("MEMORY", "e")]


# --- who is stopped


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


# --- what cannot be planned


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"guests": (guest("g"), guest("g", on="b"))}, "GUEST_TWICE"),
        ({"guests": (guest("g", on="x"),)}, "BAD_FLEET"),
        ({"guests": (guest("g", strategy="kill"),)}, "BAD_FLEET"),
        ({"guests": (guest("g", if_unplaceable="migrate"),)}, "BAD_FLEET"),
        ({"sources": ("x",)}, "BAD_FLEET"),
        ({"hosts": (host("a"), host("a"))}, "BAD_FLEET"),
        ({"hosts": (host("a", rate=0),)}, "BAD_FLEET"),
        ({"hosts": (host("a", uplinks=("x",)),)}, "BAD_FLEET"),
        ({"hosts": (host("a", max_outgoing=0),)}, "BAD_FLEET"),
        ({"hosts": (host("a", reserve_bytes=-1),)}, "BAD_FLEET"),
        ({"groups": (group("x", "g"), group("x", "g"))}, "BAD_FLEET"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, t.Any], reason: str) -> None:
    good: Fleet = fleet([host("a"), host("b")], [guest("g")])
    with pytest.raises(MigrationError) as caught:
        replace(good, **change)
    assert caught.value.reason == reason
    assert caught.value.remedy
