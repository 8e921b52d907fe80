# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a running job to come to something, and telling what it came to."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..._core.errors import MigrationError
from ..._core.job.sample import JobSample, Phase
from ..._core.units import human_ms
from ..connection import libvirt
from ..events import Events
from ..guest import Guest
from .current import answers
from .end import ended, stopped
from .sampling import glance

_POLL_S = 0.2
SWITCH_LIMIT_S = 30.0  # for a change of phase that was asked for; a choice


@dataclass(frozen=True)
class Outcome:
    """What a step came to: ``phase`` of the job now, and its last look (statistics of the whole when it completed)."""

    changed: bool
    phase: Phase
    sample: t.Optional[JobSample] = None

    def document(self) -> dict[str, t.Any]:
        return {
            "changed": self.changed,
            "phase": self.phase.value,
            "downtime_ms": self.sample.downtime_ms if self.sample else None,
            "elapsed_ms": self.sample.elapsed_ms if self.sample else None,
        }


def until(
    guest: Guest,
    events: Events,
    limit_s: float,
    reached: t.Callable[[JobSample], bool],
    problem: str,
    remedy: str,
) -> Outcome:
    """Wait until a look is what ``reached`` asks for; a migration that completes meanwhile has reached it too.

    A look that fails is no end. Raises after ``limit_s``, with ``problem`` and ``remedy``.
    """
    deadline_s = time.monotonic() + limit_s
    while True:
        try:
            sample = glance(guest)
        except (libvirt.libvirtError, MigrationError):
            if time.monotonic() >= deadline_s or not answers(guest):
                raise
            time.sleep(_POLL_S)
            continue
        if sample is None:
            return _ended(guest, events)
        if reached(sample):
            return Outcome(True, sample.phase, sample)
        if time.monotonic() >= deadline_s:
            raise MigrationError(
                "NOT_REACHED",
                problem.replace("{guest}", repr(guest.name)) + f" within {human_ms(limit_s * 1000)}.",
                state=f"The guest is {guest.state_text()} here, its job is in phase {sample.phase.value}.",
                remedy=remedy,
            )
        time.sleep(_POLL_S)


def wait_for_end(
    guest: Guest, events: Events, deadline_s: float, *, failed_is_fine: bool = False
) -> t.Optional[Outcome]:
    """Wait until the job is gone; None when it is still there at the deadline."""
    split = False
    while True:
        try:
            sample = glance(guest)
        except (libvirt.libvirtError, MigrationError):
            # One that could not be looked at counts as there until the deadline, while the daemon answers.
            if time.monotonic() >= deadline_s or not answers(guest):
                raise
        else:
            if sample is None:
                return _ended(guest, events, failed_is_fine=failed_is_fine, split=split)
            split = sample.phase.in_postcopy
        if time.monotonic() >= deadline_s:
            return None
        time.sleep(_POLL_S)


def _ended(guest: Guest, events: Events, *, failed_is_fine: bool = False, split: bool = False) -> Outcome:
    """The outcome of a job that is gone; raises unless it completed, or left the guest on the source as was wanted.

    ``split``: it was in post-copy at the last look.
    """
    sample = ended(guest, events)
    if sample.phase is Phase.COMPLETED:
        return Outcome(True, Phase.COMPLETED, sample)
    if sample.phase is Phase.NONE:
        raise MigrationError(
            "OUTCOME_UNKNOWN",
            f"The migration of {guest.name!r} is over and the guest is no longer defined here,"
            " but libvirt did not report success.",
            state="It runs on the destination, or it was shut down meanwhile.",
            remedy="Look for it on the destination before the next step.",
        )
    if not guest.raw.isActive():
        raise stopped(guest, split=split)
    if failed_is_fine:
        return Outcome(True, Phase.CANCELLED, sample)
    raise MigrationError(
        "MIGRATION_FAILED",
        f"The migration of {guest.name!r} ended without success.",
        state=f"The guest is {guest.state_text()} here, on the source.",
        remedy="The error is told to whoever started the migration, and stands in the daemons' logs of both hosts.",
    )
