# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest asks of the links on its way: how long and how much at which rate, and the least it can do with."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass, field

from ...forecast.forecast import Forecast, forecast
from ...forecast.plan import NO_WAY, POSTCOPY, UNKNOWN
from ...forecast.requirements import requirements_text
from ...forecast.simulation import MigrationFacts
from ...forecast.working_set import WorkingSet
from ...job.downtime_limit import highest_limit_ms
from ...policy import Policy

# Dirty rate over share: above a half, each further guest on the link makes all of them slower than one after the other.
_MOST_DIRTY_OF_SHARE = 0.5
_LEAST_SHARE = 0.05  # of the way, for the quietest guest: a transfer that gets nothing looks like a broken network
# Of the way, too; choices. A guest that needs more than the first is looked at closer, as a lower rate may call for
# another way. For one in post-copy half of it is enough; one that was not measured is given as much.
_BUSY_FROM_SHARE = 0.25
_POSTCOPY_SHARE = 0.5
_UNMEASURED_SHARE = 0.5
_RATE_STEPS = 8  # rates at which a busy guest is forecast: each forecast takes time, and there are 5,000 guests


@dataclass(frozen=True)
class TransferDemand:
    """``touched_bytes``: memory it uses at all. ``disk_bytes``: disks that are copied along. ``measured``: None when
    nobody has measured what it rewrites."""

    touched_bytes: int
    disk_bytes: int = 0
    measured: t.Optional[WorkingSet] = None
    policy: Policy = field(default_factory=Policy)
    postcopy_possible: bool = True
    host_devices: int = 0

    @property
    def least_bytes(self) -> int:
        return max(1, self.touched_bytes + self.disk_bytes)


class TransferEstimate:
    """How one guest is sent over a way that can carry ``top`` bytes/s, by the forecast of a single migration.

    ``floor``: the least bytes/s that it can do with; ``busy``: whether it sends more at a lower rate; ``sent_bytes``:
    with the whole way for itself.
    """

    def __init__(self, demand: TransferDemand, top_bytes_per_s: float) -> None:
        self._demand, self.top = demand, top_bytes_per_s
        first = self._forecast(top_bytes_per_s)
        self.way = first.plan.way
        self.needs = requirements_text(first.needs) if self.way == NO_WAY else ""
        self.downtime_ms = first.expected.downtime_ms if first.expected else None
        self.sent_bytes = self._sent(first)
        self.floor = self._floor()
        self.busy = self.floor > _BUSY_FROM_SHARE * self.top
        self._times: dict[int, float] = {}

    @property
    def finishes(self) -> bool:
        return self.way != NO_WAY

    @property
    def measured(self) -> bool:
        return self.way != UNKNOWN

    @property
    def least_s(self) -> float:
        """With the whole way for itself."""
        return self.time_s(self.top)

    def time_s(self, bytes_per_s: float) -> float:
        """How long it sends at this rate. A quiet guest sends the same at any rate, a busy one more at a lower one."""
        if not self.busy or self.way in (UNKNOWN, NO_WAY):
            return self.sent_bytes / bytes_per_s
        span = self.top - self.floor
        step = int(_RATE_STEPS * (bytes_per_s - self.floor) / span * (1 + 1e-9)) if span > 0 else _RATE_STEPS
        step = min(_RATE_STEPS, max(0, step))
        if step not in self._times:
            rate = self.floor + span * step / _RATE_STEPS
            # By whole passes a lower rate may seem to need less; it does not.
            self._times[step] = max(self.sent_bytes, self._sent(self._forecast(rate))) / rate
        return self._times[step]

    def _forecast(self, bytes_per_s: float) -> Forecast:
        demand = self._demand
        facts = MigrationFacts(
            max(1, demand.touched_bytes),
            max(1, int(bytes_per_s)),
            demand.measured,
            postcopy_possible=demand.postcopy_possible,
            host_devices=demand.host_devices,
        )
        return forecast(demand.policy, facts)

    def _sent(self, found: Forecast) -> int:
        memory = found.expected.sent_bytes if found.expected else self._demand.touched_bytes
        return max(1, memory + self._demand.disk_bytes)

    def _floor(self) -> float:
        measured = self._demand.measured
        if measured is None:
            return _UNMEASURED_SHARE * self.top
        downtime_s = highest_limit_ms(self._demand.policy.max_downtime_ms, self._demand.host_devices) / 1000
        set_bytes = math.inf if measured.working_set_is_lower_bound else measured.working_set_bytes
        least = min(measured.dirty_bytes_per_s / _MOST_DIRTY_OF_SHARE, set_bytes / downtime_s)
        if self.way == POSTCOPY:
            # It finishes at any rate, but depends on both hosts for as long as it takes.
            least = min(least, _POSTCOPY_SHARE * self.top)
        least = max(least, _LEAST_SHARE * self.top)
        if least >= self.top or (least > _BUSY_FROM_SHARE * self.top and self._forecast(least).plan.way != self.way):
            return self.top
        return least
