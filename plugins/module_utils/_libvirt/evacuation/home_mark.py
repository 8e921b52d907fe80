# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's home, noted in its own metadata: it travels with the guest, and needs no database to be found again."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ..._core.evacuation.run.home_mark_xml import HomeMark, Mark, mark_to_write, read_mark
from ..._core.libvirt_errors.codes import Err
from ..connection import Connection, host_uuid, libvirt
from ..guest import Guest, all_guests
from ..metadata import CONFIG, LIVE, element_of, write_element
from ..migration.definition import defined

NAMESPACE = "https://github.com/virtops/ansible-live-migration/home"
_PREFIX = "home"


def mark_of_this_host(
    connection: Connection, strategy: str, destination: str = "", copy_storage: str = "none"
) -> HomeMark:
    """The mark of a guest that leaves this host now."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return HomeMark(
        str(connection.raw.getHostname()), host_uuid(connection.raw), since, strategy, destination, copy_storage
    )


def mark_of(guest: Guest) -> t.Optional[Mark]:
    """The mark that a guest carries, where it runs as it runs. None where libvirt says that there is none.

    What could not be read is an error: a guest of which nobody knows the home is not one without a home.
    """
    text = element_of(guest, NAMESPACE)
    return None if text is None else read_mark(text, guest.uuid)


def home_of(guest: Guest) -> t.Optional[HomeMark]:
    """The home in its mark. None where it has no mark, one that cannot be understood, or that of a guest which it is a
    clone of."""
    found = mark_of(guest)
    return None if found is None or found.of_another or found.problem else found.home


def mark(guest: Guest, wanted: HomeMark) -> t.Optional[HomeMark]:
    """Write the mark, unless it carries it already; what was written, None for nothing. A guest that is away from home
    already keeps its home, so that the mark written may have another home than ``wanted``.

    A mark that cannot be understood, or is that of another guest, makes way.
    """
    home = mark_to_write(home_of(guest), replace(wanted, guest_uuid=guest.uuid))
    if home is not None:
        _write(guest, home.xml())
    return home


def write_home(guest: Guest, home: HomeMark) -> None:
    """Write a mark in the place of the one that the guest has."""
    _write(guest, home.xml())


def unmark(guest: Guest) -> bool:
    """Take the mark away; whether there was one. A mark of another guest stays."""
    found = mark_of(guest)
    if found is None or found.of_another:
        return False
    _write(guest, None)
    return True


def _write(guest: Guest, text: t.Optional[str]) -> None:
    """As it runs and for good, so that neither a move nor a shutdown loses it."""
    flags = (LIVE if guest.state().active else 0) | (CONFIG if defined(guest) else 0)
    write_element(guest, text, _PREFIX, NAMESPACE, flags, f"noting the home of {guest.name!r}")


def marked(connection: Connection) -> dict[str, t.Any]:
    """All guests of this host that carry a mark; not those that only arrive here.

    ``passed_over``: those on whose mark nothing may be done, so that they hide no other guest.
    """
    own, guests, passed_over = host_uuid(connection.raw), [], []
    for guest in all_guests(connection):
        # libvirt does not give the metadata of a guest that arrives, and the host it comes from has it.
        state = guest.known_state()
        if state is None or state.arriving:
            continue
        try:
            found = mark_of(guest)
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == Err.NO_DOMAIN:  # it has gone this moment
                continue
            raise
        if found is None:
            continue
        shown = {"name": guest.name, "uuid": guest.uuid, "state": state.name, "at_home": found.home.host_uuid == own}
        if found.of_another or found.problem:
            passed_over.append({**shown, **_why(found)})
        else:
            off = not state.active and found.home.off_at == own
            guests.append({**shown, "off_since_evacuation": off, "home": found.home.document()})
    return {
        "host": str(connection.raw.getHostname()),
        "host_uuid": own,
        "guests": guests,
        "passed_over": passed_over,
    }


def _why(found: Mark) -> dict[str, t.Any]:
    home = {"host": found.home.host, "host_uuid": found.home.host_uuid}
    if found.of_another:
        msg = f"It carries the mark of another guest, {found.home.guest_uuid}, which it may be a clone of."
        return {"reason": "MARK_OF_ANOTHER", "msg": msg, "home": home}
    return {"reason": "BAD_MARK", "msg": found.problem, "home": home}
