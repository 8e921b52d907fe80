# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Empties a host: looks, asks the queue, starts what it says, tells how far it is, and verifies the end."""

from __future__ import annotations

import contextlib
import queue
import time
import typing as t
from dataclasses import dataclass

from .._core.departure import Departure, Stage
from .._core.departure_progress import Total, needs_the_link_alone, total_line
from .._core.departures import Begin, Departures, Dismiss, Send, Slots
from .._core.errors import MigrationError
from .._core.evacuated import FAILED, NOT_STARTED, Remains, Row
from .._core.job import Phase
from .both_ends import connect_destination
from .cancelling import Cancelling
from .census import Destinations, census
from .connection import Connection, libvirt
from .departing import Departing, Ended, Post, Ready, Sending, Thread
from .domain import find_guest
from .driver import Tell
from .guard import within
from .look import glance
from .mustering import muster
from .relocation import Order
from .stopping import Starting, Stopping
from .verifying import check_whereabouts, remains

_POLL_S = 0.5
_TOTAL_EVERY_S = 10.0
_ABORTABLE = (Phase.SETUP, Phase.PRECOPY)

Result = dict[str, t.Any]


@dataclass(frozen=True)
class Task:
    """``order``: what is to be done with a guest that goes to that destination.

    ``leaving``: guests are marked with their home, and nobody else may run on the host in the end; else they come home.
    """

    guests: t.Sequence[t.Mapping[str, t.Any]]
    uris: t.Mapping[str, str]
    order: t.Callable[[str], Order]
    slots: Slots
    leaving: bool = True
    shutdown_limit_s: float = 300.0
    abort_on_cancel: bool = False
    cancel_file: t.Optional[str] = None


