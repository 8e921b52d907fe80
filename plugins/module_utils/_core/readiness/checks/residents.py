# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests that a destination has, by what an arriving one may not have in common with them."""

from __future__ import annotations

import typing as t

from ...balloon.owed import owed_by_guest
from ...host.guest import GuestDocument


class Residents:
    """The guests of a destination, indexed: to compare 50,000 that come with 50,000 that are there takes 2,500 million
    comparisons.

    ``owed_bytes``: memory that looks free there and that some of them get back.
    """

    def __init__(self, guests: t.Sequence[GuestDocument]) -> None:
        self.owed_bytes = sum(owed_by_guest(guests).values())
        self._uuids: dict[str, GuestDocument] = {}
        self._names: dict[str, list[GuestDocument]] = {}
        self._cids: dict[int, list[GuestDocument]] = {}
        self._ports: dict[int, list[GuestDocument]] = {}
        for one in guests:
            self._uuids.setdefault(one.uuid, one)
            self._names.setdefault(one.name, []).append(one)
            if one.active and one.vsock_cid is not None:
                self._cids.setdefault(one.vsock_cid, []).append(one)
            for port in ports_of(one) if one.active else ():
                self._ports.setdefault(port, []).append(one)

    def of_uuid(self, uuid: str) -> t.Optional[GuestDocument]:
        return self._uuids.get(uuid)

    def other_of_name(self, guest: GuestDocument) -> t.Optional[GuestDocument]:
        return _other(self._names.get(guest.name, ()), guest)

    def other_of_cid(self, guest: GuestDocument) -> t.Optional[GuestDocument]:
        """One that runs, with the same address for sockets between guest and host."""
        return None if guest.vsock_cid is None else _other(self._cids.get(guest.vsock_cid, ()), guest)

    def on_port(self, wanted: t.Iterable[int], guest: GuestDocument) -> t.Optional[tuple[int, GuestDocument]]:
        """The lowest of these ports that another one, which runs, has."""
        for port in sorted(wanted):
            found = _other(self._ports.get(port, ()), guest)
            if found is not None:
                return port, found
        return None


def _other(found: t.Iterable[GuestDocument], guest: GuestDocument) -> t.Optional[GuestDocument]:
    return next((one for one in found if one.uuid != guest.uuid), None)


def ports_of(guest: GuestDocument) -> set[int]:
    """TCP ports of its host that a guest takes: those of its consoles as they are now, and of other devices that
    listen."""
    consoles = {one.port for one in guest.graphics if one.port}
    return consoles | {one.port for one in guest.endpoints if one.port and one.protocol == "tcp"}
