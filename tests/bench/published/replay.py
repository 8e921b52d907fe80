# SPDX-License-Identifier: GPL-3.0-or-later
"""Bitmap syncs of migrations that others have recorded, shown to the engine: when it would have ended them.

Columns: ``config``, ``run``, ``pass``, ``t_ms`` since the start, ``remaining_bytes`` right after the sync,
``transferred_bytes``, ``mbps``. The passes are those of the record whatever the engine sets, so the first boundary
whose rest fits the limit in force is the end.
"""

from __future__ import annotations

import csv
import statistics
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
    start_limit_ms,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import Kind
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor

ALLOWED_MS = (300, 500, 700, 1000)
_LOOK_EVERY_S = 0.5
_BITS = 1e6 / 8


@dataclass(frozen=True)
class Boundary:
    number: int
    at_s: float
    left_bytes: int
    sent_bytes: int
    bytes_per_s: float


@dataclass(frozen=True)
class Trace:
    config: str
    run: int
    boundaries: tuple[Boundary, ...]

    @property
    def end_s(self) -> float:
        return self.boundaries[-1].at_s


@dataclass(frozen=True)
class Ending:
    """``end_s``: when the engine has it end (None: not within the record); ``possible_s``: the first boundary at which
    the downtime that is allowed would have done; ``needed_ms``: what the rest takes at the end."""

    end_s: t.Optional[float]
    possible_s: t.Optional[float]
    needed_ms: t.Optional[float]


def read(path: Path) -> list[Trace]:
    found: dict[tuple[str, int], list[Boundary]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["config"], int(row["run"])), []).append(
                Boundary(
                    int(row["pass"]),
                    int(row["t_ms"]) / 1000,
                    int(row["remaining_bytes"]),
                    int(row["transferred_bytes"]),
                    float(row["mbps"]) * _BITS,
                )
            )
    return [Trace(config, run, tuple(boundaries)) for (config, run), boundaries in sorted(found.items())]


def replayed(trace: Trace, allowed_ms: int) -> Ending:
    policy = Policy(max_downtime_ms=allowed_ms, postcopy="never", max_throttle_percent=0)
    highest_ms = highest_limit_ms(allowed_ms, 0)
    whole = trace.boundaries[0].left_bytes + trace.boundaries[0].sent_bytes
    limit_ms = float(min(highest_ms, start_limit_ms(whole)))
    supervisor = Supervisor(policy, Plan(flags=Flags(), start_limit_ms=int(limit_ms)))
    possible_s = None
    for before, now in zip(trace.boundaries, trace.boundaries[1:]):
        for sample in _between(before, now, int(limit_ms), whole):
            limit_ms = max([limit_ms, *_limits(supervisor, sample, at_sync=False)])
        if now.left_bytes == 0:
            break  # the last sync, with the guest stopped by its own load's end or limit
        needed_ms = now.left_bytes / now.bytes_per_s * 1000
        if possible_s is None and needed_ms <= highest_ms:
            possible_s = now.at_s
        sample = _look(now, now.at_s, now.left_bytes, now.sent_bytes, int(limit_ms), whole)
        limit_ms = max([limit_ms, *_limits(supervisor, sample, at_sync=True)])
        if needed_ms <= limit_ms:
            return Ending(now.at_s, possible_s, needed_ms)
    return Ending(None, possible_s, None)


def _limits(supervisor: Supervisor, sample: JobSample, *, at_sync: bool) -> list[float]:
    actions = supervisor.observe(sample, at_sync=at_sync)
    return [one.value for one in actions if one.kind is Kind.SET_DOWNTIME and one.value is not None]


def _between(before: Boundary, now: Boundary, limit_ms: int, whole: int) -> t.Iterator[JobSample]:
    steps = int((now.at_s - before.at_s) / _LOOK_EVERY_S)
    for step in range(1, steps):
        part = step * _LOOK_EVERY_S / (now.at_s - before.at_s)
        sent = before.sent_bytes + int(part * (now.sent_bytes - before.sent_bytes))
        left = int(before.left_bytes * (1 - part))
        yield _look(before, before.at_s + step * _LOOK_EVERY_S, left, sent, limit_ms, whole)


def _look(boundary: Boundary, at_s: float, left: int, sent: int, limit_ms: int, whole: int) -> JobSample:
    return JobSample(
        phase=Phase.PRECOPY,
        operation="outgoing",
        elapsed_ms=int(at_s * 1000),
        pass_number=boundary.number,
        memory=Progress(whole, sent, left),
        bandwidth_bytes_per_s=int(boundary.bytes_per_s),
        limits=Limits(max_downtime_ms=limit_ms),
        at_s=at_s,
    )


class Summary(t.NamedTuple):
    """Medians over the runs of one kind; ``ended``: how many did within their record. ``later_s``: the most that an end
    came after the first chance; ``recorded_s``: how long the records are."""

    config: str
    allowed_ms: int
    runs: int
    ended: int
    end_s: t.Optional[float]
    possible_s: t.Optional[float]
    later_s: t.Optional[float]
    needed_ms: t.Optional[float]
    recorded_s: float


def summaries(traces: t.Sequence[Trace]) -> list[Summary]:
    found = []
    for config in sorted({one.config for one in traces}):
        of = [one for one in traces if one.config == config]
        for allowed_ms in ALLOWED_MS:
            endings = [replayed(one, allowed_ms) for one in of]
            ended = [one for one in endings if one.end_s is not None]
            later = [one.end_s - one.possible_s for one in ended if one.end_s and one.possible_s]
            found.append(
                Summary(
                    config,
                    allowed_ms,
                    len(of),
                    len(ended),
                    _median([one.end_s for one in endings]),
                    _median([one.possible_s for one in endings]),
                    max(later, default=None),
                    _median([one.needed_ms for one in endings]),
                    statistics.median(one.end_s for one in of),
                )
            )
    return found


def _median(values: t.Iterable[t.Optional[float]]) -> t.Optional[float]:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
