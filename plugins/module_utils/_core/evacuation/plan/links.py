# SPDX-License-Identifier: GPL-3.0-or-later
"""The links that a transfer crosses, each with its speed and the number of transfers it takes at a time."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from .fleet import Fleet, PlannedGuest
from .transfer_estimate import TransferDemand, TransferEstimate

CLUSTER = "all hosts"
OUT, IN = "out", "in"


@dataclass(frozen=True)
class Link:
    """One direction of a link. ``max_transfers``: None for no limit."""

    name: str
    direction: str
    bytes_per_s: float
    max_transfers: t.Optional[int]


class Network:
    """The links of a fleet, the way between two of its hosts, and what a guest would take over it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.links: list[Link] = []
        self._index: dict[tuple[str, str, str], int] = {}
        self._hosts = {host.name: host for host in fleet.hosts}
        for host in fleet.hosts:
            self._add("host", Link(host.name, OUT, host.out_bytes_per_s, host.max_outgoing))
            self._add("host", Link(host.name, IN, host.in_bytes_per_s, host.max_incoming))
        for uplink in fleet.uplinks:
            for direction in (OUT, IN):
                self._add("uplink", Link(uplink.name, direction, uplink.bytes_per_s, uplink.max_transfers))
        if fleet.max_transfers is not None:
            self._add("cluster", Link(CLUSTER, "", math.inf, fleet.max_transfers))
        self._paths: dict[tuple[str, str], tuple[int, ...]] = {}
        self._tops: dict[tuple[str, str], float] = {}
        self._estimates: dict[tuple[str, float], TransferEstimate] = {}

    def path(self, source: str, destination: str) -> tuple[int, ...]:
        """Indices into ``links``: what the transfer crosses, the widest last."""
        key = (source, destination)
        if key not in self._paths:
            there, here = self._hosts[destination].uplinks, self._hosts[source].uplinks
            path = [self._index["host", source, OUT], self._index["host", destination, IN]]
            path += [self._index["uplink", name, OUT] for name in here if name not in there]
            path += [self._index["uplink", name, IN] for name in there if name not in here]
            if self._fleet.max_transfers is not None:
                path.append(self._index["cluster", CLUSTER, ""])
            self._paths[key] = tuple(path)
        return self._paths[key]

    def top(self, source: str, destination: str) -> float:
        """What a single transfer gets when it is alone."""
        key = (source, destination)
        if key not in self._tops:
            rates = [self.links[index].bytes_per_s for index in self.path(source, destination)]
            self._tops[key] = min([*rates, self._fleet.most_bytes_per_s or math.inf])
        return self._tops[key]

    def estimate(self, guest: PlannedGuest, destination: str) -> TransferEstimate:
        key = (guest.key, self.top(guest.host, destination))
        if key not in self._estimates:
            # Of a guest of which nothing else is known, all of the memory may have to be sent.
            self._estimates[key] = TransferEstimate(guest.demand or TransferDemand(guest.memory_bytes), key[1])
        return self._estimates[key]

    def _add(self, kind: str, link: Link) -> None:
        self._index[kind, link.name, link.direction] = len(self.links)
        self.links.append(link)
