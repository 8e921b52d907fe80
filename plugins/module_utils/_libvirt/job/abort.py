# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancelling a migration, and seeing that the guest runs on the source again."""

from __future__ import annotations

import time

from ..._core.errors import MigrationError
from ..._core.job.sample import Phase
from ..._core.migration.refusals import ABORT_FAILED_REMEDY, ABORT_PENDING, ABORT_PENDING_REMEDY
from ..connection import libvirt
from ..events import Events
from ..guest import Guest
from ..timeout import within
from .sampling import glance
from .wait import Outcome, wait_for_end

ABORT_LIMIT_S = 60.0  # a choice


def abort(guest: Guest, events: Events) -> Outcome:
    """Cancel a pre-copy migration and verify that the guest is back on the source.

    A migration that completes before the abort takes hold is reported as completed. Raises ABORT_UNVERIFIED.
    """
    try:
        within(guest.raw.abortJob, f"aborting the migration of {guest.name!r}", ABORT_LIMIT_S)
    except libvirt.libvirtError:
        if glance(guest) is not None:
            raise
    outcome = wait_for_end(guest, events, time.monotonic() + ABORT_LIMIT_S, failed_is_fine=True)
    if outcome is None:
        raise _not_ended(guest)
    return outcome


def _not_ended(guest: Guest) -> MigrationError:
    sample = glance(guest)
    in_preparation = sample is not None and sample.phase is Phase.SETUP
    return MigrationError(
        "ABORT_UNVERIFIED",
        f"The migration of {guest.name!r} was told to abort, but its job has not ended after {ABORT_LIMIT_S:g} s.",
        state=f"The guest is {guest.state_text()} here{f', and {ABORT_PENDING}' if in_preparation else ''}.",
        remedy=ABORT_PENDING_REMEDY if in_preparation else ABORT_FAILED_REMEDY,
    )
