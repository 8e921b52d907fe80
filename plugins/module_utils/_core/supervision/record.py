# SPDX-License-Identifier: GPL-3.0-or-later
"""The account of one migration: every look, every decision and the end of it, as JSON, and the same again from it.

A record holds what went into the engine, so the engine can be run over it again: after a change of its rules, a record
of a real migration shows what they would have done. Of a very long migration only a part of the looks is kept, which
the record then says.
"""

from __future__ import annotations

import typing as t

from ..forecast.plan import plan_from
from ..job.sample import JobSample, Limits, Phase, Progress
from ..policy import Policy, policy_from
from .actions import Action, ActionResult, Kind
from .supervisor import Supervisor

VERSION = 1
_MAX_LOOKS = 4000  # half an hour at two looks a second

_COLUMNS = (
    "at_s",
    "phase",
    "elapsed_ms",
    "pass",
    "memory_total_bytes",
    "memory_processed_bytes",
    "memory_remaining_bytes",
    "disk_total_bytes",
    "disk_processed_bytes",
    "disk_remaining_bytes",
    "bandwidth_bytes_per_s",
    "dirty_pages_per_s",
    "page_size_bytes",
    "expected_downtime_ms",
    "downtime_ms",
    "throttle_percent",
    "postcopy_requests",
    "max_downtime_ms",
    "bandwidth_mib_per_s",
    "postcopy_bandwidth_mib_per_s",
    "at_sync",
    "path_ok",
    "results",
)


