# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a job in MiB and seconds, for tests of what decides on them."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import Action, Kind
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor

MIB = 1 << 20
RATE_MIB = 100


def look(
    at_s: float,
    pass_number: t.Optional[int] = 1,
    left_mib: float = 500,
    *,
    sent_mib: t.Optional[float] = None,
    phase: Phase = Phase.PRECOPY,
    limit_ms: t.Optional[int] = 300,
    total_mib: float = 1000,
    **more: t.Any,
) -> JobSample:
    """A guest of 1000 MiB that sends at 100 MiB/s from second 0 on, unless told otherwise."""
    sent = RATE_MIB * at_s if sent_mib is None else sent_mib
    return JobSample(
        phase=phase,
        operation="outgoing",
        elapsed_ms=int(at_s * 1000),
        pass_number=pass_number,
        memory=Progress(int(total_mib * MIB), int(sent * MIB), int(left_mib * MIB)),
        bandwidth_bytes_per_s=RATE_MIB * MIB,
        limits=Limits(max_downtime_ms=limit_ms, **more.pop("limits", {})),
        at_s=at_s,
        **more,
    )


def first_pass(supervisor: Supervisor, until_s: int = 10, **more: t.Any) -> list[Action]:
    """The looks of a first pass of 10 s, one each second; what was decided in them."""
    actions: list[Action] = []
    for at_s in range(until_s):
        actions += supervisor.observe(look(at_s + 0.5, 1, 1000 - 100 * at_s, **more))
    return actions


def only(actions: t.Sequence[Action]) -> Action:
    assert len(actions) == 1, actions
    return actions[0]


def done(actions: t.Sequence[Action]) -> list[tuple[Kind, t.Optional[float]]]:
    """What was to be done, without the waiting."""
    return [(action.kind, action.value) for action in actions if action.apply]
