# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration job that is gone came to; libvirt says so only to those who know where to look."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.job.sample import JobSample, JobType, Operation, Stats, sample_from_stats
from ..._core.migration.refusals import SOURCE_HALF_ENDED_REMEDY, source_half_ended
from ..guest import Guest
from .current import completed_job

SETTLE_S = 2.0  # libvirt gives the statistics and the state of a job that is gone within a moment; a choice
_POLL_S = 0.1


class Completions(t.Protocol):
    """Who heard the event at the end of migrations that succeeded."""

    def completion(self, uuid: str) -> t.Optional[Stats]:
        """Its statistics; None while there was none."""


def ended(guest: Guest, events: Completions) -> JobSample:
    """The last look at a job that is gone.

    ``completed`` (with its statistics, if libvirt still gives them), ``failed`` when the guest is still here, running
    or shut off, and ``none`` when the guest has gone from this host without a word: a transient guest that was shut
    down looks like one that moved. A daemon that is gone says nothing of that, and is an error.
    """
    deadline_s = time.monotonic() + SETTLE_S
    while True:
        state = guest.known_state()
        stats = events.completion(guest.uuid)
        if stats is not None:
            return _sample(guest, {**stats, "type": JobType.COMPLETED})
        # Statistics that libvirt keeps may be of an earlier migration, so a guest that is still here has not left,
        # whatever they say; and those of its arrival say nothing of its departure.
        if state is not None and not state.moved_away:
            return _sample(guest, {"type": JobType.FAILED})
        kept = completed_job(guest) if state is not None else None
        if kept is not None and kept.operation == "outgoing":
            return kept
        if time.monotonic() >= deadline_s:
            return _sample(guest, {"type": JobType.COMPLETED if state is not None else JobType.NONE})
        time.sleep(_POLL_S)


def stopped(guest: Guest, facts: t.Optional[t.Mapping[str, t.Any]] = None, *, split: bool = False) -> MigrationError:
    """The error where the guest itself was shut down, or crashed, while it migrated. ``facts``: return values;
    ``split``: this was in post-copy, where each host holds a half of it."""
    if split:
        return MigrationError(
            "HALF_ENDED",
            source_half_ended(guest.name, "the source", guest.state()),
            state=f"Its half on the source is {guest.state_text()}. The one on the destination was left as it is.",
            remedy=SOURCE_HALF_ENDED_REMEDY,
            facts=facts,
        )
    return MigrationError(
        "GUEST_STOPPED",
        f"{guest.name!r} stopped while it was being migrated.",
        state=f"The guest is {guest.state_text()} on the source.",
        remedy="Find out who shut it down or why it crashed; start it here when it should run.",
        facts=facts,
    )


def _sample(guest: Guest, stats: Stats) -> JobSample:
    outgoing = {"operation": Operation.MIGRATION_OUT, **stats}
    return sample_from_stats(outgoing, name=guest.name, uuid=guest.uuid, at_s=time.monotonic())
