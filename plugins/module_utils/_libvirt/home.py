# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A guest's home, noted in its own metadata: it travels with the guest, and needs no database to be found again."""

from __future__ import annotations

import time
import typing as t

from .._core.home import Home, mark_to_write, parse_home
from .connection import Connection, host_uuid, libvirt
from .domain import Guest, all_guests
from .guard import within
from .housekeeping import defined

NAMESPACE = "https://github.com/virtops/ansible-live-migration/home"
_PREFIX = "home"
_ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT
_LIVE, _CONFIG = 1, 2


def here(connection: Connection, strategy: str, destination: str = "", copy_storage: str = "none") -> Home:
    """The mark of a guest that leaves this host now."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return Home(
        str(connection.raw.getHostname()), host_uuid(connection.raw), since, strategy, destination, copy_storage
    )


def home_of(guest: Guest) -> t.Optional[Home]:
    """What it carries; for a guest that runs, as it runs."""
    for flag in (_LIVE, _CONFIG):
        try:
            text = within(
                lambda flag=flag: guest.raw.metadata(_ELEMENT, NAMESPACE, flag),  # type: ignore[misc]
                f"reading the metadata of {guest.name!r}",
            )
        except libvirt.libvirtError:
            continue
        return parse_home(text)
    return None


def mark(guest: Guest, wanted: Home) -> bool:
    """Write the mark, unless it has a home elsewhere or carries this one; whether it was written."""
    home = mark_to_write(home_of(guest), wanted)
    if home is None:
        return False
    _write(guest, home.xml())
    return True


def unmark(guest: Guest) -> bool:
    """Whether there was one."""
    if home_of(guest) is None:
        return False
    _write(guest, None)
    return True


def _write(guest: Guest, text: t.Optional[str]) -> None:
    """As it runs and for good, so that neither a move nor a shutdown loses it."""
    flags = (_LIVE if guest.state().active else 0) | (_CONFIG if defined(guest) else 0)
    within(
        lambda: guest.raw.setMetadata(_ELEMENT, text, _PREFIX, NAMESPACE, flags),
        f"noting the home of {guest.name!r}",
    )


def marked(connection: Connection) -> dict[str, t.Any]:
    """All guests of this host that carry a mark; not those that only arrive here."""
    own, guests = host_uuid(connection.raw), []
    for guest in all_guests(connection):
        # libvirt does not give the metadata of a guest that arrives, and the host it comes from has it.
        if guest.state().arriving or (home := home_of(guest)) is None:
            continue
        for one in guest.documents():
            told = {key: one[key] for key in ("name", "uuid", "state")}
            guests.append({**told, "at_home": home.host_uuid == own, "home": home.document()})
    return {"host": str(connection.raw.getHostname()), "host_uuid": own, "guests": guests}
