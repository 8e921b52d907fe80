# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, a line of JSON for each run, written at once; so that a gauntlet can be gone on with.

The file is kept in the project, since a whole gauntlet takes longer than a machine is free.
"""

from __future__ import annotations

import statistics
import typing as t
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .lines import append, documents


class Key(t.NamedTuple):
    """One run. ``contract`` is empty for a peer, whose rules do not know ours, and for a shipped policy: one run stands
    for all contracts."""

    workload: str
    strategy: str
    contract: str
    repeat: int


@dataclass(frozen=True)
class Run:
    """One migration.

    ``outcome``: ``completed``, ``cut`` (not finished in time), ``gave up`` (the strategy aborted it), ``declined``
    (nothing was started) or ``failed``. ``elapsed_ms`` and ``downtime_ms`` are libvirt's; the gap, the work and the
    check are the guest's own. ``lead_s``: from the order to the start of the job, measuring and Ansible included.
    ``order_s``: from the order to the end that the strategy has verified (0: it did not finish).
    ``expected_s``: what the job was to take, by the forecast made before it. ``derived``: it was not run, and why.
    """

    workload: str
    strategy: str
    contract: str
    repeat: int
    outcome: str
    at: str = ""
    elapsed_ms: int = 0
    sent_bytes: int = 0
    passes: int = 0
    downtime_ms: t.Optional[int] = None
    longest_gap_ms: float = 0.0
    split_s: float = 0.0
    max_throttle_percent: int = 0
    rate_before_pages_per_s: float = 0.0
    busy_s: float = 0.0
    work_pages: int = 0
    checked_pages: int = 0
    bad_pages: int = 0
    split_brain_beats: int = 0
    running_on: t.Sequence[str] = ()
    lead_s: float = 0.0
    order_s: float = 0.0
    by: str = ""
    expected_s: t.Optional[float] = None
    actions: t.Sequence[t.Mapping[str, t.Any]] = ()
    message: str = ""
    derived: str = ""

    @property
    def key(self) -> Key:
        return Key(self.workload, self.strategy, self.contract, self.repeat)

    @property
    def finished(self) -> bool:
        return self.outcome == "completed"

    @property
    def elapsed_s(self) -> float:
        """Of the job, by libvirt."""
        return self.elapsed_ms / 1000

    @property
    def total_s(self) -> float:
        """From the order to the verified end; of a run that did not finish the job alone."""
        return self.order_s or self.elapsed_s

    @property
    def intact(self) -> bool:
        """Its memory was checked and right, and one copy of it runs."""
        checked = self.checked_pages > 0 and self.bad_pages == 0
        return checked and len(self.running_on) == 1 and self.split_brain_beats == 0

    @property
    def lost_s(self) -> t.Optional[float]:
        """Work that was not done, as the time in which the guest would have done it."""
        rate = self.rate_before_pages_per_s
        return None if rate <= 0 else max(0.0, self.busy_s - self.work_pages / rate)

    @property
    def lost_share(self) -> t.Optional[float]:
        lost_s = self.lost_s
        return None if lost_s is None or self.busy_s <= 0 else lost_s / self.busy_s


@dataclass(frozen=True)
class Calibration:
    """A plain migration of the guest while it does nothing: what it has to send, and what the link carries."""

    workload: str
    at: str
    touched_bytes: int
    link_bytes_per_s: int

    @property
    def least_s(self) -> float:
        return self.touched_bytes / self.link_bytes_per_s


@dataclass
class Results:
    runs: list[Run] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)
    machines: list[t.Mapping[str, t.Any]] = field(default_factory=list)

    def touched_bytes(self, workload: str) -> t.Optional[float]:
        found = [each.touched_bytes for each in self.calibrations if each.workload == workload]
        return statistics.median(found) if found else None

    def least_s(self, workload: str) -> t.Optional[float]:
        """The physical limit: no way to send what the guest uses is faster than the link."""
        found = [each.least_s for each in self.calibrations if each.workload == workload]
        return statistics.median(found) if found else None


class Store:
    """The results file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results = read(path)

    def add(self, entry: t.Union[Run, Calibration]) -> None:
        if isinstance(entry, Run):
            self.results.runs.append(entry)
            append(self.path, {"kind": "run", **asdict(entry)})
        else:
            self.results.calibrations.append(entry)
            append(self.path, {"kind": "calibration", **asdict(entry)})

    def add_machine(self, facts: t.Mapping[str, t.Any]) -> None:
        self.results.machines.append(facts)
        append(self.path, {"kind": "machine", **facts})


def read(path: Path) -> Results:
    results = Results()
    for document in documents(path):
        kind = document.pop("kind")
        if kind == "run":
            known = {each.name for each in fields(Run)}
            results.runs.append(Run(**{key: value for key, value in document.items() if key in known}))
        elif kind == "calibration":
            results.calibrations.append(Calibration(**document))
        else:
            results.machines.append(document)
    return results
