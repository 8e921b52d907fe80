# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt and QEMU themselves have against a guest's migration, before there is one.

QEMU's list of blockers is only in an answer of its monitor, and asking that directly marks the guest as tainted. But
libvirt reads it, and checks all else that it knows of the source, before it connects to the destination. So it is told
to migrate the guest to an address at which nothing can ever listen: either it refuses and says why, or it gets as far
as the address. Nothing of the guest has been sent or changed by then.
"""

from __future__ import annotations

import typing as t

from ..._core.errors import MigrationError
from ..._core.job.migrate_flag_bits import MIGRATE_LIVE, MIGRATE_PEER2PEER, MIGRATE_UNSAFE
from ..._core.libvirt_errors.codes import Err
from ..._core.readiness.checks.check_types import MigrationBlocker
from ..connection import Connection, libvirt
from ..guest import Guest, find_guest
from ..job.current import current_stats
from ..timeout import within

# /dev/null is no directory, so that no socket can be below it.
_NOWHERE = "/dev/null/nobody"
_NOWHERE_URI = f"qemu+unix:///system?socket={_NOWHERE}"
_CALL_LIMIT_S = 10.0  # it takes 40 ms (libvirt 9.0); a choice
_MOST_SILENT = 3  # guests without an answer: then no more are asked
# What is wrong with the guest; other errors are of the moment, or of the daemon.
_REFUSALS = (Err.NO_SUPPORT, Err.OPERATION_INVALID, Err.CONFIG_UNSUPPORTED, Err.OPERATION_UNSUPPORTED)


def objections(connection: Connection, uuids: t.Iterable[str]) -> dict[str, MigrationBlocker]:
    """By UUID, what stands against migrating each of these guests; one that cannot be asked says why."""
    found: dict[str, MigrationBlocker] = {}
    silent = 0
    for uuid in uuids:
        if silent >= _MOST_SILENT:
            found[uuid] = MigrationBlocker(False, f"{silent} guests before it gave no answer")
            continue
        try:
            found[uuid] = blocker_of(find_guest(connection, None, uuid))
        except MigrationError as exc:
            silent += exc.reason == "MONITOR_HUNG"
            found[uuid] = MigrationBlocker(False, exc.problem.rstrip("."))
    return found


def blocker_of(guest: Guest) -> MigrationBlocker:
    """What libvirt and QEMU have against migrating a guest. One that does not run, or that a job holds, is not asked.
    Raises MONITOR_HUNG."""
    if not guest.state().running:
        return MigrationBlocker(False, "it does not run")
    try:
        if current_stats(guest) is not None:
            return MigrationBlocker(False, "a job runs on it")
        within(lambda: _attempt(guest), f"asking what stands against moving {guest.name!r}", _CALL_LIMIT_S)
    except libvirt.libvirtError as exc:
        return _meaning(int(exc.get_error_code() or 0), str(exc.get_error_message() or exc))
    return MigrationBlocker(False, "libvirt gave no answer")


def _attempt(guest: Guest) -> None:
    # Disks are looked at by checks of their own; without UNSAFE libvirt would name them and nothing else.
    guest.raw.migrateToURI3(_NOWHERE_URI, {}, MIGRATE_LIVE | MIGRATE_PEER2PEER | MIGRATE_UNSAFE)


def _meaning(code: int, message: str) -> MigrationBlocker:
    if _NOWHERE in message:
        return MigrationBlocker(True)
    if code in _REFUSALS:
        return MigrationBlocker(True, message.rstrip("."))
    return MigrationBlocker(False, message.rstrip("."))
