# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a placement in the making: what is where, what fits where, and what stands in the way."""

from __future__ import annotations

import typing as t

from . import obstacles
from .affinity import Affinity, Unit
from .capacity import Capacity, Shortage
from .fleet import Fleet, PlannedGuest
from .links import Network
from .obstacles import Obstacle


class PlacementState:
    """``at``: the destination of each guest that is placed, by key; ``inbound_s``: how long each destination's link
    will be busy."""

    def __init__(self, fleet: Fleet, network: Network, moving: t.Sequence[PlannedGuest]) -> None:
        self.network = network
        self.capacity = Capacity(fleet)
        self.affinity = Affinity(fleet, moving)
        self.destinations = fleet.destinations
        self._by_name = {host.name: host for host in fleet.destinations}
        self.open = [host.name for host in fleet.destinations if not host.cordoned]
        self.at: dict[str, str] = {}
        self.units_at: dict[str, dict[Unit, None]] = {host.name: {} for host in fleet.destinations}
        self.inbound_s: dict[str, float] = {host.name: 0.0 for host in fleet.destinations}
        self.tries = 0

    def candidates(self, unit: Unit) -> list[str]:
        """The open hosts at which nothing that will stay as it is stands in the way."""
        if any(guest.pinned or guest.host_devices for guest in unit):
            return []
        found = self.open
        for guest in unit:
            bound, allowed, blocked = guest.bound_for, guest.allowed, guest.blocked
            if bound is not None:
                found = [host for host in found if host == bound]
            if allowed is not None:
                found = [host for host in found if host in allowed]
            if blocked:
                found = [host for host in found if not blocked.get(host)]
        return found

    def put(self, unit: Unit, host: str) -> bool:
        """Put it there if it fits and may; nothing happens if not. The host has to be one of its candidates."""
        self.tries += 1
        if self.affinity.broken(unit, host):
            return False
        done: list[PlannedGuest] = []
        for guest in unit:
            if not self.capacity.take(guest, host):
                for earlier in done:
                    self.capacity.give_back(earlier, host)
                return False
            done.append(guest)
        if not all(self.network.estimate(guest, host).finishes for guest in unit):
            for guest in done:
                self.capacity.give_back(guest, host)
            return False
        self._enter(unit, host)
        return True

    def lift(self, unit: Unit) -> str:
        """Take it away again, from the host that is returned."""
        host = self.at[unit[0].key]
        for guest in unit:
            self.capacity.give_back(guest, host)
            self.affinity.leave(guest, host)
            del self.at[guest.key]
        del self.units_at[host][unit]
        self.inbound_s[host] -= self._seconds(unit, host)
        return host

    def put_back(self, unit: Unit, host: str) -> None:
        """Where it was a moment ago."""
        for guest in unit:
            self.capacity.put_back(guest, host)
        self._enter(unit, host)

    def in_the_way(self, unit: Unit, host: str) -> list[Obstacle]:
        """All that keeps the unit from that host as things stand; empty where it can be put there."""
        rooms = [obstacles.of_room(lack, host) for lack in self.missing(unit, host)]
        return self.rules_in_the_way(unit, host) + rooms

    def rules_in_the_way(self, unit: Unit, host: str, dropped: t.Collection[str] = ()) -> list[Obstacle]:
        """As :meth:`in_the_way` without memory, guests and processors; ``dropped``: rules of affinity that do not
        count."""
        found: list[Obstacle] = []
        for guest in unit:
            found += obstacles.of_guest(guest)
            found += obstacles.of_checks(guest, host)
            estimate = self.network.estimate(guest, host)
            if not estimate.finishes:
                found.append(obstacles.of_policy(guest, host, estimate.needs))
        if self._by_name[host].cordoned:
            found.append(obstacles.of_cordon(host))
        broken = self.affinity.broken(unit, host, dropped)
        return found + [obstacles.of_rule(group.name, group.together) for group in broken]

    def missing(self, unit: Unit, host: str) -> list[Shortage]:
        """What the host lacks for the unit as things stand."""
        return self.capacity.missing(unit, host)

    def lend(self, unit: Unit, host: str) -> list[Shortage]:
        """Put it there as if what is missing were there."""
        for guest in unit:
            self.affinity.enter(guest, host)
        return self.capacity.lend(unit, host)

    def end_loan(self, unit: Unit, host: str, shortages: t.Sequence[Shortage]) -> None:
        for guest in unit:
            self.affinity.leave(guest, host)
        self.capacity.end_loan(unit, host, shortages)

    def _enter(self, unit: Unit, host: str) -> None:
        for guest in unit:
            self.affinity.enter(guest, host)
            self.at[guest.key] = host
        self.units_at[host][unit] = None
        self.inbound_s[host] += self._seconds(unit, host)

    def _seconds(self, unit: Unit, host: str) -> float:
        rate = self._by_name[host].in_bytes_per_s
        return sum(self.network.estimate(guest, host).sent_bytes for guest in unit) / rate
