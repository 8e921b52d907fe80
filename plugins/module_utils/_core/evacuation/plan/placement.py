# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guest goes to which host, or what stands in the way and the smallest set of changes that would let it."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, replace

from ..strategy import MIGRATE
from . import obstacles
from .affinity import Unit, units
from .displacement import Displacement
from .fewest_changes import fewest_changes
from .fleet import Fleet, PlannedGuest
from .links import Network
from .obstacles import Obstacle
from .placement_state import PlacementState

# A choice: up to this share of the time that the whole takes anyway a host is chosen for its free memory, beyond it by
# when its link is done.
_LINK_HEADROOM = 0.8


@dataclass(frozen=True)
class Unplaced:
    """``reasons``: why not, each once, with the hosts at which it stands in the way. ``changes``: the fewest that would
    let it move while all others go where they go."""

    guest: PlannedGuest
    together_with: tuple[str, ...]
    reasons: tuple[tuple[Obstacle, tuple[str, ...]], ...]
    changes: tuple[Obstacle, ...]


@dataclass(frozen=True)
class Placement:
    """``at``: the destination of each guest, by key. What each destination then has, by name of the host:
    ``memory_bytes``, of its guests, and ``guests``, how many."""

    at: t.Mapping[str, str]
    unplaced: tuple[Unplaced, ...]
    memory_bytes: t.Mapping[str, int]
    guests: t.Mapping[str, int]


def movers(fleet: Fleet) -> list[PlannedGuest]:
    """The running guests of the sources that are to be migrated."""
    sources = set(fleet.sources)
    return [guest for guest in fleet.guests if guest.host in sources and guest.running and guest.strategy == MIGRATE]


def place(fleet: Fleet, network: Network) -> Placement:
    """A destination for each guest that moves, or why it has none.

    The big ones are placed first, which packs best. Where some find no room, small ones first may leave fewer behind,
    and so may doing without the rules that are only kept where they can be.
    """
    placing, left = _attempt(fleet, network, 1)
    if left:
        strict = replace(fleet, groups=tuple(group for group in fleet.groups if group.hard))
        others = [(fleet, -1)]
        others += [(strict, 1), (strict, -1)] if len(strict.groups) < len(fleet.groups) else []
        for tried, big_first in others:
            other, left_there = _attempt(tried, network, big_first)
            if _left_behind(left_there) < _left_behind(left):
                placing, left = other, left_there
    names = [host.name for host in fleet.destinations]
    return Placement(
        dict(placing.at),
        tuple(entry for unit in left for entry in _explain(placing, fleet, unit)),
        {name: placing.capacity.taken_bytes(name) for name in names},
        {name: placing.capacity.guests(name) for name in names},
    )


def _attempt(fleet: Fleet, network: Network, big_first: int) -> tuple[PlacementState, list[Unit]]:
    moving = movers(fleet)
    placing = PlacementState(fleet, network, moving)
    target_s = _LINK_HEADROOM * _least_s(fleet, moving)
    queue = units(moving, fleet.groups)
    ways = {unit: len(placing.candidates(unit)) for unit in queue}
    queue.sort(key=lambda unit: _order(unit, ways[unit], big_first))
    displacement = Displacement(placing)
    left: list[Unit] = []
    # Room is made for those of one priority before any of the next is there.
    for _same, equals in itertools.groupby(queue, key=_rank):
        without = [unit for unit in equals if not _settle(placing, unit, target_s)]
        left += [unit for unit in without if not displacement.make(unit)]
    # What was moved about for one may have made room for another.
    while True:
        still = [unit for unit in left if not _settle(placing, unit, target_s)]
        if len(still) == len(left):
            return placing, left
        left = still


def _order(unit: Unit, ways: int, big_first: int) -> tuple[t.Any, ...]:
    """Those whose host is settled, then by priority; those with few hosts to go to, then by size."""
    return (*_rank(unit), ways, -big_first * sum(guest.memory_bytes for guest in unit), unit[0].key)


def _rank(unit: Unit) -> tuple[bool, int]:
    return not any(guest.bound_for for guest in unit), -max(guest.place_priority for guest in unit)


def _left_behind(left: t.Sequence[Unit]) -> list[tuple[int, int]]:
    """Comparable: how many of the highest priority first."""
    priorities = [guest.place_priority for unit in left for guest in unit]
    return [(priority, priorities.count(priority)) for priority in sorted(set(priorities), reverse=True)]


def _least_s(fleet: Fleet, moving: t.Sequence[PlannedGuest]) -> float:
    """No placement is faster: each source has to send what it has, and the destinations together to take it."""
    out: dict[str, int] = dict.fromkeys(fleet.sources, 0)
    for guest in moving:
        out[guest.host] += guest.demand.least_bytes if guest.demand else guest.memory_bytes
    rates = {host.name: host.out_bytes_per_s for host in fleet.hosts}
    takes = sum(host.in_bytes_per_s for host in fleet.destinations if not host.cordoned)
    least = max((size / rates[name] for name, size in out.items()), default=0.0)
    return max(least, sum(out.values()) / takes) if takes else least


def _settle(placing: PlacementState, unit: Unit, target_s: float) -> bool:
    """The host with the most room among those whose links have time to spare, else the one that is done first."""
    ruled = placing.affinity.has_rules(unit)
    size = sum(guest.demand.least_bytes if guest.demand else guest.memory_bytes for guest in unit)
    scored = []
    for position, name in enumerate(placing.candidates(unit)):
        done_s = placing.inbound_s[name] + size / placing.network.top(unit[0].host, name)
        penalty = placing.affinity.penalty(unit, name) if ruled else 0
        scored.append((penalty, max(target_s, done_s), placing.capacity.fullness(name), position, name))
    scored.sort()
    return any(placing.put(unit, entry[-1]) for entry in scored)


def _explain(placing: PlacementState, fleet: Fleet, unit: Unit) -> list[Unplaced]:
    hosts: dict[Obstacle, list[str]] = {}
    by_host: dict[str, t.Sequence[Obstacle]] = {
        host.name: placing.in_the_way(unit, host.name) for host in placing.destinations
    }
    for name, found in by_host.items():
        for obstacle in found:
            hosts.setdefault(obstacle, []).append(name)
    changes: tuple[Obstacle, ...]
    if by_host and len(unit) == 1:
        changes = tuple(by_host[min(by_host, key=lambda name: obstacles.effort(by_host[name]))])
    elif by_host:
        changes = fewest_changes(placing, unit, fleet.groups)
    else:
        alone = [obstacles.no_destination(unit)]
        for guest in unit:
            alone += obstacles.of_guest(guest)
        hosts.update({obstacle: [] for obstacle in alone})
        changes = tuple(alone)
    reasons = tuple((obstacle, tuple(names)) for obstacle, names in hosts.items())
    names = [guest.name for guest in unit]
    return [Unplaced(guest, tuple(name for name in names if name != guest.name), reasons, changes) for guest in unit]
