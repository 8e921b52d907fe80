# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guests a host runs, and which are arriving there, as its libvirt shows them now."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.errors import MigrationError
from ..connection import Connection, libvirt
from ..guest import Guest, guest_of
from ..timeout import within

_LIMIT_S = 10.0  # of a call; a choice
_ACTIVE = 1  # VIR_CONNECT_LIST_DOMAINS_ACTIVE


@dataclass
class HostGuests:
    """By UUID. ``arriving``: the incoming halves, whoever sends them; ``active``: all the others."""

    active: dict[str, Guest] = field(default_factory=dict)
    arriving: dict[str, Guest] = field(default_factory=dict)

    def find(self, name: t.Optional[str], uuid: t.Optional[str]) -> t.Optional[Guest]:
        for guest in (*self.active.values(), *self.arriving.values()):
            if guest.uuid == uuid or (uuid is None and guest.name == name):
                return guest
        return None


def host_guests(connection: Connection) -> HostGuests:
    """The active guests of a host. It takes no guest's lock and asks no QEMU, so that libvirt answers in any case.

    All of them, or an error: a guest whose state could not be read is not one that is not there. A guest at its
    switch-over on the source looks like one that arrives.
    """
    found = HostGuests()
    for raw in within(
        lambda: connection.raw.listAllDomains(_ACTIVE), f"listing the guests of {connection.uri}", _LIMIT_S
    ):
        guest = guest_of(raw)
        state = guest.known_state()
        if state is None:  # it has gone this moment
            continue
        incoming = state.arriving or (state.running and (state.in_postcopy or state.postcopy_failed))
        halves = found.arriving if incoming else found.active
        halves[guest.uuid] = guest
    return found


class Destinations:
    """The destinations by name, each with a connection that is opened when it is first asked for."""

    def __init__(self, uris: t.Mapping[str, str], connect: t.Callable[[str], Connection]) -> None:
        self._uris, self._connect = dict(uris), connect
        self._open: dict[str, Connection] = {}

    def __enter__(self) -> Destinations:
        return self

    def __exit__(self, *_exc: object) -> None:
        for connection in self._open.values():
            connection.__exit__()

    @property
    def names(self) -> list[str]:
        return list(self._uris)

    def connection(self, name: str) -> t.Optional[Connection]:
        """The connection that :meth:`guests_on` used last; None where there is none."""
        return self._open.get(name)

    def guests_on(self, name: str) -> t.Optional[HostGuests]:
        """The guests of a destination; None while it does not answer: what runs there is not known then."""
        try:
            if name not in self._open:
                self._open[name] = self._connect(self._uris[name])
            elif not self._open[name].alive:
                within(self._open[name].reopen, f"connecting to {self._uris[name]} again", _LIMIT_S)
            return host_guests(self._open[name])
        except (MigrationError, libvirt.libvirtError) as exc:
            if name in self._open:
                self._open[name].lost(exc)
            return None
