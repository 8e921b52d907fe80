# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, a line of JSON for each run, written at once; so that it can be gone on with."""

from __future__ import annotations

import statistics
import typing as t
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.virtops.live_migration.tests.gauntlet.lines import append, documents

from .compared import MAX_DOWNTIME_MS, Key


@dataclass(frozen=True)
class Passenger:
    """One guest of a run. ``gap_ms``: the longest time between two of its heartbeats, from the order to the end."""

    name: str
    runs_on: str
    moved: bool
    intact: bool
    downtime_ms: t.Optional[int] = None
    sent_bytes: int = 0
    gap_ms: float = 0.0
    message: str = ""

    @property
    def kept(self) -> bool:
        """A downtime that libvirt does not tell counts as too long, a tenth of tolerance as short enough."""
        return self.moved and self.downtime_ms is not None and self.downtime_ms <= 1.1 * MAX_DOWNTIME_MS


@dataclass(frozen=True)
class Run:
    """``empty_s``: from the order until libvirt was seen to run nothing on the host (None: it was cut before).

    ``module_s``: how much of that the module took in the case of ours; the rest is Ansible and SSH.
    """

    strategy: str
    repeat: int
    at: str
    empty_s: t.Optional[float]
    passengers: tuple[Passenger, ...]
    module_s: float = 0.0
    message: str = ""

    @property
    def key(self) -> Key:
        return Key(self.strategy, self.repeat)

    @property
    def harmed(self) -> list[str]:
        return [one.name for one in self.passengers if not one.intact]

    @property
    def sent_bytes(self) -> int:
        return sum(one.sent_bytes for one in self.passengers)


@dataclass(frozen=True)
class Calibration:
    """All guests moved at once while they write nothing: what that sends, and what the link carries meanwhile."""

    at: str
    sent_bytes: int
    wire_bytes: int
    wire_bytes_per_s: float

    @property
    def least_s(self) -> float:
        return self.wire_bytes / self.wire_bytes_per_s


@dataclass
class Results:
    runs: list[Run] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)
    machines: list[dict[str, t.Any]] = field(default_factory=list)

    def of(self, strategy: str) -> list[Run]:
        return [run for run in self.runs if run.strategy == strategy]

    @property
    def least_s(self) -> t.Optional[float]:
        """The physical limit: no order sends what the guests use faster than the link of their host."""
        return statistics.median(one.least_s for one in self.calibrations) if self.calibrations else None

    @property
    def idle_bytes(self) -> t.Optional[float]:
        return statistics.median(one.sent_bytes for one in self.calibrations) if self.calibrations else None


class Store:
    def __init__(self, path: Path) -> None:
        self.path, self.results = path, read(path)

    def add(self, found: t.Union[Run, Calibration]) -> None:
        if isinstance(found, Run):
            self.results.runs.append(found)
        else:
            self.results.calibrations.append(found)
        append(self.path, {"kind": type(found).__name__, **asdict(found)})

    def add_machine(self, facts: t.Mapping[str, t.Any]) -> None:
        self.results.machines.append(dict(facts))
        append(self.path, {"kind": "Machine", **facts})


def read(path: Path) -> Results:
    results = Results()
    for document in documents(path):
        kind = document.pop("kind")
        if kind == "Run":
            passengers = tuple(Passenger(**one) for one in document.pop("passengers"))
            results.runs.append(Run(**document, passengers=passengers))
        elif kind == "Calibration":
            results.calibrations.append(Calibration(**document))
        else:
            results.machines.append(document)
    return results
