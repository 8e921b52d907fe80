# SPDX-License-Identifier: GPL-3.0-or-later
"""Random fleets with everything that can get in the way: what a plan promises holds for all of them."""

from __future__ import annotations

import itertools
import json
import typing as t
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Fleet,
    Host,
    MemoryPool,
    PlannedGuest,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.obstacles import Obstacle
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan_document import (
    plan_document,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins import plan_checker
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, fleets, guest, host

TO_BE_SAFE = settings(max_examples=150)


@TO_BE_SAFE
@given(fleets())
def test_a_plan_can_be_carried_out(given_fleet: Fleet) -> None:
    assert plan_checker.problems(given_fleet, plan_evacuation(given_fleet)) == []


@TO_BE_SAFE
@given(fleets(), st.randoms(use_true_random=False))
def test_the_same_fleet_gives_the_same_plan(given_fleet: Fleet, dice: t.Any) -> None:
    """Also when the groups come in another order of their members, as sets do."""
    again = replace(
        given_fleet,
        guests=tuple(replace(guest) for guest in given_fleet.guests),
        groups=tuple(
            replace(group, members=frozenset(dice.sample(sorted(group.members), len(group.members))))
            for group in given_fleet.groups
        ),
    )
    first, second = (json.dumps(plan_document(plan_evacuation(one))) for one in (given_fleet, again))
    assert first == second


# --- why not, and what would help


def others_settled(given_fleet: Fleet, plan: EvacuationPlan, keys: t.Collection[str]) -> Fleet:
    """The same question again for the unit alone: the others go where they go, or stay."""
    to = {transfer.guest.key: transfer.destination for transfer in plan.schedule.transfers}
    stopped = {guest.key for guest in plan.shutdown}
    stay = {entry.guest.key for entry in plan.unplaced} - set(keys)

    def settled(guest: PlannedGuest) -> PlannedGuest:
        if guest.key in to:
            return replace(guest, bound_for=to[guest.key], priority=1000)
        if guest.key in stopped:
            return replace(guest, strategy="shutdown")
        return replace(guest, strategy="leave") if guest.key in stay else replace(guest, if_unplaceable="leave")

    return replace(given_fleet, guests=tuple(settled(guest) for guest in given_fleet.guests))


def with_change(given_fleet: Fleet, change: Obstacle) -> Fleet:
    def at_host(**fields: t.Callable[[Host], t.Any]) -> Fleet:
        changed = tuple(
            replace(one, **{name: make(one) for name, make in fields.items()}) if one.name == change.host else one
            for one in given_fleet.hosts
        )
        return replace(given_fleet, hosts=changed)

    def at_guest(**fields: t.Callable[[PlannedGuest], t.Any]) -> Fleet:
        changed = tuple(
            replace(one, **{name: make(one) for name, make in fields.items()}) if one.key == change.guest else one
            for one in given_fleet.guests
        )
        return replace(given_fleet, guests=changed)

    def more_memory(one: Host) -> tuple[MemoryPool, ...]:
        nodes = change.nodes or tuple(pool.node for pool in one.pools if pool.page_kib == change.page_kib) or (0,)
        return (*one.pools, MemoryPool(change.size_bytes, change.page_kib, nodes[0]))

    def without_check(one: PlannedGuest) -> dict[str, t.Any]:
        left = tuple(blocker for blocker in one.blocked[change.host] if blocker.check != change.subject)
        return {**one.blocked, change.host: left}

    if change.reason == "CORDONED":
        return at_host(cordoned=lambda one: False)
    if change.reason == "MEMORY":
        return at_host(pools=more_memory)
    if change.reason == "GUEST_LIMIT":
        return at_host(max_guests=lambda one: one.max_guests + change.count)
    if change.reason == "VCPU_LIMIT":
        return at_host(max_vcpus=lambda one: one.max_vcpus + change.count)
    if change.reason == "PINNED":
        return at_guest(pinned=lambda one: False)
    if change.reason == "HOST_DEVICE":
        return at_guest(host_devices=lambda one: 0)
    if change.reason == "NOT_ALLOWED" and change.subject == "bound":
        return at_guest(bound_for=lambda one: None)
    if change.reason == "NOT_ALLOWED":
        return at_guest(allowed=lambda one: one.allowed | {change.host})
    if change.reason == "CHECK":
        return at_guest(blocked=without_check)
    if change.reason == "CONTRACT":
        quiet = WorkingSet(0, False, 0, False)
        return at_guest(demand=lambda one: replace(one.demand, measured=quiet, policy=Policy()))
    if change.reason in ("AFFINITY", "ANTI_AFFINITY"):
        return replace(given_fleet, groups=tuple(one for one in given_fleet.groups if one.name != change.subject))
    assert change.reason == "NO_DESTINATION"
    return replace(given_fleet, hosts=(*given_fleet.hosts, host("new", 1000)))


def moves(given_fleet: Fleet, keys: t.Collection[str]) -> bool:
    return not set(keys) & {entry.guest.key for entry in plan_evacuation(given_fleet).unplaced}


@settings(max_examples=300)
@given(fleets())
def test_the_changes_are_enough_and_none_is_too_many(given_fleet: Fleet) -> None:
    plan = plan_evacuation(given_fleet)
    done: set[str] = set()
    for entry in plan.unplaced:
        if entry.guest.key in done:
            continue
        keys = {entry.guest.key} | {
            other.guest.key for other in plan.unplaced if other.guest.name in entry.together_with
        }
        done |= keys
        base = others_settled(given_fleet, plan, keys)
        assert entry.changes
        assert not moves(base, keys)
        for count in (len(entry.changes) - 1, len(entry.changes)):
            for some in itertools.combinations(entry.changes, count):
                changed = base
                for change in some:
                    changed = with_change(changed, change)
                if any(change.reason == "NO_DESTINATION" for change in entry.changes) and any(
                    guest.bound_for or guest.allowed is not None or guest.needs[0].nodes or guest.needs[-1].nodes
                    for guest in given_fleet.guests
                ):
                    continue  # what the new host would have to be like is not said
                assert moves(changed, keys) == (count == len(entry.changes)), (some, entry.changes)


@given(
    st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=7),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
def test_all_find_room_whenever_there_is_a_way(allowed: list[set[int]], rooms: list[int]) -> None:
    """Guests of one size, each of which can go to some hosts only, against a search through all ways."""
    names = "bcde"
    guests = [
        guest(f"g{number}", allowed=frozenset(names[index] for index in hosts)) for number, hosts in enumerate(allowed)
    ]
    hosts = [host("a"), *(host(name, 4 * room) for name, room in zip(names, rooms))]
    plan = plan_evacuation(fleet(hosts, guests))

    def most(number: int, left: tuple[int, ...]) -> int:
        if number == len(allowed):
            return 0
        best = most(number + 1, left)
        for index in allowed[number]:
            if left[index]:
                best = max(best, 1 + most(number + 1, (*left[:index], left[index] - 1, *left[index + 1 :])))
        return best

    assert len(plan.schedule.transfers) == most(0, tuple(rooms))
