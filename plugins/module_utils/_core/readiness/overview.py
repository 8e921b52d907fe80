# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guests could leave a host, where to, and what is the least that would let the others."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..dataclass_json import Amount, list_from_plain
from ..text import aligned, printable

_HEAD = ("guest", "on", "can go to", "to be done first")
_WIDTHS = (24, 16, 40, 0)  # characters; 0: what the column needs


@dataclass(frozen=True)
class _Check:
    id: str
    status: str = "fail"
    summary: str = ""
    remedy: str = ""

    def document(self) -> dict[str, t.Any]:
        return {"id": self.id, "summary": self.summary, "remedy": self.remedy}


@dataclass(frozen=True)
class _Counts:
    fail: Amount
    warn: Amount


@dataclass(frozen=True)
class _Entry:
    """What is looked at of an entry of migration_readiness_info."""

    name: str
    uuid: str
    destination: str
    ready: bool
    checks: list[_Check]
    counts: _Counts
    summary: str


@dataclass(frozen=True)
class _Nearest:
    destination: str
    checks: list[_Check] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    """What is looked at of a row of the overview."""

    name: str
    host: str
    can_go_to: list[str]
    nearest: t.Optional[_Nearest]


def overview(entries: t.Any, host: str) -> list[dict[str, t.Any]]:
    """One row for each guest, from the entries of migration_readiness_info, one for each guest and destination.

    ``nearest`` is the destination with the fewest failed checks, for a guest that can go nowhere, with those checks.
    Raises NOT_READINESS.
    """
    remedy = "Give it the return value 'domains' of virtops.live_migration.migration_readiness_info."
    guests: dict[str, list[_Entry]] = {}
    for entry in list_from_plain(_Entry, entries, "domains", reason="NOT_READINESS", remedy=remedy):
        guests.setdefault(entry.uuid, []).append(entry)
    return [_row(found, host) for found in guests.values()]


def _row(found: t.Sequence[_Entry], host: str) -> dict[str, t.Any]:
    ready = [entry for entry in found if entry.ready]
    nearest = None if ready else min(found, key=lambda entry: (entry.counts.fail, entry.counts.warn))
    return {
        "name": found[0].name,
        "uuid": found[0].uuid,
        "host": host,
        "can_go_to": [entry.destination for entry in ready],
        "cannot_go_to": {entry.destination: entry.summary for entry in found if not entry.ready},
        "warnings": sorted({check.id for entry in ready for check in entry.checks if check.status == "warn"}),
        "nearest": None
        if nearest is None
        else {
            "destination": nearest.destination,
            "checks": [check.document() for check in nearest.checks if check.status == "fail"],
        },
    }


def overview_lines(rows: t.Any) -> list[str]:
    """A table, and below it what is to be done for each guest that can go nowhere. Raises NOT_AN_OVERVIEW."""
    remedy = "Give it what virtops.live_migration.readiness_overview returns."
    guests = list_from_plain(_Row, rows, "guests", reason="NOT_AN_OVERVIEW", remedy=remedy)
    if not guests:
        return ["No guests."]
    lines = aligned([_HEAD, *(_cells(guest) for guest in guests)], _WIDTHS)
    for guest in guests:
        if guest.nearest is not None:
            lines += ["", f"{printable(guest.name)}, to go to {printable(guest.nearest.destination)}:"]
            for check in guest.nearest.checks:
                lines.append(f"  {printable(check.id)}: {printable(check.summary)} {printable(check.remedy)}".rstrip())
    return lines


def _cells(guest: _Row) -> tuple[str, str, str, str]:
    first = "-" if guest.nearest is None else ", ".join(check.id for check in guest.nearest.checks)
    return guest.name, guest.host, ", ".join(guest.can_go_to) or "nowhere", first
