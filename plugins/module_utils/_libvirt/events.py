# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's events, taken from its own thread into a queue that the caller reads."""

from __future__ import annotations

import contextlib
import queue
import typing as t

from .._core.job.sample import Operation, Stats
from .connection import Connection, libvirt

_ITERATION = 20  # VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION
_JOB_COMPLETED = 21  # VIR_DOMAIN_EVENT_ID_JOB_COMPLETED


class Event(t.NamedTuple):
    """A bitmap sync, or the end of a migration that succeeded."""

    uuid: str


class Events:
    """Migration events of all domains of a connection that was opened with ``events``; a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._raw = connection.raw
        self._queue: queue.Queue[Event] = queue.Queue()
        self._completions: dict[str, Stats] = {}
        self._ids: list[int] = []

    def __enter__(self) -> Events:
        def iteration(_connection: t.Any, domain: t.Any, _number: int, _opaque: t.Any) -> None:
            self._queue.put(Event(domain.UUIDString()))

        def completed(_connection: t.Any, domain: t.Any, stats: Stats, _opaque: t.Any) -> None:
            if stats.get("operation") == Operation.MIGRATION_OUT:  # backups end with this event too
                self._completions[domain.UUIDString()] = dict(stats)
                self._queue.put(Event(domain.UUIDString()))

        for kind, callback in ((_ITERATION, iteration), (_JOB_COMPLETED, completed)):
            self._ids.append(self._raw.domainEventRegisterAny(None, kind, callback, None))
        return self

    def __exit__(self, *_exc: object) -> None:
        for number in self._ids:
            # A connection that is lost takes its events with it, and its loss is what is to be told.
            with contextlib.suppress(libvirt.libvirtError):
                self._raw.domainEventDeregisterAny(number)

    def next(self, wait_s: float) -> t.Optional[Event]:
        """The next event, or None when none comes in time."""
        try:
            return self._queue.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            return None

    def completion(self, uuid: str) -> t.Optional[Stats]:
        """The statistics of a domain's migration that has completed since these events were asked for."""
        return self._completions.get(uuid)
