# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for emptying hosts: what becomes of each guest on them, when, and whether that leaves them empty."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .fleet import MIGRATE, SHUTDOWN, Fleet, PlannedGuest
from .links import Network
from .placement import Placement, Unplaced, place
from .schedule import Schedule, schedule


@dataclass(frozen=True)
class EvacuationPlan:
    """Each domain of the sources is in exactly one of: the transfers of ``schedule``, ``shutdown``, ``left`` (stays by
    the user's word), ``off`` (does not run) and ``unplaced``."""

    fleet: Fleet
    placement: Placement
    schedule: Schedule
    shutdown: tuple[PlannedGuest, ...]
    left: tuple[PlannedGuest, ...]
    off: tuple[PlannedGuest, ...]
    unplaced: tuple[Unplaced, ...]

    @property
    def measured(self) -> bool:
        """Whether the times rest on measurements; otherwise the least that each guest has to send is counted."""
        return all(transfer.estimate.measured for transfer in self.schedule.transfers)

    def empties(self, source: str) -> bool:
        stay = [*self.left, *(entry.domain for entry in self.unplaced)]
        return not any(domain.host == source for domain in stay)


def plan_evacuation(fleet: Fleet) -> EvacuationPlan:
    network = Network(fleet)
    placement = place(fleet, network)
    while True:
        stopped = [entry for entry in placement.unplaced if entry.domain.if_unplaceable == SHUTDOWN]
        if not stopped:
            break
        fleet = _with_shutdown(fleet, {entry.domain.key for entry in stopped})
        if any(entry.together_with for entry in stopped):
            # Others stayed because of these only, and are free to go now.
            placement = place(fleet, network)
            continue
        rest = tuple(entry for entry in placement.unplaced if entry.domain.if_unplaceable != SHUTDOWN)
        placement = replace(placement, unplaced=rest)
    sources = set(fleet.sources)
    here = [domain for domain in fleet.domains if domain.host in sources]
    running = [domain for domain in here if domain.running]
    return EvacuationPlan(
        fleet,
        placement,
        schedule(fleet, network, placement.at),
        tuple(domain for domain in running if domain.strategy == SHUTDOWN),
        tuple(domain for domain in running if domain.strategy not in (SHUTDOWN, MIGRATE)),
        tuple(domain for domain in here if not domain.running),
        placement.unplaced,
    )


def _with_shutdown(fleet: Fleet, keys: t.Collection[str]) -> Fleet:
    domains = tuple(replace(domain, strategy=SHUTDOWN) if domain.key in keys else domain for domain in fleet.domains)
    return replace(fleet, domains=domains)
