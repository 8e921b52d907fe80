# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining the halves of a guest whose post-copy migration broke. Neither half is ever destroyed here."""

from __future__ import annotations

import typing as t

from ..._core.errors import MigrationError
from ..._core.host.features import bug, feature
from ..._core.job.domain_state import DomainState
from ..._core.job.migrate_flag_bits import MIGRATE_LIVE, MIGRATE_PEER2PEER, MIGRATE_POSTCOPY, MIGRATE_POSTCOPY_RESUME
from ..._core.libvirt_errors.codes import Err
from ..._core.migration.refusals import HALF_ENDED_REMEDY, HALF_MISSING_REMEDY, half_ended
from ..._host.status_file import start_flags
from ..connection import Connection, connect_destination, host_uuid, libvirt, version_parts, version_text
from ..errors import translate
from ..guest import Guest
from .migrate_call import MigrateCall

_CAN, _CRASHES = feature("postcopy_recovery").libvirt, bug("resume_crashes_daemon")


class Resume(MigrateCall):
    """One call that resumes a post-copy migration."""

    def __init__(self, source_uri: str, guest: Guest, destination_uri: str, migrate_uri: t.Optional[str]) -> None:
        parameters = {"migrate_uri": migrate_uri} if migrate_uri else {}
        failure_sentence = f"Resuming the migration of {guest.name!r} failed."
        super().__init__(source_uri, guest, destination_uri, parameters, _resume_flags(guest), failure_sentence)


def _resume_flags(guest: Guest) -> int:
    """The flags that the job was started with, as libvirt wants them repeated, and the one that resumes."""
    flags = start_flags(guest.name, guest.uuid)
    return (flags.all if flags else MIGRATE_LIVE | MIGRATE_PEER2PEER) | MIGRATE_POSTCOPY | MIGRATE_POSTCOPY_RESUME


def check_both_ends(connection: Connection, guest: Guest, destination_uri: str, *, by_monitor: bool = False) -> None:
    """Fail when a daemon cannot resume, or would crash on it, or when the destination has no half of the guest.

    ``by_monitor``: libvirt is not going to be asked to resume it.
    """
    try:
        destination = connect_destination(destination_uri)
    except MigrationError as exc:
        raise MigrationError(
            exc.reason,
            f"{exc.problem} So {guest.name!r} was not resumed.",
            state=f"The guest is {guest.state_text()} here. Nothing was changed.",
            remedy=exc.remedy,
            evidence=exc.evidence,
        ) from exc
    try:
        with destination:
            here, there = (int(daemon.getLibVersion()) for daemon in (connection.raw, destination.raw))
            if not by_monitor:
                _check_versions(guest, here, there)
            _check_other_half(connection.raw, destination.raw, guest, destination_uri)
    except libvirt.libvirtError as exc:
        failure_sentence = f"{guest.name!r} was not resumed, as its destination does not answer any more."
        raise translate(exc, failure_sentence, guest_state=guest.state_text()) from exc


def _check_other_half(here: t.Any, there: t.Any, guest: Guest, uri: str) -> None:
    """Fail unless ``there`` is another host that has the guest in post-copy, broken or not."""
    state: t.Optional[DomainState] = None
    if host_uuid(here) != host_uuid(there):
        try:
            state = DomainState(*there.lookupByUUIDString(guest.uuid).state())
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != Err.NO_DOMAIN:
                raise
    if state is not None and (state.in_postcopy or state.postcopy_failed):
        return
    reason, problem, remedy = (
        "HALF_MISSING",
        f"There is no half of {guest.name!r} at {uri}.",
        HALF_MISSING_REMEDY,
    )
    if state is not None and not state.active:
        problem = half_ended(guest.name, str(there.getHostname()), state)
        reason, remedy = "HALF_ENDED", HALF_ENDED_REMEDY
    raise MigrationError(
        reason, problem, state=f"The half here is {guest.state_text()}. Nothing was changed.", remedy=remedy
    )


def _check_versions(guest: Guest, here: int, there: int) -> None:
    """What crashes on it is the daemon that the guest was migrated to."""
    for where, version in (("this host", here), ("the destination", there)):
        if version_parts(version) < _CAN:
            raise _unsafe(
                guest,
                f"libvirt {version_text(version)} on {where} is too old to resume a post-copy migration",
                f"Update it to {'.'.join(map(str, _CAN))} or later, which leaves running guests alone, then run this"
                " again.",
            )
    if _CRASHES.of_libvirt(version_parts(there)):
        raise _unsafe(
            guest,
            f"libvirt {version_text(there)} on the destination is known to crash when a post-copy migration is resumed",
            "The playbook virtops.live_migration.recover goes round it by QEMU's own monitor, for which it stops the"
            f" daemon there for some seconds. Or update it to {'.'.join(map(str, _CRASHES.libvirt[1]))} or later, which"
            " leaves running guests alone, and run this again.",
        )


def _unsafe(guest: Guest, why: str, remedy: str) -> MigrationError:
    return MigrationError(
        "RESUME_UNSAFE",
        f"{why}, so {guest.name!r} was not resumed.",
        state=f"Its half here is {guest.state_text()}. Nothing was changed.",
        remedy=f"{remedy} Destroy neither half.",
    )
