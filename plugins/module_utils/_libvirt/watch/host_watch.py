# SPDX-License-Identifier: GPL-3.0-or-later
"""One host that is watched: its events say when to look at a migration, and a lost connection is made anew.

Nothing is looked at while nothing migrates. A migration is looked at when libvirt says that something has happened to
it, and otherwise only when it was silent for some seconds: a stream that stalls, and an abort, send no event.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ..._core.diagnosis.verdict import Context
from ..._core.errors import MigrationError
from ..._core.host.guest import GuestDocument
from ..._core.job.sample import JobSample, Limits, Phase
from ..._core.watch.event_document import HOST_BACK, HOST_LOST, Event, event
from ..._core.watch.guest_events import GuestWatch
from ..._core.watch.options import WatchOptions
from ..._core.watch.running_guests import RunningGuests
from ..connection import Connection, host_uuid, libvirt
from ..guest import Guest, find_guest, guest_of, seek_guest
from ..job.end import ended
from ..job.limits import limits_of
from ..job.sampling import StartedWith, glance, started_with
from ..timeout import within
from .subscription import Notice, Subscription, What

T = t.TypeVar("T")

_log = logging.getLogger(__name__)

_ACTIVE = 1  # VIR_CONNECT_LIST_DOMAINS_ACTIVE
_SILENT_S = 5.0  # what a diagnosis takes for a stall
_LEAST_GAP_S = 1.0  # passes may be shorter than that
_REPORTED_GAP_S = 10.0  # of what was told to be stuck there is no news in each pass, and its end is an event; a choice
_DESTINATION_GAP_S = 0.25  # while no other host has said that it awaits the guest; a choice
_LIMITS_OLD_S = 10.0  # then they are asked for anew; a choice
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0  # before a lost connection is made anew, twice as long each time; a choice
_AT_ONCE = 4  # calls to one daemon; one that hangs holds up no more than itself

Failure = (MigrationError, libvirt.libvirtError) if libvirt is not None else (MigrationError,)


class Hub(t.NamedTuple):
    """What the hosts have in common. ``emit``: an event; ``claim``: a host's UUID, or SAME_HOST; ``suspect``: a guest
    that seems to run on two hosts.
    """

    options: WatchOptions
    running: RunningGuests
    emit: t.Callable[[Event], None]
    claim: t.Callable[[str, str], None]
    suspect: t.Callable[[str], None]


class HostWatch:
    """``name``: in the inventory. All of it runs in asyncio's thread, but for what is handed to ``_call``."""

    def __init__(self, name: str, uri: str, hub: Hub) -> None:
        self.name, self._uri, self._hub = name, uri, hub
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"watch-{name}")
        self._inbox: asyncio.Queue[t.Optional[Notice]] = asyncio.Queue()
        self._connection: t.Optional[Connection] = None
        self._subscription: t.Optional[Subscription] = None
        self._guests: dict[str, Guest] = {}
        self._watches: dict[str, GuestWatch] = {}
        self._limits: dict[str, tuple[float, Limits]] = {}
        self._due: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        wait_s, lost = _FIRST_WAIT_S, False
        try:
            while True:
                try:
                    await self._connect()
                except Failure as exc:
                    if not lost:
                        self._tell_lost(exc)
                    lost = True
                else:
                    if lost:
                        self._hub.emit(event(HOST_BACK, self.name))
                    lost, wait_s = False, _FIRST_WAIT_S
                    await self._session()
                    self._tell_lost(None)
                    lost = True
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        finally:
            self._disconnect()
            self._pool.shutdown(wait=False)

    def _tell_lost(self, exc: t.Optional[Exception]) -> None:
        error = exc if isinstance(exc, MigrationError) else None
        self._hub.emit(
            event(
                HOST_LOST,
                self.name,
                reason=error.reason if error else "CONNECTION_LOST",
                problem=error.problem if error else str(exc or "The connection to libvirt was lost."),
                remedy=error.remedy if error else "It is connected to again by itself when the daemon answers.",
            )
        )

    async def _call(self, function: t.Callable[..., T], *arguments: t.Any) -> T:
        """In a thread, since each call waits for the daemon, which may not answer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, functools.partial(function, *arguments))

    # --- the connection

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        inbox: asyncio.Queue[t.Optional[Notice]] = asyncio.Queue()
        self._inbox = inbox

        def notify(notice: Notice) -> None:
            """In libvirt's thread. Passes of what was told to be stuck tell nothing new, and cost."""
            if notice.what is What.SYNC and self._gap_s(notice.uuid) > _SILENT_S:
                return
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(inbox.put_nowait, notice)

        connection = await self._call(lambda: Connection(self._uri, events=True, whose=f"the host {self.name!r}"))
        self._connection = connection
        try:
            self._hub.claim(await self._call(host_uuid, connection.raw), self.name)
            self._subscription = await self._call(Subscription, connection, notify)
            await self._scan(connection)
        except BaseException:
            self._disconnect()
            raise

    async def _scan(self, connection: Connection) -> None:
        """Find out which guests run here, and which migrate already: their events were before this subscribed."""
        guests = [guest_of(raw) for raw in await self._call(connection.raw.listAllDomains, _ACTIVE)]
        now_s = time.monotonic()
        for guest in guests:
            try:
                state = await self._call(guest.known_state)
            except Failure as exc:  # nothing is known of it yet, so it is looked at
                _log.debug("%s: the state of %s could not be read: %s", self.name, guest.uuid, exc)
            else:
                if state is None:  # gone meanwhile, which an event tells
                    continue
                self._note(guest.uuid, state)
            self._guests[guest.uuid] = guest
            self._due[guest.uuid] = now_s
        for uuid in self._watches:  # what became of those that are gone
            self._due[uuid] = now_s

    def _note(self, uuid: str, state: t.Any) -> None:
        if self._hub.running.note(self.name, uuid, active=state.active, running=state.running):
            self._hub.suspect(uuid)

    def _disconnect(self) -> None:
        for task in self._looking.values():
            task.cancel()
        connection, subscription = self._connection, self._subscription
        self._connection = self._subscription = None
        self._guests, self._due, self._looking = {}, {}, {}
        self._hub.running.forget(self.name)
        if subscription is not None:
            self._pool.submit(subscription.end)
        if connection is not None:
            self._pool.submit(connection.close)

    async def ask(self, uuid: str) -> None:
        """Ask libvirt anew whether a guest runs here, and note it."""
        connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(*Failure):
            guest = self._guests.get(uuid)
            if guest is None:
                guest = await self._call(seek_guest, connection, None, uuid)
            state = None if guest is None else await self._call(guest.known_state)
            if guest is not None and state is not None and state.active:
                self._guests[uuid] = guest  # its name is told
            self._hub.running.note(
                self.name, uuid, active=bool(state and state.active), running=bool(state and state.running)
            )

    def name_of(self, uuid: str) -> t.Optional[str]:
        return self._guests[uuid].name if uuid in self._guests else None

    # --- looks

    async def _session(self) -> None:
        """Until the connection is lost."""
        while True:
            try:
                notice = await asyncio.wait_for(self._inbox.get(), self._wait_s())
            except asyncio.TimeoutError:
                notice = None
            if notice is not None:
                if notice.what is What.CLOSED:
                    self._disconnect()
                    return
                self._take(notice)
            self._begin_looks()

    def _wait_s(self) -> t.Optional[float]:
        due = [at_s for uuid, at_s in self._due.items() if uuid not in self._looking]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _take(self, notice: Notice) -> None:
        now_s, uuid = time.monotonic(), notice.uuid
        if notice.what is What.STATE:
            if self._hub.running.note(self.name, uuid, active=notice.active, running=notice.running):
                self._hub.suspect(uuid)
            if not notice.active and uuid not in self._watches:
                self._guests.pop(uuid, None)
                return
            if uuid not in self._watches:
                return
        soonest_s = max(now_s, self._looked.get(uuid, 0.0) + self._gap_s(uuid)) if notice.what is What.SYNC else now_s
        self._due[uuid] = min(soonest_s, self._due.get(uuid, soonest_s))

    def _gap_s(self, uuid: str) -> float:
        watch = self._watches.get(uuid)
        return _REPORTED_GAP_S if watch is not None and watch.is_reported else _LEAST_GAP_S

    def _begin_looks(self) -> None:
        now_s = time.monotonic()
        for uuid in [one for one, at_s in self._due.items() if at_s <= now_s and one not in self._looking]:
            late_s = now_s - self._due.pop(uuid)
            self._looking[uuid] = asyncio.create_task(self._look(uuid, late_s < _LEAST_GAP_S / 10))

    async def _look(self, uuid: str, at_once: bool) -> None:
        connection, subscription = self._connection, self._subscription
        if connection is None or subscription is None:
            return
        inbox = self._inbox
        self._looked[uuid] = time.monotonic()
        try:
            # One limit for the look: a limit for each of its calls would take a thread for each.
            look = functools.partial(self._sample, connection, subscription, uuid)
            sample = await self._call(within, look, "a migration was looked at")
            if sample is not None:
                if uuid not in self._watches:
                    started = await self._call(started_with, connection, sample.name, uuid)
                    document = await self._call(self._guests[uuid].document)
                    self._watches[uuid] = self._watch_of(started, document)
                self._report(uuid, sample, at_once)
        except Failure as exc:
            _log.debug("%s: %s could not be looked at: %s", self.name, uuid, exc)
            if uuid in self._watches:
                self._due.setdefault(uuid, time.monotonic() + _SILENT_S)
            if connection.lost(exc):
                inbox.put_nowait(Notice(What.CLOSED))
        finally:
            if self._looking.get(uuid) is asyncio.current_task():
                del self._looking[uuid]
            inbox.put_nowait(None)  # what is due next has to be worked out anew

    def _sample(self, connection: Connection, subscription: Subscription, uuid: str) -> t.Optional[JobSample]:
        """In a thread. None: it does not leave this host."""
        guest = self._guests.get(uuid)
        if guest is None:
            try:
                guest = self._guests[uuid] = find_guest(connection, None, uuid)
            except MigrationError as exc:
                watch = self._watches.get(uuid)
                if exc.reason != "GUEST_NOT_FOUND" or watch is None or watch.last is None:
                    raise
                return replace(watch.last, phase=Phase.NONE, at_s=time.monotonic())
        sample = glance(guest)
        if sample is None:
            return ended(guest, subscription) if uuid in self._watches else None
        if sample.operation != "outgoing":
            return None
        if sample.phase is not Phase.PRECOPY:
            return sample
        read_s, limits = self._limits.get(uuid, (0.0, Limits()))
        if sample.at_s - read_s > _LIMITS_OLD_S:
            limits = limits_of(guest)
            self._limits[uuid] = (sample.at_s, limits)
        return replace(sample, limits=limits)

    def _watch_of(self, started: StartedWith, document: GuestDocument) -> GuestWatch:
        """For a migration that is met, with what is known of its start and of its guest, which is asked once."""
        known = Context(
            postcopy_flag=started.postcopy,
            auto_converge_flag=started.auto_converge,
            parallel_compression=started.parallel_compression,
            postcopy_obstacles=document.postcopy_obstacles,
        )
        return GuestWatch(self.name, self._hub.options, known, host_devices=len(document.sent_host_devices))

    def _report(self, uuid: str, sample: JobSample, at_once: bool) -> None:
        if sample.phase is Phase.NONE and self._hub.running.hosts_of(uuid):
            sample = replace(sample, phase=Phase.COMPLETED)  # it left without a word, and runs on another host
        watch = self._watches[uuid]
        watch.destination = self._hub.running.other_host(uuid, self.name) or watch.destination
        for one in watch.look(sample, at_sync=at_once, other_streams=len(self._watches) - 1):
            self._hub.emit(one)
        if watch.ended:
            for known in (self._watches, self._limits, self._looked, self._due):
                known.pop(uuid, None)
            if self._subscription is not None:
                self._subscription.forget(uuid)
        else:
            gap_s = max(self._gap_s(uuid), _SILENT_S)
            self._due.setdefault(uuid, sample.at_s + (_DESTINATION_GAP_S if watch.awaits_destination else gap_s))
