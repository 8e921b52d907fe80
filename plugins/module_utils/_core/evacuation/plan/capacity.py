# SPDX-License-Identifier: GPL-3.0-or-later
"""Room on the hosts: memory by page size and NUMA node, guests and virtual CPUs, as moves are put down one by one."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from .fleet import ORDINARY, Fleet, Host, PlannedGuest

_Nodes = frozenset[int]


class NumaMemory:
    """The memory of one page size on the NUMA nodes of a host, and what of it is taken.

    Nobody knows on which node an unbound guest will lie, so nothing is assigned to a node: what is taken is kept by the
    set of nodes that it is bound to. All fits if each union of such sets has room for what is bound within it (Hall).
    """

    def __init__(self, free_by_node: t.Mapping[int, int], reserve_bytes: int = 0) -> None:
        self._free = dict(free_by_node)
        self._reserve = reserve_bytes
        self._everywhere: _Nodes = frozenset(self._free)
        self._taken: dict[_Nodes, int] = {self._everywhere: 0}
        self._unions: list[_Nodes] = []  # of sets that are less than everywhere
        self._left = sum(self._free.values()) - reserve_bytes

    def fits(self, size_bytes: int, nodes: t.Sequence[int]) -> bool:
        if size_bytes > self._left:
            return False
        return not nodes or self._lacking_within(size_bytes, frozenset(nodes)) <= 0

    def lacking(self, size_bytes: int, nodes: t.Sequence[int]) -> tuple[int, int]:
        """Bytes that would have to come free on these nodes, and bytes that would have to beyond that, anywhere."""
        within = max(0, self._lacking_within(size_bytes, frozenset(nodes))) if nodes else 0
        return within, max(0, size_bytes - self._left - within)

    def take(self, size_bytes: int, nodes: t.Sequence[int]) -> None:
        """Whether it fits or not; a negative size gives back."""
        bound = frozenset(nodes) or self._everywhere
        if bound not in self._taken:
            self._taken[bound] = 0
            if not bound >= self._everywhere:
                self._unions = self._closed(bound)
        self._taken[bound] += size_bytes
        self._left -= size_bytes

    def grant(self, size_bytes: int, node: t.Optional[int]) -> None:
        """As if so much more were free there; None: somewhere."""
        where = min(self._free, default=0) if node is None else node
        self._free[where] = self._free.get(where, 0) + size_bytes
        self._left += size_bytes

    def _lacking_within(self, size_bytes: int, bound: _Nodes) -> int:
        if bound >= self._everywhere:
            return size_bytes - self._left
        unions = self._unions if bound in self._taken else self._closed(bound)
        return max(size_bytes + self._exceeds_by(union) for union in unions if union >= bound)

    def _exceeds_by(self, union: _Nodes) -> int:
        taken = sum(size for nodes, size in self._taken.items() if nodes <= union)
        return taken - sum(self._free.get(node, 0) for node in union)

    def _closed(self, bound: _Nodes) -> list[_Nodes]:
        unions = [*self._unions, bound, *(union | bound for union in self._unions)]
        return list(dict.fromkeys(union for union in unions if not union >= self._everywhere))


@dataclass(frozen=True)
class Shortage:
    """What a host lacks. ``what``: memory, guests or vcpus; ``nodes``: where the memory has to be (none: anywhere)."""

    what: str
    amount: int
    page_kib: int = ORDINARY
    nodes: tuple[int, ...] = ()


class _Room:
    def __init__(self, host: Host) -> None:
        self.host = host
        free: dict[int, dict[int, int]] = {ORDINARY: {}}
        for pool in host.pools:
            nodes = free.setdefault(pool.page_kib, {})
            nodes[pool.node] = nodes.get(pool.node, 0) + pool.free_bytes
        self.memory = {
            page: NumaMemory(nodes, host.reserve_bytes if page == ORDINARY else 0) for page, nodes in free.items()
        }
        self.whole_bytes = max(1, sum(pool.free_bytes for pool in host.pools))
        self.taken_bytes = self.guests = 0
        self.guests_left = math.inf if host.max_guests is None else host.max_guests
        self.vcpus_left = math.inf if host.max_vcpus is None else host.max_vcpus

    def page(self, page_kib: int) -> NumaMemory:
        if page_kib not in self.memory:
            self.memory[page_kib] = NumaMemory({})
        return self.memory[page_kib]

    def fits(self, guest: PlannedGuest) -> bool:
        if self.guests_left < 1 or self.vcpus_left < guest.vcpus:
            return False
        if len(guest.needs) == 1:
            need = guest.needs[0]
            return self.page(need.page_kib).fits(need.size_bytes, need.nodes)
        taken = 0
        for need in guest.needs:
            if not self.page(need.page_kib).fits(need.size_bytes, need.nodes):
                break
            self.page(need.page_kib).take(need.size_bytes, need.nodes)
            taken += 1
        for need in guest.needs[:taken]:
            self.page(need.page_kib).take(-need.size_bytes, need.nodes)
        return taken == len(guest.needs)

    def book(self, guest: PlannedGuest, sign: int) -> None:
        for need in guest.needs:
            self.page(need.page_kib).take(sign * need.size_bytes, need.nodes)
        self.taken_bytes += sign * guest.memory_bytes
        self.count((guest,), sign)

    def count(self, guests: t.Sequence[PlannedGuest], sign: int) -> None:
        self.guests += sign * len(guests)
        self.guests_left -= sign * len(guests)
        self.vcpus_left -= sign * sum(guest.vcpus for guest in guests)

    def grant(self, what: str, amount: int) -> None:
        if what == "guests":
            self.guests_left += amount
        else:
            self.vcpus_left += amount


class Capacity:
    """The room of all destinations, from which guests take and to which they give back."""

    def __init__(self, fleet: Fleet) -> None:
        self._rooms = {host.name: _Room(host) for host in fleet.hosts}
        sources = set(fleet.sources)
        for guest in fleet.guests:
            # What the residents use is not free on their hosts already.
            if guest.running and guest.host not in sources:
                self._rooms[guest.host].count((guest,), 1)

    def take(self, guest: PlannedGuest, host: str) -> bool:
        """Put it there if there is room; nothing happens if not."""
        room = self._rooms[host]
        if not room.fits(guest):
            return False
        room.book(guest, 1)
        return True

    def give_back(self, guest: PlannedGuest, host: str) -> None:
        self._rooms[host].book(guest, -1)

    def put_back(self, guest: PlannedGuest, host: str) -> None:
        """Where it was a moment ago."""
        self._rooms[host].book(guest, 1)

    def missing(self, guests: t.Sequence[PlannedGuest], host: str) -> list[Shortage]:
        """What the host lacks for all of these together."""
        shortages = self.lend(guests, host)
        self.end_loan(guests, host, shortages)
        return shortages

    def lend(self, guests: t.Sequence[PlannedGuest], host: str) -> list[Shortage]:
        """Put them there as if what the host lacks for them, which is returned, were there."""
        room = self._rooms[host]
        lacking: dict[tuple[int, tuple[int, ...]], int] = {}
        for guest in guests:
            for need in guest.needs:
                memory = room.page(need.page_kib)
                within, anywhere = memory.lacking(need.size_bytes, need.nodes)
                for amount, nodes in ((within, need.nodes), (anywhere, ())):
                    if amount:
                        memory.grant(amount, nodes[0] if nodes else None)
                        lacking[need.page_kib, nodes] = lacking.get((need.page_kib, nodes), 0) + amount
                memory.take(need.size_bytes, need.nodes)
        room.count(guests, 1)
        shortages = [Shortage("memory", amount, page, nodes) for (page, nodes), amount in lacking.items()]
        for what, lack in (("guests", -room.guests_left), ("vcpus", -room.vcpus_left)):
            if lack > 0:
                shortages.append(Shortage(what, int(lack)))
                room.grant(what, int(lack))
        return shortages

    def end_loan(self, guests: t.Sequence[PlannedGuest], host: str, shortages: t.Sequence[Shortage]) -> None:
        room = self._rooms[host]
        for guest in guests:
            for need in guest.needs:
                room.page(need.page_kib).take(-need.size_bytes, need.nodes)
        room.count(guests, -1)
        for lack in shortages:
            if lack.what == "memory":
                room.page(lack.page_kib).grant(-lack.amount, lack.nodes[0] if lack.nodes else None)
            else:
                room.grant(lack.what, -lack.amount)

    def fullness(self, host: str) -> float:
        """How much of what was free is given away, 0 to 1."""
        room = self._rooms[host]
        return room.taken_bytes / room.whole_bytes

    def taken_bytes(self, host: str) -> int:
        return self._rooms[host].taken_bytes

    def guests(self, host: str) -> int:
        return self._rooms[host].guests