class Record:
    """Hands looks to the supervisor and its actions back, and keeps both.

    ``facts``: what the driver knows beside it: ``began_epoch_s`` (the time of day at which the job began), and
    ``source`` and ``destination`` (names of the hosts, where they are known).
    """

    def __init__(
        self,
        supervisor: Supervisor,
        *,
        name: str = "",
        uuid: str = "",
        forecast: t.Optional[t.Mapping[str, t.Any]] = None,
        facts: t.Optional[t.Mapping[str, t.Any]] = None,
    ) -> None:
        self.supervisor = supervisor
        self.facts: dict[str, t.Any] = {"began_epoch_s": None, "source": "", "destination": "", **(facts or {})}
        self._head = {"version": VERSION, "name": name, "uuid": uuid}
        self._forecast = dict(forecast) if forecast else None
        self._looks: list[list[t.Any]] = []
        self._kept: list[bool] = []  # whether a look may not be left out
        self._decisions: list[dict[str, t.Any]] = []
        self._thinned = False
        self._phase: t.Optional[Phase] = None

    def observe(
        self,
        sample: JobSample,
        *,
        at_sync: bool = False,
        results: t.Sequence[ActionResult] = (),
        path_ok: t.Optional[bool] = None,
    ) -> list[Action]:
        """As :meth:`Supervisor.observe`."""
        boundaries = len(self.supervisor.history.boundaries)
        actions = self.supervisor.observe(sample, at_sync=at_sync, results=results, path_ok=path_ok)
        if not self._head["name"]:
            self._head = {**self._head, "name": sample.name, "uuid": sample.uuid}
        self._looks.append(_row(sample, at_sync, results, path_ok))
        matters = bool(actions or results) or sample.phase is not self._phase
        self._kept.append(matters or len(self.supervisor.history.boundaries) != boundaries)
        self._phase = sample.phase
        self._decisions += decided(sample, actions)
        if len(self._looks) > _MAX_LOOKS:
            self._thin()
        return actions

    def document(self) -> dict[str, t.Any]:
        """The record as modules return it, of JSON types only; :func:`replay` reads it."""
        last = self.supervisor.history.recent[-1] if self.supervisor.history.recent else None
        return {
            **self._head,
            "outcome": self.supervisor.outcome,
            "elapsed_ms": last.elapsed_ms if last else None,
            "downtime_ms": last.downtime_ms if last else None,
            "sent_bytes": last.memory.processed_bytes if last else None,
            "contract": self.supervisor.policy.document(),
            "plan": self.supervisor.plan.document(),
            "forecast": self._forecast,
            "decisions": [dict(decision) for decision in self._decisions],
            "boundaries": [list(boundary) for boundary in self.supervisor.history.boundaries],
            "thinned": self._thinned,
            "columns": list(_COLUMNS),
            "looks": [list(look) for look in self._looks],
            **self.facts,
        }

    def _thin(self) -> None:
        """Leave out every second look at which nothing happened, or the older half when something always does."""
        self._thinned = True
        keep = [kept or number % 2 == 0 for number, kept in enumerate(self._kept)]
        if sum(keep) > 0.9 * len(keep):
            keep = [number >= len(keep) // 2 for number in range(len(keep))]
        self._looks = [look for look, wanted in zip(self._looks, keep) if wanted]
        self._kept = [kept for kept, wanted in zip(self._kept, keep) if wanted]


def supervision_facts(actions: t.Sequence[Action], last: t.Optional[JobSample], record: Record) -> dict[str, t.Any]:
    """Return values of a module; ``last``: the last look, None when there was none."""
    return {
        "actions": [action.document() for action in actions],
        "downtime_ms": last.downtime_ms if last else None,
        "elapsed_ms": (last.elapsed_ms or None) if last else None,
        "record": record.document(),
    }


def decided(sample: JobSample, actions: t.Sequence[Action]) -> list[dict[str, t.Any]]:
    """Decisions as the record has them: when, in which pass, and the action."""
    return [
        {"at_s": sample.at_s, "elapsed_ms": sample.elapsed_ms, "pass": sample.pass_number, **action.document()}
        for action in actions
    ]


def replay(document: t.Mapping[str, t.Any], policy: t.Optional[Policy] = None) -> list[dict[str, t.Any]]:
    """The decisions that the engine of today takes over the looks of a record, under its own policy or another one.

    The same as ``document["decisions"]`` with the same engine and policy, unless the record is ``thinned``. Raises
    KeyError, TypeError or ValueError on another shape.
    """
    if document["version"] != VERSION:
        raise ValueError(f"A record of version {document['version']}, but this is for version {VERSION}.")
    supervisor = Supervisor(policy or policy_from(document["contract"]), plan_from(document["plan"]))
    decisions: list[dict[str, t.Any]] = []
    for row in document["looks"]:
        look = dict(zip(document["columns"], row))
        sample = _sample(look).named(document["name"], document["uuid"])
        results = [ActionResult(Kind(kind), *rest) for kind, *rest in look["results"]]
        given = supervisor.observe(sample, at_sync=look["at_sync"], results=results, path_ok=look["path_ok"])
        decisions += decided(sample, given)
    return decisions


def _row(sample: JobSample, at_sync: bool, results: t.Sequence[ActionResult], path_ok: t.Optional[bool]) -> list[t.Any]:
    memory, disk, limits = sample.memory, sample.disk, sample.limits
    return [
        sample.at_s,
        sample.phase.value,
        sample.elapsed_ms,
        sample.pass_number,
        memory.total_bytes,
        memory.processed_bytes,
        memory.remaining_bytes,
        disk.total_bytes,
        disk.processed_bytes,
        disk.remaining_bytes,
        sample.bandwidth_bytes_per_s,
        sample.dirty_pages_per_s,
        sample.page_size_bytes,
        sample.expected_downtime_ms,
        sample.downtime_ms,
        sample.throttle_percent,
        sample.postcopy_requests,
        limits.max_downtime_ms,
        limits.bandwidth_mib_per_s,
        limits.postcopy_bandwidth_mib_per_s,
        at_sync,
        path_ok,
        [[result.kind.value, result.problem, result.reason] for result in results],
    ]


def _sample(look: t.Mapping[str, t.Any]) -> JobSample:
    return JobSample(
        phase=Phase(look["phase"]),
        operation="outgoing",
        elapsed_ms=look["elapsed_ms"],
        pass_number=look["pass"],
        memory=Progress(look["memory_total_bytes"], look["memory_processed_bytes"], look["memory_remaining_bytes"]),
        disk=Progress(look["disk_total_bytes"], look["disk_processed_bytes"], look["disk_remaining_bytes"]),
        bandwidth_bytes_per_s=look["bandwidth_bytes_per_s"],
        dirty_pages_per_s=look["dirty_pages_per_s"],
        page_size_bytes=look["page_size_bytes"],
        expected_downtime_ms=look["expected_downtime_ms"],
        downtime_ms=look["downtime_ms"],
        throttle_percent=look["throttle_percent"],
        postcopy_requests=look["postcopy_requests"],
        limits=Limits(look["max_downtime_ms"], look["bandwidth_mib_per_s"], look["postcopy_bandwidth_mib_per_s"]),
        at_s=look["at_s"],
    )