class Evacuation:
    """One task carried out; ``notes``: what the user should know although it went well."""

    def __init__(self, source: Connection, task: Task, tell: Tell) -> None:
        self._source, self._task, self._tell = source, task, tell
        self.host = str(source.raw.getHostname())
        self._mailbox: queue.Queue[Post] = queue.Queue()
        self._threads: dict[str, Thread] = {}
        self._aborted: set[str] = set()
        self._began_s: dict[str, float] = {}
        self._total, self._told_s, self._told = Total(), float("-inf"), (-1, -1, -1)
        self.notes: list[str] = []

    def look(self) -> list[Row]:
        """For check mode: what would become of each guest."""
        with Destinations(self._task.uris, connect_destination) as destinations:
            found = muster(self._source, destinations, self._task.guests)
        for one in found.moving:
            there = one.size_bytes == 0 and one.moving
            found.rows[one.key].outcome = "already_there" if there else "moved"
        for key, outcome in [(key, "shut_down") for key in found.stopping] + [
            (key, "started") for key in found.starting
        ]:
            found.rows[key].outcome = outcome
        return list(found.rows.values())

    def running_here(self) -> list[str]:
        return sorted(guest.name for guest in census(self._source).active.values())

    def run(self) -> tuple[list[Row], t.Optional[Remains], str]:
        """The table, what remains on a host that should be empty, and why no more were begun (empty: no reason)."""
        with (
            Destinations(self._task.uris, connect_destination) as destinations,
            Cancelling(self._task.cancel_file) as cancelling,
        ):
            self._muster = muster(self._source, destinations, self._task.guests)
            self._rows = self._muster.rows
            self._queue = Departures(self._muster.moving, self._task.slots)
            self._switch()
            while not self._queue.over or self._threads:
                if cancelling.wanted:
                    self._cancel()
                self._move(destinations)
                self._read_mail()
                self._tell_total()
            self._tell_total(last=True)
            for key, one in self._queue.departures.items():
                self._close(self._rows[key], one)
            seen = {name: destinations.census(name) for name in destinations.names}
            check_whereabouts(self._source, seen, {key: self._rows[key] for key in self._queue.departures})
            rows = list(self._rows.values())
            if not self._task.leaving:
                return rows, None, self._queue.stopped
            hasty = any(row.outcome in (FAILED, NOT_STARTED) for row in rows)
            return rows, remains(self._source, self._muster.left, hasty=hasty), self._queue.stopped

    # --- starting and stopping

    def _switch(self) -> None:
        uri, limit_s = self._source.uri, self._task.shutdown_limit_s
        for key in self._muster.stopping:
            self._start(Stopping(key, key, uri, self._mailbox, limit_s))
        for key in self._muster.starting:
            self._start(Starting(key, key, uri, self._mailbox))

    def _start(self, thread: Thread) -> None:
        self._threads[thread.key] = thread
        self._began_s.setdefault(thread.key, time.monotonic())
        self._rows[thread.key].attempts += 1
        thread.start()

    def _move(self, destinations: Destinations) -> None:
        waiting = any(one.stage in (Stage.WAITING, Stage.READY) for one in self._queue.departures.values())
        if not waiting:
            return
        for move in self._queue.due(time.monotonic(), self._arriving(destinations)):
            if isinstance(move, Begin):
                self._begin(move.key, move.destination)
                continue
            thread = self._threads.get(move.key)
            if isinstance(thread, Departing) and isinstance(move, Send):
                thread.let_go()
            elif isinstance(thread, Departing) and isinstance(move, Dismiss):
                thread.dismiss()

    def _begin(self, key: str, destination: str) -> None:
        self._rows[key].destination = destination
        order = self._task.order(destination)
        self._start(Departing(key, key, order, self._source.uri, self._mailbox, self._tell, marks=self._task.leaving))

    def _arriving(self, destinations: Destinations) -> dict[str, int]:
        """What each destination shows, and what goes there from here and may not show yet."""
        going: dict[str, set[str]] = {}
        for key, one in self._queue.departures.items():
            if one.stage is Stage.SENDING:
                going.setdefault(one.destination, set()).add(key)
        wanted = {one.destination for one in self._queue.departures.values() if not one.over}
        found: dict[str, int] = {}
        for name in wanted:
            seen = None if name in self._queue.closed else destinations.census(name)
            shown = set(seen.arriving) if seen else set()
            found[name] = len(shown | going.get(name, set()))
        return found

    def _cancel(self) -> None:
        self._queue.stop("CANCELLED")
        if not self._task.abort_on_cancel:
            return
        for key in list(self._threads):
            one = self._queue.departures.get(key)
            if one is None or one.stage is not Stage.SENDING or key in self._aborted:
                continue
            with contextlib.suppress(MigrationError, libvirt.libvirtError):
                guest = find_guest(self._source, None, key)
                job = glance(guest)
                # A guest in post-copy has no whole copy on either host: it is sent to its end.
                if job is not None and job.phase in _ABORTABLE and job.operation != "incoming":
                    within(guest.raw.abortJob, f"aborting the migration of {guest.name!r}")
                    self._aborted.add(key)

    # --- what is told

    def _read_mail(self) -> None:
        wait_s = _POLL_S
        while True:
            try:
                post = self._mailbox.get(timeout=wait_s) if wait_s else self._mailbox.get_nowait()
            except queue.Empty:
                return
            wait_s = 0.0
            if isinstance(post, Ready):
                sharing = self._task.slots.per_source
                expected = post.forecast.get("expected") or {}
                busy = needs_the_link_alone(post.forecast, sharing)
                self._queue.ready(post.key, time.monotonic(), busy=busy, expected_bytes=expected.get("sent_bytes"))
            elif isinstance(post, Sending):
                entry = post.entry
                self._queue.sending(
                    post.key, int(entry.get("remaining_bytes") or 0), float(entry.get("bandwidth_bytes_per_s") or 0)
                )
            else:
                self._ended(post)

    def _ended(self, post: Ended) -> None:
        row, now_s = self._rows[post.key], time.monotonic()
        del self._threads[post.key]
        row.elapsed_s = round(now_s - self._began_s[post.key], 1)
        self.notes += post.notes
        one = self._queue.departures.get(post.key)
        if post.error is None:
            row.clear()
            row.take(post.result)
            row.outcome = (
                "unmarked" if post.result.get("unmarked") and not _moved(post.result) else post.result["outcome"]
            )
            if one is not None:
                self._queue.arrived(post.key)
            self._say(row, f"{row.outcome.replace('_', ' ')}{f' ({row.runs_on})' if row.runs_on else ''}")
            return
        row.fail(post.error)
        if one is None or one.stage is Stage.FAILED:  # it was dismissed
            return
        answer = self._queue.failed(post.key, post.error.reason, now_s)
        more = {"again": "; it is tried again", "other_destination": f"; now to {one.destination}"}
        self._say(row, f"{post.error.reason}: {post.error.problem}{more.get(answer.value, '')}")

    def _say(self, row: Row, line: str) -> None:
        self._tell({"name": row.name, "line": line, "outcome": row.outcome, "runs_on": row.runs_on})

    def _tell_total(self, *, last: bool = False) -> None:
        if not self._queue.departures:
            return
        numbers, now_s = self._total.numbers(self._queue.departures.values()), time.monotonic()
        counts = (numbers["done"], numbers["failed"], numbers["moving"])
        due = numbers["moving"] and now_s - self._told_s >= _TOTAL_EVERY_S
        if counts == self._told if last else counts[:2] == self._told[:2] and not due:
            return
        self._told, self._told_s = counts, now_s
        self._tell({"name": self.host, "line": total_line(numbers), "total": numbers})

    # --- the end

    def _close(self, row: Row, one: Departure) -> None:
        if one.stage is Stage.WAITING or one.reason == "NOT_STARTED":
            row.outcome, row.runs_on = NOT_STARTED, self.host
            if row.attempts == 0 or one.reason == "NOT_STARTED":
                row.clear()
        elif one.reason == "DESTINATION_GIVEN_UP" and not row.reason:
            row.outcome, row.reason, row.runs_on = FAILED, one.reason, self.host
            row.msg = (
                f"{one.destination} was given up after the failures of others, and no other destination was named."
            )


def _moved(result: t.Mapping[str, t.Any]) -> bool:
    return result.get("outcome") in ("moved", "adopted", "recovered")
