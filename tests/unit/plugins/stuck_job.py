# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in pre-copy that does not get anywhere, looks at it, and what a diagnosis comes to, in short."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import (
    Diagnosis,
    Reason,
    Verdict,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Progress,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import GIB, MIB, MIGRATING

# 100 MiB/s, of which as much is rewritten meanwhile; 256 MiB left at the last sync; may stand still for 300 ms.
STUCK = sample_from_stats(MIGRATING, limits=Limits(300, 0, 0), name="erp01", uuid="1f3c")


def at(at_s: float, rate: float = 100, **changes: t.Any) -> JobSample:
    """The job after ``at_s`` seconds at ``rate`` MiB/s."""
    sent = STUCK.memory.processed_bytes + int(at_s * rate * MIB)
    memory = Progress(4 * GIB, sent, changes.pop("left", 100) * MIB)
    return replace(STUCK, **{"at_s": at_s, "memory": memory, **changes})


def passes(*left: int, **changes: t.Any) -> list[JobSample]:
    """One look at each of these boundaries, so many MiB left at it, and one before the first."""
    looks = [at(0, pass_number=9, **changes)]
    return looks + [at(2.0 * n, pass_number=9 + n, left=mib, **changes) for n, mib in enumerate(left, start=1)]


def says(diagnosis: Diagnosis) -> tuple[Verdict, Reason]:
    return diagnosis.verdict, diagnosis.reason


def actions(diagnosis: Diagnosis) -> list[str]:
    return [remedy.action for remedy in diagnosis.remedies]
