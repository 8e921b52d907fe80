# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a destination has the memory for one guest more, before it is sent.

A host that takes more than it has ends guests that ran there before: its kernel chooses which.
"""

from __future__ import annotations

import typing as t

from ..._core.errors import MigrationError
from ..._core.host.capacity import QEMU_OVERHEAD_BYTES
from ..._core.units import KIB, human_bytes
from ..connection import Connection, libvirt
from ..errors import translate
from ..guest import Guest
from ..timeout import within
from .host_guests import HostGuests

_LIMIT_S = 10.0
_ERR_NO_SUPPORT, _ERR_NO_DOMAIN = 3, 42
_UNCHANGED = "It runs on the source as before. Nothing was changed."


def lack_of_room(
    name: str, destination: t.Optional[Connection], seen: t.Optional[HostGuests], guest: Guest, coming_bytes: int
) -> t.Optional[MigrationError]:
    """``coming_bytes``: what those that are being sent there from here have not sent yet.

    Others that arrive count in full, since nobody here knows how much of them has come. None too where a libvirt does
    not tell such figures; a host that gives no answer just now is asked again by the next attempt.
    """
    if destination is None or seen is None:
        return MigrationError(
            "CONNECTION_LOST",
            f"{guest.name!r} was not sent to {name}, which does not answer: nobody knows whether it has the memory.",
            state=_UNCHANGED,
            remedy=f"See that {name} answers, and run this again. 'force' sends it nevertheless.",
        )
    try:
        if "<hugepages" in within(guest.raw.XMLDesc, f"reading the definition of {guest.name!r}", _LIMIT_S):
            return None  # these are set aside, and QEMU itself fails without them
        needed = guest.memory(_LIMIT_S).maximum_bytes + QEMU_OVERHEAD_BYTES
        stats = within(lambda: destination.raw.getMemoryStats(-1), f"reading the memory of {name}", _LIMIT_S)
    except MigrationError as exc:
        return exc
    except libvirt.libvirtError as exc:
        if exc.get_error_code() in (_ERR_NO_SUPPORT, _ERR_NO_DOMAIN):  # it has gone; its own thread tells
            return None
        return translate(exc, f"Whether {name} has the memory for {guest.name!r} could not be told.", state=_UNCHANGED)
    free = sum(int(stats.get(key, 0)) for key in ("free", "buffers", "cached")) * KIB
    left = free - coming_bytes
    if free == 0 or left >= needed:
        return None
    return MigrationError(
        "DESTINATION_FULL",
        f"{guest.name!r} needs {human_bytes(needed)}, but {name} has no more than {human_bytes(max(0, left))} left.",
        state=_UNCHANGED,
        remedy=f"Free memory on {name}, or name another destination. 'force' sends it nevertheless.",
        evidence={"destination": name, "needed_bytes": needed, "free_bytes": free, "coming_bytes": coming_bytes},
    )


def coming_from_others(seen: HostGuests, own: t.AbstractSet[str]) -> int:
    """The whole memory of the guests that arrive there and are not ours."""
    found = 0
    for guest in seen.arriving.values():
        if guest.uuid not in own:
            try:
                found += guest.memory(_LIMIT_S).maximum_bytes
            except (MigrationError, libvirt.libvirtError):
                continue
    return found
