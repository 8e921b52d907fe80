# SPDX-License-Identifier: GPL-3.0-or-later
"""Letting a migration finish with the guest stopped, for a bounded time."""

from __future__ import annotations

import time

from ..._core.errors import MigrationError
from ..._core.job.sample import Phase
from ..._core.units import human_bytes
from ..connection import libvirt
from ..errors import translate
from ..events import Events
from ..guest import Guest
from ..timeout import within
from .abort import abort
from .sampling import glance
from .wait import Outcome, wait_for_end


def suspend_until_done(guest: Guest, events: Events, max_pause_s: float, on_expiry: str) -> Outcome:
    """Stop the guest so that its migration ends, for at most ``max_pause_s``.

    At expiry the migration is aborted and the guest resumes on the source (PAUSE_EXPIRED), or with
    ``on_expiry='leave'`` it is left to finish as it is.
    """
    begin_s = time.monotonic()
    paused_before = guest.state().paused_for_migration
    if not paused_before:
        within(guest.raw.suspend, f"suspending {guest.name!r}")
    try:
        outcome = wait_for_end(guest, events, begin_s + max_pause_s)
    except (libvirt.libvirtError, MigrationError) as exc:
        error = _with_the_guest_stopped(exc, guest)
        raise error from (None if error is exc else exc)
    if outcome is None and on_expiry == "leave":
        return Outcome(not paused_before, Phase.SWITCHOVER, glance(guest))
    if outcome is None:
        left = glance(guest)
        ended = abort(guest, events)
        if ended.phase is Phase.COMPLETED:
            return ended
        raise MigrationError(
            "PAUSE_EXPIRED",
            f"{guest.name!r} did not finish within the pause of {max_pause_s:g} s that it is allowed"
            + (f" ({human_bytes(left.memory.remaining_bytes)} were left)." if left else "."),
            state=f"The migration was aborted; the guest is {guest.state_text()} on the source.",
            remedy="Allow a longer pause (the diagnosis says how long), more bandwidth, or post-copy.",
            evidence={"max_pause_s": max_pause_s, "remaining_bytes": left.memory.remaining_bytes if left else None},
        )
    return outcome


def _with_the_guest_stopped(exc: Exception, guest: Guest) -> MigrationError:
    """The error of a wait that could not go on; it says so when the guest still stands still, now without a bound."""
    error = exc if isinstance(exc, MigrationError) else translate(exc, f"Could not wait for {guest.name!r}.")
    try:
        stopped = guest.state().paused_for_migration
    except libvirt.libvirtError:
        stopped = True  # as far as anybody knows
    if not stopped:
        return error
    return MigrationError(
        error.reason,
        error.problem,
        state=f"{error.state} The guest was suspended, and goes on by itself only when its migration ends.",
        remedy=f"{error.remedy} Run this again to bound the pause, or abort the migration.",
        evidence=error.evidence,
    )
