# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for emptying hosts: what becomes of each guest on them, when, and whether that leaves them empty."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..strategy import MIGRATE, SHUTDOWN
from .fleet import Fleet, PlannedGuest
from .links import Network
from .placement import Placement, Unplaced, place
from .schedule import Schedule, schedule


@dataclass(frozen=True)
class EvacuationPlan:
    """Each guest of the sources is in exactly one of: the transfers of ``schedule``, ``shutdown``, ``left`` (stays by
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
        stay = [*self.left, *(entry.guest for entry in self.unplaced)]
        return not any(guest.host == source for guest in stay)


def plan_evacuation(fleet: Fleet) -> EvacuationPlan:
    """A placement, then a schedule. Guests without a place are shut down where that was asked for, and the rest is
    planned anew."""
    network = Network(fleet)
    placement = place(fleet, network)
    while True:
        stopped = [entry for entry in placement.unplaced if entry.guest.if_unplaceable == SHUTDOWN]
        if not stopped:
            break
        fleet = _with_shutdown(fleet, {entry.guest.key for entry in stopped})
        if any(entry.together_with for entry in stopped):
            # Others stayed because of these only, and are free to go now.
            placement = place(fleet, network)
            continue
        rest = tuple(entry for entry in placement.unplaced if entry.guest.if_unplaceable != SHUTDOWN)
        placement = replace(placement, unplaced=rest)
    sources = set(fleet.sources)
    here = [guest for guest in fleet.guests if guest.host in sources]
    running = [guest for guest in here if guest.running]
    return EvacuationPlan(
        fleet,
        placement,
        schedule(fleet, network, placement.at),
        tuple(guest for guest in running if guest.strategy == SHUTDOWN),
        tuple(guest for guest in running if guest.strategy not in (SHUTDOWN, MIGRATE)),
        tuple(guest for guest in here if not guest.running),
        placement.unplaced,
    )


def _with_shutdown(fleet: Fleet, keys: t.Collection[str]) -> Fleet:
    guests = tuple(replace(guest, strategy=SHUTDOWN) if guest.key in keys else guest for guest in fleet.guests)
    return replace(fleet, guests=guests)
