# SPDX-License-Identifier: GPL-3.0-or-later
"""Which transfer runs when over which links: the plan run in virtual time.

There are no batches. Whatever ends makes way at once for the most urgent that fits into its place.
"""

from __future__ import annotations

import heapq
import typing as t
from dataclasses import dataclass

from .fleet import Fleet
from .link_sharing import LinkSharing
from .links import Link, Network
from .planned_transfer import DONE, ENDING, PREPARED, SENDING, PlannedTransfer

_FEW = 200  # of those that wait for one link: so many are put in order anew each time


@dataclass(frozen=True)
class LinkLoad:
    """``bytes``: carried in all. ``busy_s``: how long at least one transfer was sending over it."""

    link: Link
    bytes: float
    transfers: int
    peak_bytes_per_s: float
    peak_transfers: int


@dataclass(frozen=True)
class Schedule:
    """``transfers`` in the order of their start. ``least_s``: no schedule of these transfers is shorter."""

    transfers: tuple[PlannedTransfer, ...]
    loads: tuple[LinkLoad, ...]
    end_s: float
    least_s: float


def schedule(fleet: Fleet, network: Network, at: t.Mapping[str, str]) -> Schedule:
    """``at``: the destination of each guest that moves, by key."""
    transfers = [
        PlannedTransfer(
            guest, at[guest.key], network.path(guest.host, at[guest.key]), network.estimate(guest, at[guest.key])
        )
        for guest in fleet.guests
        if guest.key in at
    ]
    run = _Simulation(fleet.setup_s, network.links, transfers)
    run.to_the_end()
    transfers.sort(key=lambda transfer: (transfer.start_s, transfer.order, transfer.guest.key))
    loads = tuple(load for load in (run.load(index) for index in range(len(network.links))) if load.transfers)
    end_s = max((transfer.end_s for transfer in transfers), default=0.0)
    return Schedule(tuple(transfers), loads, end_s, least_s(network.links, transfers, fleet.setup_s))


def least_s(links: t.Sequence[Link], transfers: t.Sequence[PlannedTransfer], setup_s: float) -> float:
    """The largest of: what a link needs for its bytes, what its slots need for its transfers, the longest transfer."""
    size, slot_s = [0.0] * len(links), [0.0] * len(links)
    longest_s = 0.0
    for transfer in transfers:
        alone_s = setup_s + transfer.estimate.least_s
        longest_s = max(longest_s, alone_s)
        for index in transfer.path:
            size[index] += transfer.estimate.sent_bytes
            slot_s[index] += alone_s
    by_bytes = (size[index] / link.bytes_per_s for index, link in enumerate(links))
    by_slots = (slot_s[index] / link.max_transfers for index, link in enumerate(links) if link.max_transfers)
    return max([longest_s, *by_bytes, *by_slots])


class _Simulation:
    def __init__(self, setup_s: float, links: t.Sequence[Link], transfers: t.Sequence[PlannedTransfer]) -> None:
        self._setup_s, self._links = setup_s, links
        self._sharing = LinkSharing(links, transfers)
        self._events: list[tuple[float, int, int, PlannedTransfer]] = []
        self._number = 0
        # Each that waits is kept with the one link that had no room for it, by its urgency when it was last tried.
        self._waiting: list[list[tuple[t.Any, PlannedTransfer]]] = [[] for _link in links]
        self._bytes = [0.0] * len(links)
        self._transfers = [0] * len(links)
        self._peak_rates = [0.0] * len(links)
        self._peak_transfers = [0] * len(links)
        for transfer in sorted(transfers, key=self._sharing.urgency):
            obstacle = self._start(transfer, 0.0)
            if obstacle is not None:
                self._wait(transfer, obstacle)

    def to_the_end(self) -> None:
        while self._events:
            now_s, _number, version, transfer = heapq.heappop(self._events)
            if version != transfer.version:
                continue
            if transfer.state == PREPARED:
                transfer.state = SENDING
                self._reshare(transfer.path, now_s)
            elif transfer.state == SENDING:
                self._make_ready(transfer, now_s)
            else:
                self._finish(transfer, now_s)

    def load(self, index: int) -> LinkLoad:
        return LinkLoad(
            self._links[index],
            self._bytes[index],
            self._transfers[index],
            self._peak_rates[index],
            self._peak_transfers[index],
        )

    def _start(self, transfer: PlannedTransfer, now_s: float) -> t.Optional[int]:
        """Start it, or return the link that has no room for it."""
        obstacle = self._sharing.obstacle(transfer)
        if obstacle is not None:
            return obstacle
        self._sharing.enter(transfer)
        transfer.state, transfer.start_s = PREPARED, now_s
        for index in transfer.path:
            self._peak_transfers[index] = max(self._peak_transfers[index], len(self._sharing.on[index]))
        self._at(now_s + self._setup_s, transfer)
        return None

    def _wait(self, transfer: PlannedTransfer, obstacle: int) -> None:
        heapq.heappush(self._waiting[obstacle], (self._sharing.urgency(transfer), transfer))

    def _make_ready(self, transfer: PlannedTransfer, now_s: float) -> None:
        """It is so near its end that another one, if it is started now, will be ready to send just then."""
        transfer.state = ENDING
        self._at(transfer.end_s, transfer)
        for index in transfer.path:
            self._refill(index, now_s)

    def _finish(self, transfer: PlannedTransfer, now_s: float) -> None:
        transfer.send_at(0.0, now_s)
        transfer.state, transfer.end_s = DONE, now_s
        self._sharing.leave(transfer)
        for index in transfer.path:
            self._bytes[index] += transfer.sent_bytes()
            self._transfers[index] += 1
        for index in transfer.path:
            self._refill(index, now_s)
        self._reshare(transfer.path, now_s)

    def _refill(self, index: int, now_s: float) -> None:
        waiting, tried = self._waiting[index], []
        if waiting and len(waiting) <= _FEW and self._sharing.has_room(index):
            waiting[:] = [(self._sharing.urgency(transfer), transfer) for _urgency, transfer in waiting]
            heapq.heapify(waiting)
        while waiting and self._sharing.has_room(index):
            transfer = heapq.heappop(waiting)[1]
            obstacle = self._start(transfer, now_s)
            if obstacle is not None:
                tried.append((obstacle, transfer))
        for obstacle, transfer in tried:
            self._wait(transfer, obstacle)

    def _reshare(self, path: t.Sequence[int], now_s: float) -> None:
        shares = self._sharing.shares(path)
        for transfer, rate in shares.items():
            transfer.end_s = transfer.send_at(rate, now_s)
            transfer.state = SENDING
            self._at(max(now_s, transfer.end_s - self._setup_s), transfer)
        for index in dict.fromkeys(index for transfer in shares for index in transfer.path):
            self._peak_rates[index] = max(self._peak_rates[index], self._sharing.rate(index))

    def _at(self, at_s: float, transfer: PlannedTransfer) -> None:
        self._number += 1
        heapq.heappush(self._events, (at_s, self._number, transfer.version, transfer))
