# SPDX-License-Identifier: GPL-3.0-or-later
"""The note on a host that it takes no guests, where every host that would send one can read it.

libvirt has no place for notes about a host but its secrets: a secret without a value is a UUID and a text, is kept over
a restart, and is read over the connection that a migration needs anyway.

There are two marks. This one is asked right before each transfer, and by documents of hosts. The other is a local fact
of Ansible, which the controller heeds when it plans. The role that closes a host writes both (docs/design.md).
"""

from __future__ import annotations

import typing as t

from .._core.errors import MigrationError
from .._core.libvirt_errors.codes import Err
from .connection import Connection, libvirt
from .timeout import within

UUID = "4f6f0d3c-5f0e-5a52-9f3b-6d1c3f2b7a10"
DESCRIPTION = "virtops.live_migration: this host takes no guests"
_XML = f"<secret ephemeral='no' private='no'><uuid>{UUID}</uuid><description>{DESCRIPTION}</description></secret>"
# A libvirt that keeps no notes for us: no driver for secrets, no daemon for them (modular daemons), or not allowed.
_NO_NOTES = (
    Err.NO_SUPPORT,
    Err.NO_CONNECT,
    Err.OPERATION_DENIED,
    Err.SYSTEM_ERROR,
    Err.AUTH_FAILED,
    Err.AUTH_CANCELLED,
    Err.ACCESS_DENIED,
    Err.AUTH_UNAVAILABLE,
)
_LIMIT_S = 10.0


def keeps_no_notes(connection: Connection, exc: t.Any) -> bool:
    """Whether a ``libvirtError`` says so. A lost connection has the code of a daemon that is not there."""
    return exc.get_error_code() in _NO_NOTES and not connection.lost(exc)


def is_cordoned(connection: Connection) -> t.Optional[bool]:
    """None where this libvirt keeps no notes. Raises what keeps it from being read: it may be cordoned then."""
    try:
        within(lambda: connection.raw.secretLookupByUUIDString(UUID), f"asking whether {connection.uri} takes guests")
    except libvirt.libvirtError as exc:
        if exc.get_error_code() == Err.NO_SECRET:
            return False
        if keeps_no_notes(connection, exc):
            return None
        raise
    return True


def set_cordon(connection: Connection, cordoned: bool) -> None:
    if cordoned:
        within(lambda: connection.raw.secretDefineXML(_XML, 0), f"noting that {connection.uri} takes no guests")
        return
    try:
        note = within(lambda: connection.raw.secretLookupByUUIDString(UUID), "looking for the note", _LIMIT_S)
        within(note.undefine, f"taking away the note that {connection.uri} takes no guests", _LIMIT_S)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != Err.NO_SECRET:
            raise


def require_open(connection: Connection, name: str, guest: str) -> None:
    """Raises DESTINATION_CORDONED; ``name``: of the host, ``guest``: that is about to go there.

    A host whose libvirt keeps no notes counts as open.
    """
    if not is_cordoned(connection):
        return
    raise MigrationError(
        "DESTINATION_CORDONED",
        f"{guest!r} was not sent to {name}, which takes no guests: it is being emptied, or somebody has cordoned it.",
        state="The guest runs on the source as before. Nothing was changed.",
        remedy="Send it elsewhere, wait until that host takes guests again (host_cordon, return_home), or say that the"
        " cordon does not count with ignore_cordon.",
        evidence={"destination": name},
    )
