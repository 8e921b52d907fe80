# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a strategy against the model, as a driver would on a host: a look at every sync and at every poll."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)

from .guest import Guest, Link
from .qemu import STEP_S, Job, RefusedError, Start


class Strategy(t.Protocol):
    """``poll_s``: how often it looks; ``events``: whether it looks at bitmap syncs too."""

    name: str
    poll_s: float
    events: bool

    def begin(self, guest: Guest, link: Link) -> t.Optional[Start]:
        """What to start with; None: it declines beforehand."""

    def look(self, sample: JobSample, at_sync: bool, results: t.Sequence[ActionResult]) -> t.Sequence[Action]:
        """What to do after this look; ``results``: what came of the actions before."""


@dataclass(frozen=True)
class Run:
    """What came of it. ``outcome``: the last phase, ``cut`` or ``declined``; ``stood_ms``: no copy ran, all in all."""

    strategy: str
    outcome: str
    total_s: float
    sent_bytes: int = 0
    stood_ms: int = 0
    slow_s: float = 0.0
    split_s: float = 0.0
    max_throttle: int = 0
    actions: t.Sequence[tuple[float, Action]] = ()
    copies: t.Sequence[int] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.outcome == Phase.COMPLETED.value


def run(strategy: Strategy, guest: Guest, link: Link, cut_s: float = 120.0, job: t.Optional[Job] = None) -> Run:
    """Let the strategy look after one migration; with ``job`` it takes over one that runs already."""
    if job is None:
        start = strategy.begin(guest, link)
        if start is None:
            return Run(strategy.name, "declined", 0.0)
        job = Job(guest, link, start)
    begin_s = job.now_s
    actions: list[tuple[float, Action]] = []
    copies: set[int] = set()
    results: list[ActionResult] = []
    next_poll_s, throttle = job.now_s, 0
    while job.phase.running and job.now_s - begin_s < cut_s:
        synced = job.step(STEP_S)
        copies.add(len(job.running_on))
        throttle = max(throttle, job.throttle)
        due = job.now_s >= next_poll_s
        if not (due or (synced and strategy.events)):
            continue
        if due:
            next_poll_s = job.now_s + strategy.poll_s
        given = strategy.look(job.sample(), synced and strategy.events, results)
        results = [_apply(job, action) for action in given if action.apply]
        actions += [(round(job.now_s, 2), action) for action in given]
    strategy.look(job.sample(), False, results)
    return Run(
        strategy.name,
        job.phase.value if not job.phase.running else "cut",
        job.now_s - begin_s,
        int(job.sent),
        round(job.stood_s * 1000),
        job.slow_s,
        job.split_s,
        throttle,
        actions,
        sorted(copies),
    )


def _apply(job: Job, action: Action) -> ActionResult:
    do: dict[Kind, t.Callable[[], None]] = {
        Kind.SET_DOWNTIME: lambda: job.set_downtime(action.value or 0),
        Kind.SET_BANDWIDTH: lambda: job.set_bandwidth(action.value or 0),
        Kind.START_POSTCOPY: job.start_postcopy,
        Kind.SUSPEND: job.suspend,
        Kind.ABORT: job.abort,
        Kind.RECOVER: job.recover,
        Kind.LEAVE: lambda: None,
        Kind.WAIT: lambda: None,
    }
    try:
        do[action.kind]()
    except RefusedError as exc:
        return ActionResult(action.kind, str(exc))
    return ActionResult(action.kind)
