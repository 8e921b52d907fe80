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
        if any(domain.pinned or domain.host_devices for domain in unit):
            return []
        found = self.open
        for domain in unit:
            bound, allowed, blocked = domain.bound_for, domain.allowed, domain.blocked
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
        for domain in unit:
            if not self.capacity.take(domain, host):
                for earlier in done:
                    self.capacity.give_back(earlier, host)
                return False
            done.append(domain)
        if not all(self.network.estimate(domain, host).finishes for domain in unit):
            for domain in done:
                self.capacity.give_back(domain, host)
            return False
        self._enter(unit, host)
        return True

    def lift(self, unit: Unit) -> str:
        """Take it away again, from the host that is returned."""
        host = self.at[unit[0].key]
        for domain in unit:
            self.capacity.give_back(domain, host)
            self.affinity.leave(domain, host)
            del self.at[domain.key]
        del self.units_at[host][unit]
        self.inbound_s[host] -= self._seconds(unit, host)
        return host

    def put_back(self, unit: Unit, host: str) -> None:
        """Where it was a moment ago."""
        for domain in unit:
            self.capacity.put_back(domain, host)
        self._enter(unit, host)

    def in_the_way(self, unit: Unit, host: str) -> list[Obstacle]:
        """All that keeps the unit from that host as things stand. Nothing in it: it can be put there."""
        rooms = [obstacles.of_room(lack, host) for lack in self.missing(unit, host)]
        return self.rules_in_the_way(unit, host) + rooms

    def rules_in_the_way(self, unit: Unit, host: str, dropped: t.Collection[str] = ()) -> list[Obstacle]:
        """The same without the room; ``dropped``: rules of affinity that do not count."""
        found: list[Obstacle] = []
        for domain in unit:
            found += obstacles.of_guest(domain)
            found += obstacles.of_checks(domain, host)
            estimate = self.network.estimate(domain, host)
            if not estimate.finishes:
                found.append(obstacles.of_policy(domain, host, estimate.needs))
        if self._by_name[host].cordoned:
            found.append(obstacles.of_cordon(host))
        broken = self.affinity.broken(unit, host, dropped)
        return found + [obstacles.of_rule(group.name, group.together) for group in broken]

    def missing(self, unit: Unit, host: str) -> list[Shortage]:
        return self.capacity.missing(unit, host)

    def lend(self, unit: Unit, host: str) -> list[Shortage]:
        """Put it there as if what is missing were there."""
        for domain in unit:
            self.affinity.enter(domain, host)
        return self.capacity.lend(unit, host)

    def end_loan(self, unit: Unit, host: str, shortages: t.Sequence[Shortage]) -> None:
        for domain in unit:
            self.affinity.leave(domain, host)
        self.capacity.end_loan(unit, host, shortages)

    def _enter(self, unit: Unit, host: str) -> None:
        for domain in unit:
            self.affinity.enter(domain, host)
            self.at[domain.key] = host
        self.units_at[host][unit] = None
        self.inbound_s[host] += self._seconds(unit, host)

    def _seconds(self, unit: Unit, host: str) -> float:
        rate = self._by_name[host].in_bytes_per_s
        return sum(self.network.estimate(domain, host).sent_bytes for domain in unit) / rate
