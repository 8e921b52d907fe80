# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: what the guest is doing, and what of it stays behind."""

from __future__ import annotations

from .check_types import FAIL, WARN, Case, Check, Finding, counted, failed, listed, passed, skipped, warned

_THEME = "state of the guest"


def _state(case: Case) -> Finding:
    guest = case.guest
    if guest.state == "running":
        return passed("It runs.")
    if guest.state == "paused":
        if guest.state_reason in ("post-copy", "post-copy failed", "migration"):
            return failed(
                f"It is paused by a migration already ({guest.state_reason}).",
                "Bring that one to its end first: see migration_job_info and migration_recover.",
                state_reason=guest.state_reason,
            )
        return warned(
            f"It is paused ({guest.state_reason}), and stays so on the destination.",
            "Find out why, and resume it first if it should run.",
            state_reason=guest.state_reason,
        )
    if not guest.active:
        return passed("It does not run: only its definition would move.")
    return failed(
        f"It is {guest.state} ({guest.state_reason}).", "Wait until it runs or is shut off.", state=guest.state
    )


def _jobs(case: Case) -> Finding:
    guest = case.guest
    mirrors = [disk.target for disk in guest.disks if disk.mirror]
    if guest.job:
        return failed(
            f"A job runs on it: {guest.job}.",
            "Wait for its end. Of a migration that does not end, migration_job_info says why.",
            job=guest.job,
        )
    if mirrors:
        return failed(
            f"Block jobs run on {listed(mirrors)}.",
            "Wait for their end, or abort them with 'virsh blockjob --abort'.",
            disks=mirrors,
        )
    if not case.source.local:
        return skipped("No block job runs on it. Whether another one does is known on its own host only.")
    if guest.job is None:
        return skipped(
            "No block job runs on it. Whether another one does is not known: libvirt's status file of it could not be"
            " read on its host."
        )
    return passed("No job runs on it.")


def _has_its_time(case: Case) -> Finding:
    guest = case.guest
    if not guest.slowed_down:
        unknown = guest.slowed_down is None
        return (
            skipped("Whether it was left slowed down by a migration is known to root on its own host only.")
            if unknown
            else passed("Its virtual processors have the time that they are meant to have.")
        )
    if guest.job:
        return skipped("It is slowed down for a migration, and a job runs.")
    return warned(
        "It was slowed down for a migration by the quotas of its virtual processors, which were not put back.",
        "Run migration_rescue for it on its host, which puts them back.",
    )


def _snapshots(case: Case) -> Finding:
    guest = case.guest
    if guest.snapshots:
        return failed(
            f"It has {counted(guest.snapshots, 'snapshot')}, which libvirt does not take along.",
            "Delete them with 'virsh snapshot-delete'. With --metadata only libvirt's notes go, and can be defined"
            " again on the destination.",
            snapshots=guest.snapshots,
        )
    if guest.checkpoints:
        return warned(
            f"It has {counted(guest.checkpoints, 'checkpoint')}, which libvirt does not take along. The next backup is"
            " a full one.",
            "Plan a full backup, or delete them with 'virsh checkpoint-delete'.",
            checkpoints=guest.checkpoints,
        )
    if guest.snapshots is None:
        return skipped("Whether it has snapshots is not known.")
    return passed(f"It has no snapshots{'' if guest.checkpoints is None else ' and no checkpoints'}.")


CHECKS = (
    Check(
        "guest_state", _THEME, "Is the guest in a state from which it can be migrated?",
        "libvirt refuses, or the guest arrives paused.", (WARN, FAIL), of_guest=_state, needs_running=False,
    ),
    Check(
        "guest_jobs", _THEME, "Does no other job run on it?",
        "libvirt refuses: another job is active.", (FAIL,), of_guest=_jobs,
    ),
    Check(
        "left_slowed", _THEME, "Has the guest all of the processor time that it had before a migration slowed it down?",
        "It does less work than it could.", (WARN,), of_guest=_has_its_time,
    ),
    Check(
        "snapshots", _THEME, "Has it no snapshots or checkpoints?",
        "libvirt refuses: cannot migrate a domain with snapshots.", (WARN, FAIL), of_guest=_snapshots,
        needs_running=False,
    ),
)  # fmt: skip
