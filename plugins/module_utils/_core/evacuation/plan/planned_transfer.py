# SPDX-License-Identifier: GPL-3.0-or-later
"""One planned transfer: where it goes, how fast it may, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from .fleet import PlannedGuest
from .transfer_estimate import TransferEstimate

# ENDING: still sending, but nearly done.
PREPARED, SENDING, ENDING, DONE = "prepared", "sending", "ending", "done"


@dataclass(eq=False)
class PlannedTransfer:
    """One transfer of a schedule. ``path``: indices of the links that it crosses; ``rate``: bytes/s that it sends now;
    ``rates``: pairs of a time and the rate from then on; ``left``: the share of its work (0 to 1) at ``since_s``.

    ``order``: a key to sort by before all else: whether it is not on its way yet, its negative priority, and whether it
    needs no link for itself. ``version``: counts changes of its rate.
    """

    guest: PlannedGuest
    destination: str
    path: tuple[int, ...]
    estimate: TransferEstimate
    state: str = ""
    rate: float = 0.0
    left: float = 1.0
    since_s: float = 0.0
    version: int = 0
    start_s: float = 0.0
    end_s: float = 0.0
    rates: list[tuple[float, float]] = field(default_factory=list)
    order: tuple[bool, int, bool] = (True, 0, True)

    def __post_init__(self) -> None:
        self.order = (not self.guest.moving, -self.guest.priority, not self.estimate.busy)

    def advance(self, now_s: float) -> None:
        if self.rate > 0:
            self.left = max(0.0, self.left - (now_s - self.since_s) / self.estimate.time_s(self.rate))
        self.since_s = now_s

    def send_at(self, bytes_per_s: float, now_s: float) -> float:
        """From now on at this rate; returns when it will be done."""
        self.advance(now_s)
        self.rate = bytes_per_s
        self.version += 1
        if self.rates and self.rates[-1][0] == now_s:
            self.rates[-1] = (now_s, bytes_per_s)
        else:
            self.rates.append((now_s, bytes_per_s))
        return now_s + self.left * self.estimate.time_s(bytes_per_s) if bytes_per_s > 0 else now_s

    @property
    def sends(self) -> bool:
        return self.state in (SENDING, ENDING)

    def sent_bytes(self) -> float:
        ends = [at_s for at_s, _rate in self.rates[1:]] + [self.end_s]
        return sum((end_s - at_s) * rate for (at_s, rate), end_s in zip(self.rates, ends))
