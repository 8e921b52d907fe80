# SPDX-License-Identifier: GPL-3.0-or-later
"""An evacuation as a report reads it from the result of the module, or from its record."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..dataclass_json import Amount, from_plain
from .axis import finite
from .migration import Course

_REMEDY = "Give what virtops.live_migration.evacuation has returned, or a file of a history."
_GOOD = ("moved", "adopted", "recovered", "already_there", "shut_down", "already_off", "started", "unmarked")


@dataclass(frozen=True)
class Guest:
    name: str
    outcome: str
    strategy: str = "migrate"
    source: t.Optional[str] = None
    destination: t.Optional[str] = None
    runs_on: t.Optional[str] = None
    elapsed_s: t.Optional[Amount] = None
    transfer_ms: t.Optional[Amount] = None
    downtime_ms: t.Optional[Amount] = None
    sent_bytes: t.Optional[Amount] = None
    remedies: t.Optional[list[str]] = None
    attempts: t.Optional[Amount] = None
    reason: t.Optional[str] = None
    msg: t.Optional[str] = None
    state: t.Optional[str] = None
    remedy: t.Optional[str] = None
    stages: list[list[t.Any]] = field(default_factory=list)
    expected: t.Optional[Course] = None

    @property
    def good(self) -> bool:
        return self.outcome in _GOOD

    @property
    def begins_s(self) -> float:
        return next((at_s for at_s, stage, _where in self.spans() if stage != "waiting"), float("inf"))

    def spans(self) -> list[tuple[float, str, str]]:
        found = [(finite(one[0]), one[1], one[2]) for one in self.stages if len(one) >= 3]
        return [(at_s, str(stage), str(where)) for at_s, stage, where in found if at_s is not None]


@dataclass(frozen=True)
class Destination:
    name: str
    link_mib_per_s: t.Optional[Amount] = None


@dataclass(frozen=True)
class Evacuation:
    """``loads``: seconds, and the bytes per second to each of ``links``. ``told``: seconds, and the time that was said
    to be left, guests done and failed then."""

    guests: list[Guest]
    host: str = ""
    purpose: str = "evacuate"
    began_epoch_s: t.Optional[Amount] = None
    elapsed_s: t.Optional[Amount] = None
    stopped: str = ""
    empty: t.Optional[bool] = None
    destinations: list[Destination] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[list[t.Any]] = field(default_factory=list)
    told: list[list[t.Any]] = field(default_factory=list)

    @property
    def end_s(self) -> float:
        at_s = [finite(row[0]) or 0.0 for row in [*self.loads, *self.told] if row]
        return max([float(self.elapsed_s or 0.0), *at_s, 0.001])

    @property
    def bad(self) -> list[Guest]:
        return [one for one in self.guests if not one.good and one.outcome != "left"]


def evacuation_of(document: t.Any, where: str = "evacuation") -> Evacuation:
    """From the result of the module, or from its record. Raises NOT_AN_EVACUATION."""
    if isinstance(document, dict) and isinstance(document.get("record"), dict):
        document = document["record"]
    return from_plain(Evacuation, document, where, reason="NOT_AN_EVACUATION", remedy=_REMEDY)
