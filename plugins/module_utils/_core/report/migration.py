# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a migration as what is drawn of it: when what was left, sent, written, allowed and decided.

Times are seconds of the job, as libvirt counts them, so that of one that was adopted the beginning is missing.
"""

from __future__ import annotations

import statistics
import typing as t
from dataclasses import dataclass, field

from ..dataclass_json import Amount, from_plain
from .axis import finite

_REMEDY = "Give the record that migration or migration_rescue has returned, or a file of a history."
_SILENT_S = 2.0  # QEMU tells its figures anew twice a second
_GAPS = 4.0  # looks are that much further apart than they mostly are
_LEAST_GAP_S = 5.0  # shorter ones are not drawn
_RUNNING = ("setup", "precopy", "switchover", "postcopy", "postcopy_failed")
_NEEDED = ("at_s", "phase", "elapsed_ms", "memory_processed_bytes", "memory_remaining_bytes")


@dataclass(frozen=True)
class Decision:
    at_s: Amount
    action: str
    reason: str
    because: str
    elapsed_ms: t.Optional[Amount] = None
    numbers: dict[str, t.Any] = field(default_factory=dict)
    value: t.Optional[Amount] = None
    apply: bool = True

    @property
    def waits(self) -> bool:
        return self.action == "wait"


@dataclass(frozen=True)
class Policy:
    max_downtime_ms: t.Optional[Amount] = None
    max_throttle_percent: t.Optional[Amount] = None
    deadline_s: t.Optional[Amount] = None


@dataclass(frozen=True)
class Course:
    """How it was expected to go."""

    total_s: t.Optional[Amount] = None
    sent_bytes: t.Optional[Amount] = None
    downtime_ms: t.Optional[Amount] = None
    passes: t.Optional[Amount] = None


@dataclass(frozen=True)
class Basis:
    bandwidth_bytes_per_s: t.Optional[Amount] = None
    dirty_bytes_per_s: t.Optional[Amount] = None


@dataclass(frozen=True)
class Forecast:
    way: str = ""
    summary: str = ""
    expected: t.Optional[Course] = None
    worst: t.Optional[Course] = None
    basis: t.Optional[Basis] = None


@dataclass(frozen=True)
class Record:
    """What is looked at of a record."""

    looks: list[list[t.Any]]
    columns: list[str]
    name: str
    uuid: str = ""
    outcome: str = ""
    elapsed_ms: t.Optional[Amount] = None
    downtime_ms: t.Optional[Amount] = None
    sent_bytes: t.Optional[Amount] = None
    contract: Policy = field(default_factory=Policy)
    forecast: t.Optional[Forecast] = None
    decisions: list[Decision] = field(default_factory=list)
    boundaries: list[list[Amount]] = field(default_factory=list)
    thinned: bool = False
    began_epoch_s: t.Optional[Amount] = None
    source: str = ""
    destination: str = ""


@dataclass(frozen=True)
class Look:
    at_s: float
    phase: str
    left_bytes: float
    sent_bytes: float
    bandwidth: t.Optional[float]
    dirty: t.Optional[float]
    throttle: float
    limit_ms: t.Optional[float]
    results: list[t.Any]


@dataclass(frozen=True)
class Shade:
    """``kind``: ``setup``, ``postcopy``, ``broken``, ``standstill``, ``silence`` (not a byte was sent) or ``unseen``
    (nobody could look)."""

    kind: str
    begin_s: float
    end_s: float


@dataclass(frozen=True)
class Story:
    """One migration. ``boundaries``: pass, bytes left, when. ``allowed``: what the policy allows in milliseconds."""

    record: Record
    looks: list[Look]
    boundaries: list[tuple[int, float, float]]
    decisions: list[tuple[float, Decision]]
    shades: list[Shade]
    needed_ms: list[tuple[float, float]]
    end_s: float

    @property
    def outcome(self) -> str:
        return self.record.outcome or "not known"

    @property
    def set_up_s(self) -> float:
        """How long it took until the first byte could be sent, which no forecast counts."""
        return sum(one.end_s - one.begin_s for one in self.shades if one.kind == "setup")

    @property
    def remedies(self) -> list[str]:
        done = [one.action for _at, one in self.decisions if one.apply and not one.waits and one.action != "leave"]
        return list(dict.fromkeys(done))


def story_of(document: t.Any, where: str = "record") -> Story:
    """Raises NOT_A_RECORD."""
    record = from_plain(Record, document, where, reason="NOT_A_RECORD", remedy=_REMEDY)
    rows = [dict(zip(record.columns, row)) for row in record.looks]
    rows = [row for row in rows if all(key in row for key in _NEEDED) and finite(row["at_s"]) is not None]
    offset = _offset_s(rows)
    looks = [_look(row, offset) for row in rows]
    looks.sort(key=lambda one: one.at_s)
    boundaries = [(int(one[0]), float(one[1]), one[2] + offset) for one in record.boundaries if len(one) >= 3]
    decisions = [(max(one.at_s + offset, 0.0), one) for one in record.decisions]
    ends = [look.at_s for look in looks] + [at_s for at_s, _one in decisions]
    return Story(
        record,
        looks,
        boundaries,
        decisions,
        _shades(looks, record),
        _needed(looks, boundaries, decisions),
        max(ends, default=0.0),
    )


def _offset_s(rows: t.Sequence[t.Mapping[str, t.Any]]) -> float:
    """From the clock of the record to the seconds of the job, by the first look that tells both."""
    for row in rows:
        elapsed = finite(row["elapsed_ms"])
        if elapsed:
            return elapsed / 1000 - float(row["at_s"])
    return -float(rows[0]["at_s"]) if rows else 0.0


def _look(row: t.Mapping[str, t.Any], offset: float) -> Look:
    def value(key: str) -> float:
        return finite(row.get(key)) or 0.0

    page, pages = value("page_size_bytes") or 4096.0, finite(row.get("dirty_pages_per_s"))
    moving = row["phase"] in ("precopy", "switchover", "postcopy")
    results = row.get("results")
    return Look(
        max(float(row["at_s"]) + offset, 0.0),
        str(row["phase"]),
        value("memory_remaining_bytes") + value("disk_remaining_bytes"),
        value("memory_processed_bytes") + value("disk_processed_bytes"),
        value("bandwidth_bytes_per_s") if moving else None,
        pages * page if moving and pages is not None else None,
        value("throttle_percent"),
        finite(row.get("max_downtime_ms")),
        results if isinstance(results, list) else [],
    )


def _shades(looks: t.Sequence[Look], record: Record) -> list[Shade]:
    found: list[Shade] = []
    kinds = {"setup": "setup", "postcopy": "postcopy", "postcopy_failed": "broken", "switchover": "standstill"}
    for look, following in zip(looks, looks[1:]):
        kind = kinds.get(look.phase)
        if kind is not None:
            found.append(Shade(kind, look.at_s, following.at_s))
    return _joined(found) + _standstill(looks, record) + _silences(looks)


def _standstill(looks: t.Sequence[Look], record: Record) -> list[Shade]:
    """As long as libvirt tells in the end: before the end, or where post-copy began."""
    if not looks or not record.downtime_ms or any(look.phase == "switchover" for look in looks):
        return []
    end_s = next((look.at_s for look in looks if look.phase == "postcopy"), looks[-1].at_s)
    return [Shade("standstill", max(end_s - record.downtime_ms / 1000, 0.0), end_s)]


def _silences(looks: t.Sequence[Look]) -> list[Shade]:
    """Where not a byte was sent, and where looks are further apart than they mostly are."""
    distances = [b.at_s - a.at_s for a, b in zip(looks, looks[1:])]
    gap_s = max(_LEAST_GAP_S, _GAPS * statistics.median(distances)) if distances else _LEAST_GAP_S
    found: list[Shade] = []
    for look, following in zip(looks, looks[1:]):
        still = look.phase in ("precopy", "postcopy", "postcopy_failed") and following.phase in _RUNNING
        if still and following.sent_bytes == look.sent_bytes:
            found.append(Shade("silence", look.at_s, following.at_s))
        elif following.at_s - look.at_s > gap_s:
            found.append(Shade("unseen", look.at_s, following.at_s))
    return [one for one in _joined(found) if one.end_s - one.begin_s >= _SILENT_S]


def _joined(shades: t.Sequence[Shade]) -> list[Shade]:
    found: list[Shade] = []
    for one in shades:
        if found and found[-1].kind == one.kind and found[-1].end_s == one.begin_s:
            found[-1] = Shade(one.kind, found[-1].begin_s, one.end_s)
        else:
            found.append(one)
    return found


def _needed(
    looks: t.Sequence[Look],
    boundaries: t.Sequence[tuple[int, float, float]],
    decisions: t.Sequence[tuple[float, Decision]],
) -> list[tuple[float, float]]:
    """The downtime that would have been needed: as was decided by it, else what was left over the bandwidth."""
    found: dict[float, float] = {}
    for _number, left_bytes, at_s in boundaries:
        before = [look for look in looks if look.at_s <= at_s + 0.01 and look.bandwidth]
        if before:
            found[round(at_s, 3)] = 1000 * left_bytes / t.cast(float, before[-1].bandwidth)
    for at_s, decision in decisions:
        needed = finite(decision.numbers.get("needed_downtime_ms"))
        if needed is not None:
            found[round(at_s, 3)] = needed
    return sorted(found.items())
