# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits and who may start, and how the links are shared among those that send.

A transfer starts when each link on its way has a slot left, and the least rate it can do with beside the least rates of
those that are there, unless its source has somebody ready to take over already. What is left of the links goes to busy
guests first, whose work grows with the time it takes, then to those whose way has the most left to carry.
"""

from __future__ import annotations

import math
import typing as t

from .links import Link
from .planned_transfer import ENDING, PlannedTransfer

_ROUNDING = 1 + 1e-9  # sums of shares may be off in their last digits


class LinkSharing:
    """The rates of the transfers that run at one moment, in bytes/s."""

    def __init__(self, links: t.Sequence[Link], transfers: t.Sequence[PlannedTransfer]) -> None:
        self._links = links
        sources = {transfer.path[0] for transfer in transfers}
        # A limit over all hosts that does not let each source have one to send and one to be ready.
        self._scarce = any(
            math.isinf(link.bytes_per_s) and (link.max_transfers or math.inf) < 2 * len(sources) for link in links
        )
        self.on: list[dict[PlannedTransfer, None]] = [{} for _link in links]
        self._floors = [0.0] * len(links)
        self._to_carry_s = [0.0] * len(links)
        for transfer in transfers:
            self._carry(transfer, transfer.estimate.sent_bytes)

    def obstacle(self, transfer: PlannedTransfer) -> t.Optional[int]:
        """The first link on its way that has no room for it now."""
        floor = transfer.estimate.floor
        for index in transfer.path:
            link = self._links[index]
            if link.max_transfers is not None and len(self.on[index]) >= link.max_transfers:
                return index
            if self._floors[index] + floor > link.bytes_per_s * _ROUNDING:
                return index
        for index in transfer.path[: 2 if self._scarce else 1]:
            if self._has_enough(index):
                return index
        return None

    def has_room(self, index: int) -> bool:
        link = self._links[index]
        if link.max_transfers is not None and len(self.on[index]) >= link.max_transfers:
            return False
        return self._floors[index] < link.bytes_per_s

    def _has_enough(self, index: int) -> bool:
        """Those that are there, and not nearly done, fill the link and one more is ready to take over. Another one
        would only crawl, and hold a slot at its other end. Where slots are scarce, nobody holds one just to be ready.
        """
        tops = [transfer.estimate.top for transfer in self.on[index] if transfer.state != ENDING]
        ready = 0.0 if self._scarce else min(tops, default=0.0)
        return bool(tops) and sum(tops) - ready >= self._links[index].bytes_per_s

    def enter(self, transfer: PlannedTransfer) -> None:
        for index in transfer.path:
            self.on[index][transfer] = None
            self._floors[index] += transfer.estimate.floor

    def leave(self, transfer: PlannedTransfer) -> None:
        self._carry(transfer, -transfer.estimate.sent_bytes)
        for index in transfer.path:
            del self.on[index][transfer]
            # Summed up anew, so that no rounding is left over on an idle link.
            self._floors[index] = math.fsum(other.estimate.floor for other in self.on[index])

    def urgency(self, transfer: PlannedTransfer) -> tuple[t.Any, ...]:
        """A key to sort by, smallest first: what may start now, and what may have more of a link."""
        most_s = max([self._to_carry_s[index] for index in transfer.path])
        return (*transfer.order, -most_s, -transfer.estimate.sent_bytes, transfer.guest.key)

    def shares(self, changed: t.Iterable[int]) -> dict[PlannedTransfer, float]:
        """New rates after a transfer has begun or ended to send over the links ``changed``."""
        touched: dict[PlannedTransfer, None] = {}
        for index in changed:
            if not math.isinf(self._links[index].bytes_per_s):
                touched.update(dict.fromkeys(other for other in self.on[index] if other.sends))
        rates = {transfer: transfer.estimate.floor for transfer in touched}
        free = self._free(touched, rates)
        self._hand_out(sorted(touched, key=self.urgency), rates, free)
        # One that gave something up on a link that has not changed otherwise leaves it to its neighbours there.
        lost = [transfer for transfer, rate in rates.items() if rate < transfer.rate]
        neighbours: dict[PlannedTransfer, None] = {}
        for transfer in lost:
            for index in transfer.path:
                if not math.isinf(self._links[index].bytes_per_s):
                    neighbours.update(dict.fromkeys(x for x in self.on[index] if x.sends and x not in rates))
        if neighbours:
            rates.update({transfer: transfer.rate for transfer in neighbours})
            self._hand_out(sorted(neighbours, key=self.urgency), rates, self._free(neighbours, rates))
        return {transfer: rate for transfer, rate in rates.items() if rate != transfer.rate}

    def rate(self, index: int) -> float:
        """What the link carries now."""
        return math.fsum(transfer.rate for transfer in self.on[index] if transfer.sends)

    def _free(
        self, transfers: t.Iterable[PlannedTransfer], rates: t.Mapping[PlannedTransfer, float]
    ) -> dict[int, float]:
        free: dict[int, float] = {}
        for index in dict.fromkeys(index for transfer in transfers for index in transfer.path):
            # One that does not send yet has a rate of 0.
            taken = sum([rates.get(other, other.rate) for other in self.on[index]])
            free[index] = self._links[index].bytes_per_s - taken
        return free

    def _hand_out(
        self, transfers: t.Iterable[PlannedTransfer], rates: dict[PlannedTransfer, float], free: dict[int, float]
    ) -> None:
        for transfer in transfers:
            more = min(transfer.estimate.top - rates[transfer], *(free[index] for index in transfer.path))
            if more > 0:
                rates[transfer] += more
                for index in transfer.path:
                    free[index] -= more

    def _carry(self, transfer: PlannedTransfer, size: float) -> None:
        for index in transfer.path:
            self._to_carry_s[index] += size / self._links[index].bytes_per_s
