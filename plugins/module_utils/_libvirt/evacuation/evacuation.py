# SPDX-License-Identifier: GPL-3.0-or-later
"""Empties a host: looks, sends all off that are to leave, and verifies the end."""

from __future__ import annotations

import time
import typing as t

from ..._core.evacuation.run.queued_guest import QueuedGuest, Stage
from ..._core.evacuation.run.record import EvacuationRecord
from ..._core.evacuation.run.result import ABORTED, FAILED, NOT_STARTED, GuestResult, LeftOnHost
from ..connection import Connection, connect_destination
from ..migration.driver import Tell
from .cancel import Cancellation
from .discovery import discover
from .dispatcher import Dispatcher
from .host_guests import Destinations, host_guests
from .progress import EvacuationProgress
from .task import EvacuationOptions
from .verify import check_whereabouts, remains, seen_at_the_end


class Evacuation:
    """One task carried out; ``notes``: what the user should know although it went well."""

    def __init__(self, source: Connection, task: EvacuationOptions, tell: Tell) -> None:
        self._source, self._task, self._tell = source, task, tell
        self.host = str(source.raw.getHostname())
        self.notes: list[str] = []
        self._began_epoch_s, self._began_s = round(time.time(), 1), time.monotonic()
        self._record = EvacuationRecord(self._began_s, task.uris)
        self._rows: dict[str, GuestResult] = {}

    def record(self, remains: t.Optional[LeftOnHost], stopped: str) -> dict[str, t.Any]:
        """The account of what :meth:`run` has done."""
        return self._record.document(
            self._rows,
            host=self.host,
            purpose="evacuate" if self._task.leaving else "return",
            began_epoch_s=self._began_epoch_s,
            elapsed_s=round(time.monotonic() - self._began_s, 1),
            stopped=stopped,
            empty=remains.empty if remains is not None else None,
            destinations=[{"name": name, "link_mib_per_s": self._task.links.get(name)} for name in self._task.uris],
        )

    def look(self) -> list[GuestResult]:
        """For check mode: what would become of each guest."""
        with Destinations(self._task.uris, connect_destination) as destinations:
            found = discover(self._source, destinations, self._task.guests)
        for one in found.moving:
            there = one.size_bytes == 0 and one.moving
            found.rows[one.key].outcome = "already_there" if there else "moved"
        for keys, outcome in ((found.stopping, "shut_down"), (found.starting, "started")):
            for key in keys:
                found.rows[key].outcome = outcome
        return list(found.rows.values())

    def running_here(self) -> list[str]:
        return sorted(guest.name for guest in host_guests(self._source).active.values())

    def run(self) -> tuple[list[GuestResult], t.Optional[LeftOnHost], str]:
        """The table, what remains on a host that should be empty, and why no more were begun (empty: no reason)."""
        with (
            Destinations(self._task.uris, connect_destination) as destinations,
            Cancellation(self._task.cancel_file) as cancelling,
        ):
            found = discover(self._source, destinations, self._task.guests)
            self._rows = found.rows
            announcer = EvacuationProgress(self.host, self._tell, self._record)
            sending = Dispatcher(self._source, self._task, found, destinations, announcer, self._tell, self._record)
            sending.run(cancelling)
            self.notes += sending.notes
            departures = sending.queue.departures
            for key, one in departures.items():
                _close(found.rows[key], one, self.host)
            moved = {key: found.rows[key] for key in departures}
            check_whereabouts(self._source, seen_at_the_end(destinations, moved.values()), moved)
        rows, stopped = list(found.rows.values()), sending.queue.stopped
        if not self._task.leaving:
            return rows, None, stopped
        hasty = any(row.outcome in (ABORTED, FAILED, NOT_STARTED) for row in rows)
        return rows, remains(self._source, found.left, hasty=hasty), stopped


def _close(row: GuestResult, one: QueuedGuest, host: str) -> None:
    """What is to be said of those that have not begun."""
    if row.outcome == ABORTED:
        return
    if one.stage is Stage.WAITING or one.reason == "NOT_STARTED":
        row.outcome, row.runs_on = NOT_STARTED, host
        if row.attempts == 0 or one.reason == "NOT_STARTED":
            row.clear()
    elif one.reason == "DESTINATION_GIVEN_UP" and not row.reason:
        row.outcome, row.reason, row.runs_on = FAILED, one.reason, host
        row.msg = f"{one.destination} was given up after the failures of others, and no other destination was named."
