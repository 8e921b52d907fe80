# SPDX-License-Identifier: GPL-3.0-or-later
"""Job documents and results of migrations that were taken over, for tests of what is made of them."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Phase,
    Progress,
)

MIB = 1 << 20


def job(
    name: str,
    verdict: str = "stuck",
    reason: str = "DIRTY_RATE",
    *,
    needed_ms: t.Optional[int] = None,
    left_mib: int = 100,
    phase: Phase = Phase.PRECOPY,
    operation: str = "outgoing",
) -> dict[str, t.Any]:
    evidence = {} if needed_ms is None else {"needed_downtime_ms": needed_ms}
    sample = JobSample(phase, operation, memory=Progress(1000 * MIB, 0, left_mib * MIB), name=name, uuid=f"uuid-{name}")
    return sample.document({"verdict": verdict, "reason": reason, "evidence": evidence})


MOVED = {
    "item": job("erp01"),
    "changed": True,
    "outcome": "completed",
    "actions": [{"action": "set_downtime"}, {"action": "set_downtime"}, {"action": "start_postcopy"}],
    "downtime_ms": 30,
    "elapsed_ms": 9000,
    "record": {"decisions": [{"action": "wait"}], "looks": [[1]]},
}
LEFT = {"item": job("crm01"), "failed": False, "reason": "LEFT", "msg": "It goes on.", "actions": []}


def look(*names: str, state: str = "running", moving: t.Sequence[str] = ()) -> dict[str, t.Any]:
    guests = [{"name": name, "uuid": f"uuid-{name}", "state": state} for name in names]
    return {"guests": guests, "jobs": [job(name) for name in moving]}
