# SPDX-License-Identifier: GPL-3.0-or-later
"""Empties a host: looks where its guests are, sends those that are to leave, and verifies the end."""

from __future__ import annotations

import time
import typing as t

from ..._core.evacuation.run.queued_guest import QueuedGuest, Stage
from ..._core.evacuation.run.record import EvacuationRecord
from ..._core.evacuation.run.result import ABORTED, FAILED, NOT_STARTED, GuestResult, LeftOnHost
from ..connection import Connection, connect_destination
from ..migration.driver import ProgressCallback
from .cancel import Cancellation
from .discovery import discover
from .dispatcher import Dispatcher
from .host_guests import Destinations, host_guests
from .metrics import EvacuationMetrics, look_for_host_metrics
from .options import EvacuationOptions
from .progress import EvacuationProgress
from .verify import check_locations, remains, seen_at_the_end


class Evacuation:
    """One evacuation, or one way home. ``notes``: what the user should know although it went well."""

    def __init__(self, source: Connection, options: EvacuationOptions, on_progress: ProgressCallback) -> None:
        self._source, self._options, self._on_progress = source, options, on_progress
        self.host = str(source.raw.getHostname())
        self.notes: list[str] = []
        self._began_epoch_s, self._began_s = round(time.time(), 1), time.monotonic()
        self._record = EvacuationRecord(self._began_s, options.uris)
        self._rows: dict[str, GuestResult] = {}

    def record(self, left: t.Optional[LeftOnHost], stopped: str) -> dict[str, t.Any]:
        """The account of what :meth:`run` has done."""
        return self._record.document(
            self._rows,
            host=self.host,
            purpose="evacuate" if self._options.leaving else "return",
            began_epoch_s=self._began_epoch_s,
            elapsed_s=round(time.monotonic() - self._began_s, 1),
            stopped=stopped,
            empty=left.empty if left is not None else None,
            destinations=[
                {"name": name, "link_mib_per_s": self._options.links.get(name)} for name in self._options.uris
            ],
        )

    def look(self) -> list[GuestResult]:
        """For check mode: what would become of each guest."""
        with Destinations(self._options.uris, connect_destination) as destinations:
            found = discover(self._source, destinations, self._options.guests)
        for one in found.moving:
            found.rows[one.key].outcome = "already_there" if one.there else "moved"
        for keys, outcome in ((found.stopping, "shut_down"), (found.starting, "started")):
            for key in keys:
                found.rows[key].outcome = outcome
        return list(found.rows.values())

    def running_here(self) -> list[str]:
        return sorted(guest.name for guest in host_guests(self._source).active.values())

    def run(self) -> tuple[list[GuestResult], t.Optional[LeftOnHost], str]:
        """The table, what remains on a host that should be empty, and why no more were begun (empty: no reason)."""
        metrics = EvacuationMetrics(self._options.metrics)
        look_for_host_metrics(self._options.metrics, self._source)
        with (
            Destinations(self._options.uris, connect_destination) as destinations,
            Cancellation(self._options.cancel_file) as cancelling,
        ):
            found = discover(self._source, destinations, self._options.guests)
            self._rows = found.rows
            progress = EvacuationProgress(self.host, self._on_progress, metrics, self._record)
            callback = self._on_progress
            sending = Dispatcher(self._source, self._options, found, destinations, progress, callback, self._record)
            sending.run(cancelling)
            self.notes += sending.notes
            guests = sending.queue.guests
            for key, one in guests.items():
                _close(found.rows[key], one, self.host)
            moved = {key: found.rows[key] for key in guests}
            check_locations(self._source, seen_at_the_end(destinations, moved.values()), moved)
        rows, stopped = list(found.rows.values()), sending.queue.stopped
        metrics.ended(rows)
        look_for_host_metrics(self._options.metrics, self._source)
        if not self._options.leaving:
            return rows, None, stopped
        all_went = not any(row.outcome in (ABORTED, FAILED, NOT_STARTED) for row in rows)
        return rows, remains(self._source, found.left, wait_for_jobs=all_went), stopped


def _close(row: GuestResult, one: QueuedGuest, host: str) -> None:
    """What is to be said of those that have not begun."""
    if row.outcome == ABORTED:
        return
    if one.stage is Stage.WAITING or one.reason == "NOT_STARTED":
        row.outcome, row.runs_on = NOT_STARTED, host
        if row.attempts == 0 or one.reason == "NOT_STARTED":
            row.clear()
    elif one.reason == "DESTINATION_GIVEN_UP" and not row.reason:
        row.outcome, row.reason, row.runs_on, row.elsewhere = FAILED, one.reason, host, True
        row.msg = f"{one.destination} was given up after the failures of others, and no other destination was named."
