# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest of an evacuation, moved by a thread of its own with connections of its own.

What happens is posted into a mailbox, which the main thread reads: nothing is shared but that.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import MigrationError
from ..._core.evacuation.run.result import GuestResult
from ..._core.job.sample import Phase
from ..connection import Connection, connect_destination, libvirt
from ..errors import translate
from ..guest import Guest, find_guest
from ..job.sampling import glance
from ..migration.driver import ProgressCallback
from ..migration.migration import Migration
from ..migration.options import MigrationOptions
from ..migration.two_hosts import TwoHosts
from ..timeout import within
from .home_mark import mark, mark_of_this_host, unmark


@dataclass(frozen=True)
class Ready:
    """The guest was looked at and measured, and waits to be sent. ``forecast``: as a document."""

    key: str
    forecast: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Sending:
    """A look at the guest on its way. ``numbers``: as :class:`Driver` gives them to ``on_look``."""

    key: str
    numbers: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Ended:
    """The thread has ended; ``error`` is None when the guest is where it should be."""

    key: str
    result: t.Mapping[str, t.Any]
    notes: tuple[str, ...] = ()
    error: t.Optional[MigrationError] = None


Post = t.Union[Ready, Sending, Ended]


class Thread:
    """Runs ``work`` in the background, and posts what came of it. ``key``: the UUID of the guest."""

    def __init__(self, key: str, mailbox: queue.Queue[Post]) -> None:
        self.key, self._mailbox = key, mailbox
        self._thread = threading.Thread(target=self._run, name=f"guest-{key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def work(self) -> Ended:
        raise NotImplementedError

    def _run(self) -> None:
        try:
            ended = self.work()
        except MigrationError as exc:
            ended = Ended(self.key, {}, error=exc)
        except Exception as exc:
            ended = Ended(self.key, {}, error=_unexpected(exc))
        self._mailbox.put(ended)


class GuestTransfer(Thread):
    """Moves one guest. ``marks``: whether it is given the mark of its home before it leaves; else it loses the mark on
    its arrival."""

    def __init__(
        self,
        key: str,
        options: MigrationOptions,
        source_uri: str,
        mailbox: queue.Queue[Post],
        on_progress: ProgressCallback,
        *,
        marks: bool,
    ) -> None:
        super().__init__(key, mailbox)
        self._source_uri, self._on_progress, self._marks = source_uri, on_progress, marks
        self._options = replace(options, before_start=self._wait_for_turn)
        self._go, self._marked = threading.Event(), False
        self._dismissed: t.Optional[MigrationError] = None
        self._ends: t.Optional[TwoHosts] = None
        self._migration: t.Optional[Migration] = None

    def let_go(self) -> None:
        self._go.set()

    def dismiss(self, why: MigrationError) -> None:
        """Do not send the guest, which is ready; the thread ends with ``why``."""
        self._dismissed = why
        self._go.set()

    def work(self) -> Ended:
        with (
            Connection(self._source_uri, events=True) as source,
            connect_destination(self._options.path.destination_uri) as destination,
        ):
            self._ends = ends = TwoHosts(source, destination, None, self.key)
            self._migration = migration = Migration(ends, self._options, self._on_progress, self._looked)
            try:
                result = migration.run(check=False)
            except MigrationError:
                self._take_back(ends)
                raise
            return Ended(self.key, self._arrived(ends, result), tuple(migration.notes))

    def _looked(self, numbers: t.Mapping[str, t.Any]) -> None:
        self._mailbox.put(Sending(self.key, numbers))

    def _wait_for_turn(self, guest: Guest, forecast: t.Mapping[str, t.Any]) -> None:
        self._mailbox.put(Ready(self.key, forecast))
        self._go.wait()
        if self._dismissed is not None:
            raise self._dismissed
        if self._marks and self._ends is not None and self._migration is not None:
            home = mark_of_this_host(
                self._ends.source, "migrate", self._ends.destination_name, self._migration.copy_storage
            )
            written = mark(guest, home)
            self._marked = written is not None and written.host_uuid == home.host_uuid

    def _arrived(self, ends: TwoHosts, result: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
        if self._marks or ends.there is None or not unmark(ends.there):
            return result
        return {**result, "changed": True, "unmarked": True}

    def _take_back(self, ends: TwoHosts) -> None:
        """The mark of a guest that has not left after all; one that may be on its way, and a visitor, keep it."""
        with contextlib.suppress(MigrationError, libvirt.libvirtError):
            if self._marked and ends.here is not None and ends.there is None and ends.here.state().active:
                unmark(ends.here)


def _unexpected(exc: Exception) -> MigrationError:
    if isinstance(exc, libvirt.libvirtError):
        return translate(exc, "This could not be done.")
    return MigrationError(
        "INTERNAL",
        f"An error of this collection: {type(exc).__name__}: {exc}.",
        state="What was begun goes on by itself.",
        remedy="Run this again, and report this error.",
    )


_ABORTABLE = (Phase.SETUP, Phase.PRECOPY)


class GuestThreads:
    """``aborted``: keys of those whose migration was aborted because the user wants it to end."""

    def __init__(self, source: Connection, rows: t.Mapping[str, GuestResult]) -> None:
        self._source, self._rows = source, rows
        self._threads: dict[str, Thread] = {}
        self._began_s: dict[str, float] = {}
        self.aborted: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._threads)

    def start(self, thread: Thread) -> None:
        self._threads[thread.key] = thread
        self._began_s.setdefault(thread.key, time.monotonic())
        thread.start()

    def let_go(self, key: str) -> None:
        self._transfer(key).let_go()

    def dismiss(self, key: str, why: t.Optional[MigrationError] = None) -> None:
        self._transfer(key).dismiss(why or _no_more(self._rows[key].name))

    def ended(self, key: str) -> float:
        """The thread of a guest has ended; seconds since its first attempt began."""
        del self._threads[key]
        return round(time.monotonic() - self._began_s[key], 1)

    def abort(self, keys: t.Iterable[str]) -> None:
        """Abort the migrations of these that are in pre-copy. A guest in post-copy has no whole copy on either host: it
        is sent to its end."""
        for key in keys:
            if key in self.aborted or key not in self._threads:
                continue
            with contextlib.suppress(MigrationError, libvirt.libvirtError):
                guest = find_guest(self._source, None, key)
                job = glance(guest)
                if job is not None and job.phase in _ABORTABLE and job.operation != "incoming":
                    within(guest.raw.abortJob, f"aborting the migration of {guest.name!r}")
                    self.aborted.add(key)

    def _transfer(self, key: str) -> GuestTransfer:
        return t.cast(GuestTransfer, self._threads[key])


def _no_more(name: str) -> MigrationError:
    return MigrationError(
        "NOT_STARTED",
        f"{name!r} was not sent, as no more were to begin.",
        state="It runs on the source as before. Nothing was changed.",
        remedy="Run this again.",
    )
