# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of an evacuation as a table for the output of a play."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...dataclass_json import Amount, list_from_plain
from ...text import aligned, printable
from ...units import human_bytes, human_ms

_HEAD = ("guest", "from", "to", "outcome", "time", "downtime", "data", "remedies")
_WIDTHS = (24, 16, 16, 16, 0, 0, 0, 24)  # characters; 0: what the column needs


@dataclass(frozen=True)
class _Guest:
    """What is looked at of an element of what the module evacuation returns as ``guests``."""

    name: str
    outcome: str
    source: t.Optional[str] = None
    destination: t.Optional[str] = None
    elapsed_s: t.Optional[Amount] = None
    downtime_ms: t.Optional[Amount] = None
    sent_bytes: t.Optional[Amount] = None
    remedies: t.Optional[list[str]] = None
    reason: t.Optional[str] = None
    msg: t.Optional[str] = None
    remedy: t.Optional[str] = None


def table_lines(rows: t.Any) -> list[str]:
    """A line for each guest, and below them a line for each failure. What is not known is a dash.

    Raises NOT_A_TABLE.
    """
    remedy = "Give it the return value 'guests' of virtops.live_migration.evacuation."
    guests = list_from_plain(_Guest, rows, "guests", reason="NOT_A_TABLE", remedy=remedy)
    if not guests:
        return ["No guests."]
    lines = aligned([_HEAD, *(_cells(guest) for guest in guests)], _WIDTHS)
    return lines + [_failure(guest) for guest in guests if guest.msg]


def _failure(guest: _Guest) -> str:
    parts = (guest.name, guest.reason or "", f"{guest.msg} {guest.remedy or ''}")
    return ": ".join(printable(part) for part in parts if part).rstrip()


def _cells(guest: _Guest) -> tuple[str, ...]:
    texts = (
        guest.name,
        guest.source,
        guest.destination,
        guest.outcome.replace("_", " "),
        human_ms(guest.elapsed_s * 1000) if guest.elapsed_s is not None else None,
        human_ms(guest.downtime_ms) if guest.downtime_ms is not None else None,
        human_bytes(guest.sent_bytes) if guest.sent_bytes else None,
        ", ".join(guest.remedies or ()),
    )
    return tuple(text or "-" for text in texts)
