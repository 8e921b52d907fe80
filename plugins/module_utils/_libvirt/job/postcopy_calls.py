# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching to post-copy, guarded, and pausing a post-copy that runs."""

from __future__ import annotations

import typing as t

from ..._core.errors import MigrationError
from ..._core.host.features import feature
from ..._core.job.sample import JobSample, Phase
from ..._core.supervision.postcopy_guard import GUARD_OBSERVE_S, GuardObjection, objections
from ..._host.status_file import start_flags
from ..connection import Connection, require_version
from ..events import Events
from ..guest import Guest
from ..timeout import within
from .sampling import look
from .wait import SWITCH_LIMIT_S, Outcome, until

_ABORT_POSTCOPY = 1  # VIR_DOMAIN_ABORT_JOB_POSTCOPY, which pauses it


def postcopy_objections(
    connection: Connection, guest: Guest, max_postcopy_s: float
) -> tuple[list[GuardObjection], t.Optional[JobSample]]:
    """Watch the job for some seconds: what speaks against post-copy, and the last look (None when it was gone
    before)."""
    watched, problems = look(connection, [guest], GUARD_OBSERVE_S)
    if problems:
        raise problems[0]
    if not watched:
        return [], None
    if not watched[0].running:
        return [], watched[0].samples[-1]
    found = objections(
        watched[0].samples,
        of_guest=guest.document().postcopy_obstacles,
        max_postcopy_s=max_postcopy_s,
    )
    return found, watched[0].samples[-1]


def outcome_of_ended(connection: Connection, guest: Guest, last: t.Optional[JobSample]) -> Outcome:
    """What became of a job that ended while it was watched; raises unless it completed."""
    if last is not None and last.phase is Phase.COMPLETED:
        return Outcome(False, last.phase, last)
    with Events(connection) as events:
        return until(guest, events, 0.0, lambda _sample: True, "", "")


def refuse_postcopy_that_cannot_be(connection: Connection, guest: Guest) -> None:
    """Raises POSTCOPY_NOT_ENABLED when the job was started without post-copy, as far as that can be known
    beforehand."""
    flags = start_flags(guest.name, guest.uuid) if connection.local else None
    if flags is not None and not flags.postcopy:
        raise MigrationError(
            "POSTCOPY_NOT_ENABLED",
            f"The migration of {guest.name!r} was started without post-copy, which cannot be added to a running job.",
            state="The guest runs on the source and its migration goes on. Nothing was changed.",
            remedy="Give it more downtime or bandwidth, or abort it and start it again with a policy that"
            " allows post-copy (virsh: --postcopy).",
        )


def start_postcopy(guest: Guest, events: Events) -> Outcome:
    """Switch to post-copy and wait until the guest runs on the destination."""
    within(guest.raw.migrateStartPostCopy, f"switching {guest.name!r} to post-copy")
    return until(
        guest,
        events,
        SWITCH_LIMIT_S,
        lambda sample: sample.phase.in_postcopy,
        "The switch of {guest} to post-copy was asked for, but QEMU has not made it",
        "QEMU switches when it next can; look at the job again.",
    )


def require_pausing(connection: Connection) -> None:
    """Raises LIBVIRT_TOO_OLD where libvirt cannot pause a post-copy: those that can, can also recover it."""
    require_version(connection, feature("postcopy_recovery").libvirt, "Pausing a post-copy migration")


def pause_postcopy(guest: Guest, events: Events) -> Outcome:
    """Pause a running post-copy migration; both halves stay and it can be recovered."""
    within(lambda: guest.raw.abortJobFlags(_ABORT_POSTCOPY), f"pausing the post-copy of {guest.name!r}")
    return until(
        guest,
        events,
        SWITCH_LIMIT_S,
        lambda sample: sample.phase is Phase.POSTCOPY_FAILED,
        "The post-copy migration of {guest} was told to pause, but has not",
        "Look at the job again.",
    )
