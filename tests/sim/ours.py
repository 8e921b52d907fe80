# SPDX-License-Identifier: GPL-3.0-or-later
"""Our engine as a strategy of the simulation: measure, forecast, start, supervise."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    Forecast,
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.measuring_windows import (
    next_window_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import (
    Window,
    working_set,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor

from .guest import Guest, Link
from .qemu import Start


def start_of(plan: Plan) -> Start:
    """How the plan of a forecast has a job started."""
    flags = plan.flags
    return Start(
        limit_ms=plan.start_limit_ms or 300,
        postcopy=bool(flags.postcopy),
        auto_converge=bool(flags.auto_converge),
        throttle_initial=flags.throttle_initial_percent or 20,
        throttle_increment=flags.throttle_increment_percent or 10,
        xbzrle_cache_bytes=flags.xbzrle_cache_bytes,
    )


class Ours:
    poll_s = 0.5
    events = True

    def __init__(
        self,
        contract: Policy,
        *,
        name: str = "ours",
        measures: bool = True,
        xbzrle: bool = True,
        plan: t.Optional[Plan] = None,
        events: bool = True,
    ) -> None:
        self.name, self.contract, self.events = name, contract, events
        self._measures, self._xbzrle = measures, xbzrle
        self.forecast: t.Optional[Forecast] = None
        self.supervisor = Supervisor(contract, plan or Plan())

    def begin(self, guest: Guest, link: Link) -> Start:
        """A guest for which there is no way is started nevertheless, to see whether the forecast was right."""
        self.forecast = forecast(self.contract, self.facts(guest, link))
        self.supervisor = Supervisor(self.contract, self.forecast.plan)
        return start_of(self.forecast.plan)

    def facts(self, guest: Guest, link: Link) -> MigrationFacts:
        facts = MigrationFacts(
            touched_bytes=guest.touched_bytes,
            bandwidth_bytes_per_s=int(link.rate(0.0)),
            xbzrle_cache_bytes=guest.memory_bytes // 2 if self._xbzrle else 0,
        )
        return self._measured(guest, facts) if self._measures else facts

    def _measured(self, guest: Guest, facts: MigrationFacts) -> MigrationFacts:
        """As long as a start measures."""
        windows: list[Window] = []
        seconds: t.Optional[int] = 1
        while seconds is not None:
            windows.append(Window(seconds, guest.measured(0.0, seconds)))
            facts = replace(facts, measured=working_set(windows, guest.memory_bytes))
            seconds = next_window_s(windows[-1], facts, self.contract, lambda guest: forecast(self.contract, guest))
        return facts

    def look(self, sample: JobSample, at_sync: bool, results: t.Sequence[ActionResult]) -> t.Sequence[Action]:
        return self.supervisor.observe(sample, at_sync=at_sync, results=results)
