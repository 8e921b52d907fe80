# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guests belong on one host and which do not, and where that leaves those that move."""

from __future__ import annotations

import typing as t

from ..strategy import SHUTDOWN
from .fleet import Fleet, Group, PlannedGuest

Unit = tuple[PlannedGuest, ...]


class Affinity:
    """How many members of each group are on which host, to tell which rules a move would break.

    Guests that stay are counted from the start; those that move are entered, and taken out again, one by one.
    """

    def __init__(self, fleet: Fleet, moving: t.Sequence[PlannedGuest]) -> None:
        self._groups: dict[str, list[Group]] = {}
        for group in fleet.groups:
            for key in group.members:
                self._groups.setdefault(key, []).append(group)
        self._count: dict[str, dict[str, int]] = {group.name: {} for group in fleet.groups}
        self._stays: set[str] = set()
        sources, movers = set(fleet.sources), {guest.key for guest in moving}
        for guest in fleet.guests:
            if guest.key in movers or not guest.running:
                continue
            if guest.host not in sources:
                self.enter(guest, guest.host)
            elif guest.strategy != SHUTDOWN:
                self._stays.update(group.name for group in self._groups.get(guest.key, ()))
        # Where a group is at home already does not change while others are tried.
        self._homes = {name: frozenset(hosts) for name, hosts in self._count.items() if hosts}

    def enter(self, guest: PlannedGuest, host: str) -> None:
        for group in self._groups.get(guest.key, ()):
            count = self._count[group.name]
            count[host] = count.get(host, 0) + 1

    def leave(self, guest: PlannedGuest, host: str) -> None:
        for group in self._groups.get(guest.key, ()):
            self._count[group.name][host] -= 1

    def broken(self, unit: Unit, host: str, dropped: t.Collection[str] = ()) -> list[Group]:
        """The hard rules that this unit would break there, apart from those that are done without."""
        found: dict[str, Group] = {}
        within: dict[str, int] = {}
        for guest in unit:
            for group in self._groups.get(guest.key, ()):
                if not group.hard or group.name in dropped:
                    continue
                if group.together:
                    homes = self._homes.get(group.name)
                    if group.name in self._stays or (homes is not None and host not in homes):
                        found[group.name] = group
                    continue
                within[group.name] = within.get(group.name, 0) + 1
                if self._count[group.name].get(host, 0) + within[group.name] > 1:
                    found[group.name] = group
        return list(found.values())

    def penalty(self, unit: Unit, host: str) -> int:
        """Soft rules: one up for each that would be broken there, one down for each that would be kept."""
        points = 0
        for guest in unit:
            for group in self._groups.get(guest.key, ()):
                if not group.hard and self._count[group.name].get(host, 0) > 0:
                    points += -1 if group.together else 1
        return points

    def has_rules(self, unit: Unit) -> bool:
        return any(guest.key in self._groups for guest in unit)


def units(moving: t.Sequence[PlannedGuest], groups: t.Sequence[Group]) -> list[Unit]:
    """The guests that only move together, each set in the order given."""
    root: dict[str, str] = {guest.key: guest.key for guest in moving}

    def find(key: str) -> str:
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for group in groups:
        if group.together and group.hard:
            members = sorted(key for key in group.members if key in root)
            for key in members[1:]:
                root[find(key)] = find(members[0])
    found: dict[str, list[PlannedGuest]] = {}
    for guest in moving:
        found.setdefault(find(guest.key), []).append(guest)
    return [tuple(members) for members in found.values()]


def together_groups(unit: Unit, groups: t.Sequence[Group]) -> list[Group]:
    """The rules that tie this unit."""
    keys = {guest.key for guest in unit}
    return [group for group in groups if group.together and group.hard and len(group.members & keys) > 1]
