# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts that are watched, and the one stream of events that comes of them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import typing as t

from ..._core.errors import MigrationError
from ..._core.watch.event_document import GUEST_ON_TWO_HOSTS, Event, event
from ..._core.watch.options import WatchOptions, watch_options
from ..._core.watch.outbox import Outbox
from ..._core.watch.running_guests import RunningGuests
from ..connection import LIBVIRT_IMPORT_ERROR
from .host_watch import HostWatch, Hub

# A guest that changes hosts runs on neither for a moment, and what the two hosts say of that comes in any order.
_SURE_AFTER_S = 3.0

Put = t.Callable[[Event], t.Awaitable[t.Any]]


async def watch(put: Put, arguments: t.Mapping[str, t.Any]) -> None:
    """Until it is cancelled. Raises MigrationError for arguments that cannot be, and where libvirt's binding is not."""
    options = watch_options(arguments)
    if LIBVIRT_IMPORT_ERROR is not None:
        raise MigrationError(
            "LIBVIRT_BINDING_MISSING",
            "The Python that runs ansible-rulebook has no libvirt-python.",
            state="Nothing is being watched.",
            remedy="Install libvirt-python for that Python, or the package python3-libvirt of the distribution.",
        )
    await Source(options).run(put)


class Source:
    def __init__(self, options: WatchOptions) -> None:
        self._outbox = Outbox()
        self._filled = asyncio.Event()
        self._running = RunningGuests()
        self._claimed: dict[str, str] = {}
        self._suspects: dict[str, asyncio.Task[None]] = {}
        hub = Hub(options, self._running, self._emit, self._claim, self._suspect)
        self._hosts = [HostWatch(name, uri, hub) for name, uri in options.hosts.items()]

    async def run(self, put: Put) -> None:
        tasks = [asyncio.ensure_future(host.run()) for host in self._hosts]
        tasks.append(asyncio.ensure_future(self._hand_out(put)))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in [*tasks, *self._suspects.values()]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_out(self, put: Put) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while True:
                one = self._outbox.take()
                if one is None:
                    break
                await put(one)

    def _emit(self, one: Event) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        self._outbox.add({**one, "at": now})
        self._filled.set()

    def _claim(self, host_uuid: str, name: str) -> None:
        """Two names for one host would make each of its guests run on two hosts."""
        holder = self._claimed.setdefault(host_uuid, name)
        if holder != name:
            raise MigrationError(
                "SAME_HOST",
                f"{name!r} leads to the same host as {holder!r}.",
                state=f"It is watched as {holder!r} only.",
                remedy="Name each host once, or give hosts that were cloned a host_uuid of their own in libvirtd.conf"
                " or virtqemud.conf.",
            )

    def _suspect(self, uuid: str) -> None:
        if uuid not in self._suspects or self._suspects[uuid].done():
            self._suspects[uuid] = asyncio.ensure_future(self._make_sure(uuid))

    async def _make_sure(self, uuid: str) -> None:
        await asyncio.sleep(_SURE_AFTER_S)
        concerned = [host for host in self._hosts if host.name in self._running.hosts_of(uuid)]
        await asyncio.gather(*[host.ask(uuid) for host in concerned])
        hosts = self._running.alarm(uuid)
        if hosts:
            names = [host.name_of(uuid) for host in concerned]
            name = next((one for one in names if one), "")
            self._emit(
                event(
                    GUEST_ON_TWO_HOSTS,
                    hosts[0],
                    name=name,
                    uuid=uuid,
                    hosts=hosts,
                    summary=f"{name or uuid} runs on {' and '.join(hosts)} at once.",
                    remedy="Do nothing automatic. Find out which copy is the right one, and stop the other by hand.",
                )
            )
        with contextlib.suppress(KeyError):
            del self._suspects[uuid]
