# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What came of an evacuation as a table for the output of a play."""

from __future__ import annotations

import typing as t

from .columns import aligned, printable
from .units import human_bytes, human_ms

_HEAD = ("guest", "from", "to", "outcome", "time", "downtime", "data", "remedies")
_WIDTHS = (24, 16, 16, 16, 0, 0, 0, 24)


def table_lines(rows: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """A line for each guest, and below them a line for each failure. What is not known is a dash."""
    if not rows:
        return ["No guests."]
    lines = aligned([_HEAD, *(_cells(row) for row in rows)], _WIDTHS)
    return lines + [
        f"{printable(row['name'])}: {row['reason']}: {row['msg']} {row.get('remedy') or ''}".rstrip()
        for row in rows
        if row.get("msg")
    ]


def _cells(row: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    texts = (
        printable(row["name"]),
        row.get("source"),
        row.get("destination"),
        str(row["outcome"]).replace("_", " "),
        human_ms(int(row["elapsed_s"] * 1000)) if row.get("elapsed_s") is not None else None,
        human_ms(row["downtime_ms"]) if row.get("downtime_ms") is not None else None,
        human_bytes(row["sent_bytes"]) if row.get("sent_bytes") else None,
        ", ".join(row.get("remedies") or ()),
    )
    return tuple(str(text or "-") for text in texts)
