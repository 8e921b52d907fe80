# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a firewall lets new TCP connections to a port in, as far as its rules tell.

``open``: whoever asks gets in, at every port of the range. ``closed``: nobody, at none. ``partly``: some do and others
do not, or all depends on a condition that lets in and cannot be told (a time, a list of countries). ``unknown``: the
rest. The rules of IPv4 and of IPv6 are two firewalls; the verdict is that of the family that migrations arrive by.
"""

from __future__ import annotations

import ipaddress
import typing as t
from bisect import bisect_right
from dataclasses import dataclass

from ..network import PortOpening
from .packet import SOURCES, Interval, Packet, later, reply, request, solicitation
from .packet_walk import ACCEPT, DROP, ExhaustedError, Rule, RuleSet, Walk

OPEN, PARTLY, CLOSED, UNKNOWN = "open", "partly", "closed", "unknown"

# A walk through a rule takes about a microsecond: half a second for each range and family, however many rules.
_STEPS = 300_000
_STEPS_PER_RULE = 6  # so that each rule of a long set can be looked at several times; a choice


@dataclass(frozen=True)
class Arrival:
    """Who asks, and where. ``address``: of this host; ``sources``: addresses or networks, all of the world by default;
    ``interface``: that they come in by. Empty where not known."""

    address: str = ""
    interface: str = ""
    sources: t.Sequence[str] = ()

    @property
    def family(self) -> int:
        network = network_of(self.address)
        if network is not None:
            return network.version
        versions = {one.version for one in map(network_of, self.sources) if one is not None}
        return 6 if versions == {6} else 4

    def destination(self, family: int) -> t.Optional[int]:
        network = network_of(self.address)
        return int(network.network_address) if network is not None and network.version == family else None

    def asked_from(self, family: int) -> list[Interval]:
        networks = [one for one in map(network_of, self.sources) if one is not None and one.version == family]
        found = [(int(one.network_address), int(one.broadcast_address)) for one in networks]
        return found or SOURCES[family]


def network_of(text: str) -> t.Optional[t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]]:
    """The network of a text, which for an address is that address alone; None for what is neither."""
    try:
        return ipaddress.ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        return None


def opening(
    rules: RuleSet, purpose: str, port_min: int, port_max: int, arrival: t.Optional[Arrival] = None
) -> PortOpening:
    """The verdict for a range."""
    arrival = arrival or Arrival()
    found = {family: _Question(rules, (port_min, port_max), arrival, family).answer() for family in (4, 6)}
    verdict, reason = found[arrival.family]
    return PortOpening(purpose, port_min, port_max, verdict, reason, found[4][0], found[6][0])


@dataclass(frozen=True)
class _Region:
    """Ports and sources that a verdict is for."""

    ports: Interval
    source: Interval


class _Question:
    """A range of ports and one family.

    All ports and sources are asked about at once. Where that gives no answer they are split where a rule makes a
    difference, until it does.
    """

    def __init__(self, rules: RuleSet, ports: Interval, arrival: Arrival, family: int) -> None:
        self.rules, self.ports, self.arrival, self.family = rules, ports, arrival, family
        self.steps = [_STEPS + _STEPS_PER_RULE * sum(_cost(chain) for chain in rules.chains.values())]
        self.marks_are_known = not rules.sets_marks
        self._edges: t.Optional[dict[str, list[int]]] = None
        self.found: dict[str, tuple[_Region, str]] = {}

    def answer(self) -> tuple[str, str]:
        if self.family in self.rules.problems:
            return UNKNOWN, self.rules.problems[self.family]
        if self.ports[0] > self.ports[1]:
            return UNKNOWN, "the range of ports is empty"
        waiting = [_Region(self.ports, source) for source in self.arrival.asked_from(self.family)]
        waiting.reverse()
        while waiting and not {OPEN, CLOSED} <= set(self.found):
            region = waiting.pop()
            try:
                verdict, reason = self._verdict(region)
            except ExhaustedError:
                self.found.setdefault(UNKNOWN, (region, "there are too many rules to tell"))
                break
            parts = self._parts(region) if verdict in (PARTLY, UNKNOWN) else []
            waiting += parts
            if not parts:
                self.found.setdefault(verdict, (region, reason))
        return self._summary()

    def _verdict(self, region: _Region) -> tuple[str, str]:
        """That of a region in which no rule makes a difference, or UNKNOWN and PARTLY."""
        arrival = self.arrival
        destination = arrival.destination(self.family)
        asked = request(self.family, region.ports, region.source, destination, arrival.interface)
        walk = Walk(self.rules, asked, self.steps)
        verdict, reason = self._of_packet(asked, walk)
        if verdict != OPEN:
            return verdict, reason
        answer = reply(asked, walk.is_tracked, self.marks_are_known)
        verdict, reason = self._of_packet(answer, Walk(self.rules, answer, self.steps))
        if verdict != OPEN:
            return verdict, f"of the answer: {reason}"
        return self._of_others(asked, walk.is_tracked)

    def _of_others(self, asked: Packet, is_tracked: bool) -> tuple[str, str]:
        """Packets without which a connection is made, but of no use, or made only while a neighbour remembers."""
        if is_tracked:
            result = Walk(self.rules, later(asked, self.marks_are_known), self.steps).result()
            if DROP in result:
                return UNKNOWN, f"what follows after the first packet may be dropped: {result[DROP]}"
        if self.family == 6:
            result = Walk(self.rules, solicitation(asked), self.steps).result()
            if ACCEPT not in result:
                return UNKNOWN, f"questions of neighbours (ICMPv6) are dropped: {result[DROP]}"
        return OPEN, ""

    def _of_packet(self, packet: Packet, walk: Walk) -> tuple[str, str]:
        result = walk.result()
        if len(result) == 1:
            return (OPEN, "") if ACCEPT in result else (CLOSED, result[DROP])
        reason = next((doubt for doubt in walk.doubts if doubt), "a rule that is not understood")
        otherwise = Walk(self.rules, packet, self.steps, if_unsure=False)
        if set(otherwise.result()) == {DROP}:
            return PARTLY, f"it is let in depending on: {reason}"
        return UNKNOWN, f"it may be dropped depending on: {reason}"

    def _parts(self, region: _Region) -> list[_Region]:
        """Two halves, the lower one last; none where no rule makes a difference within."""
        if self._edges is None:
            self._edges = {axis: _edges(self.rules, axis, self.family) for axis in ("ports", "addresses")}
        at = _middle(self._edges["ports"], region.ports)
        if at is not None:
            low, high = region.ports
            return [_Region((at, high), region.source), _Region((low, at - 1), region.source)]
        at = _middle(self._edges["addresses"], region.source)
        if at is not None:
            low, high = region.source
            return [_Region(region.ports, (at, high)), _Region(region.ports, (low, at - 1))]
        return []

    def _summary(self) -> tuple[str, str]:
        if len(self.found) == 1:
            verdict, found = next(iter(self.found.items()))
            return verdict, found[1]
        if {OPEN, CLOSED} <= set(self.found):
            return PARTLY, self._difference(self.found[OPEN][0], self.found[CLOSED][0])
        if PARTLY in self.found and CLOSED in self.found:
            return PARTLY, self.found[PARTLY][1]
        return UNKNOWN, self.found[UNKNOWN if UNKNOWN in self.found else PARTLY][1]

    def _difference(self, let_in: _Region, shut_out: _Region) -> str:
        if let_in.source == shut_out.source:
            return f"{_ports(let_in.ports)} is let in, {_ports(shut_out.ports)} is not"
        if let_in.ports == shut_out.ports:
            return f"{self._source(let_in)} is let in, {self._source(shut_out)} is not"
        return (
            f"{_ports(let_in.ports)} from {self._source(let_in)} is let in,"
            f" {_ports(shut_out.ports)} from {self._source(shut_out)} is not"
        )

    def _source(self, region: _Region) -> str:
        low, high = (_address(one, self.family) for one in region.source)
        networks = list(ipaddress.summarize_address_range(low, high))
        if len(networks) > 1:
            return f"{low}-{high}"
        return str(low) if low == high else str(networks[0])


def _address(number: int, family: int) -> t.Any:
    return ipaddress.IPv4Address(number) if family == 4 else ipaddress.IPv6Address(number)


def _ports(ports: Interval) -> str:
    return f"port {ports[0]}" if ports[0] == ports[1] else f"port {ports[0]}-{ports[1]}"


def _cost(chain: t.Sequence[Rule]) -> int:
    return sum(rule.every.cost for rule in chain)


def _edges(rules: RuleSet, axis: str, family: int) -> list[int]:
    found: set[int] = set()
    for chain in rules.chains.values():
        for rule in chain:
            found.update(rule.every.edges(axis, family))
    return sorted(found)


def _middle(edges: list[int], interval: Interval) -> t.Optional[int]:
    """The middle one of the edges that split the interval: where an upper part would begin."""
    first, last = bisect_right(edges, interval[0]), bisect_right(edges, interval[1])
    return edges[(first + last) // 2] if first < last else None
