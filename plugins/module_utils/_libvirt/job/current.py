# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration job of a guest: the one that runs, or the last one that completed."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.job.sample import JobSample, JobType, Limits, Operation, Phase, Stats, sample_from_stats
from ..._core.libvirt_errors.codes import Err
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within

_STATS_COMPLETED = 1  # VIR_DOMAIN_JOB_STATS_*
_STATS_KEEP_COMPLETED = 2
_INTERNAL_ERROR_RETRY_S = (
    5.0  # so long an internal error is asked again: it is that of a state which QEMU leaves (docs/design.md)
)
_POLL_S = 0.2


def current_stats(guest: Guest) -> t.Optional[Stats]:
    """The statistics of the job that runs, or None; raises INCOMING on the destination of a migration.

    Newer QEMUs pass through states of a migration that libvirt has no name for, "postcopy-device" for one (QEMU 11.1,
    libvirt 12.8), and while they are in one libvirt tells an internal error. So such an error is asked again.
    """
    give_up_s = time.monotonic() + _INTERNAL_ERROR_RETRY_S
    while True:
        try:
            return _stats_once(guest)
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != Err.INTERNAL_ERROR or time.monotonic() >= give_up_s or not answers(guest):
                raise
        time.sleep(_POLL_S)


def answers(guest: Guest) -> bool:
    """Whether the daemon tells the state of the guest, for which it needs neither QEMU nor a lock: then what it did not
    tell just now may be told at the next look."""
    try:
        return guest.known_state() is not None
    except libvirt.libvirtError:
        return False


def _stats_once(guest: Guest) -> t.Optional[Stats]:
    try:
        stats: Stats = within(guest.raw.jobStats, f"reading the job of {guest.name!r}")
    except libvirt.libvirtError as exc:
        code = exc.get_error_code()
        if code in (Err.NO_DOMAIN, Err.OPERATION_INVALID):  # it has just gone, or is off: no job
            return None
        if code == Err.OPERATION_UNSUPPORTED:
            raise incoming(guest) from exc
        raise
    return stats if stats.get("type", JobType.NONE) != JobType.NONE else None


def incoming(guest: Guest) -> MigrationError:
    """The error INCOMING, for whoever wants to act on the destination of a migration."""
    return MigrationError(
        "INCOMING",
        f"{guest.name!r} is arriving on this host; its migration is run by the host it comes from.",
        state=f"The guest is {guest.state_text()} here.",
        remedy="Run this on the source host. Do not destroy the guest here: that ends its migration.",
    )


def is_migration(stats: t.Optional[Stats]) -> bool:
    """Whether statistics are those of a migration, in or out."""
    return stats is not None and stats.get("operation") in (Operation.MIGRATION_IN, Operation.MIGRATION_OUT)


def outgoing_job(guest: Guest) -> t.Optional[JobSample]:
    """The guest's outgoing migration, or None when it has none.

    Raises INCOMING on the destination, and OTHER_JOB when something else holds the guest: calls that change it would
    wait 30 s for that and then fail.
    """
    stats = current_stats(guest)
    if stats is None:
        return None
    if not is_migration(stats):
        raise MigrationError(
            "OTHER_JOB",
            f"{guest.name!r} is busy with another job (backup, snapshot, save or dump).",
            state=f"The guest is {guest.state_text()} here. Nothing was changed.",
            remedy="Let that job end ('virsh domjobinfo' shows it), then run this again.",
        )
    return sample_unless_gone(guest, stats)


def sample_unless_gone(guest: Guest, stats: Stats, *, at_s: float = 0.0) -> t.Optional[JobSample]:
    """None for a guest that has left this host for good since its statistics were read."""
    try:
        return sample_of(guest, stats, at_s=at_s)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() == Err.NO_DOMAIN:
            return None
        raise


def sample_of(guest: Guest, stats: Stats, *, limits: t.Optional[Limits] = None, at_s: float = 0.0) -> JobSample:
    """``stats``: of ``virDomainGetJobStats``; ``at_s``: when they were asked for, by a monotonic clock."""
    return sample_from_stats(stats, state=guest.state(), limits=limits, name=guest.name, uuid=guest.uuid, at_s=at_s)


def completed_job(guest: Guest) -> t.Optional[JobSample]:
    """The last migration that this host saw completed; libvirt keeps the statistics."""
    flags = _STATS_COMPLETED | _STATS_KEEP_COMPLETED
    try:
        stats: Stats = within(lambda: guest.raw.jobStats(flags), f"reading the last job of {guest.name!r}")
    except libvirt.libvirtError as exc:
        if exc.get_error_code() in (Err.NO_DOMAIN, Err.OPERATION_INVALID, Err.OPERATION_UNSUPPORTED):
            return None
        raise
    if not is_migration(stats):
        return None
    sample = sample_of(guest, stats)
    return sample if sample.phase is Phase.COMPLETED else None


def require_job(guest: Guest) -> JobSample:
    """The guest's outgoing migration; raises NO_JOB when it has none, and what :func:`outgoing_job` raises."""
    job = outgoing_job(guest)
    if job is None:
        raise MigrationError(
            "NO_JOB",
            f"{guest.name!r} is not being migrated from this host.",
            state=f"The guest is {guest.state_text()} here. Nothing was changed.",
            remedy="Start the migration first, or look for the guest on the other hosts.",
        )
    return job


def require_running(guest: Guest) -> None:
    """Raises GUEST_NOT_RUNNING unless the guest is active here (running or paused)."""
    if not guest.raw.isActive():
        raise MigrationError(
            "GUEST_NOT_RUNNING",
            f"{guest.name!r} is not running on this host.",
            state=f"The guest is {guest.state_text()} here. Nothing was changed.",
            remedy="Start it first, or run this on the host where it runs now.",
        )
