# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Which guests could leave a host, where to, and what is the least that would let the others."""

from __future__ import annotations

import typing as t

from .columns import aligned, printable

_HEAD = ("guest", "on", "can go to", "to be done first")
_WIDTHS = (24, 16, 40, 0)

Entry = t.Mapping[str, t.Any]


def overview(entries: t.Sequence[Entry], host: str) -> list[dict[str, t.Any]]:
    """One row for each guest, from the entries of migration_readiness_info, one for each guest and destination.

    ``nearest`` is the destination with the fewest failed checks, for a guest that can go nowhere, with those checks.
    """
    guests: dict[str, list[Entry]] = {}
    for entry in entries:
        guests.setdefault(str(entry["uuid"]), []).append(entry)
    return [_row(found, host) for found in guests.values()]


def _row(found: t.Sequence[Entry], host: str) -> dict[str, t.Any]:
    ready = [entry for entry in found if entry["ready"]]
    nearest = None if ready else min(found, key=lambda entry: (entry["counts"]["fail"], entry["counts"]["warn"]))
    return {
        "name": found[0]["name"],
        "uuid": found[0]["uuid"],
        "host": host,
        "can_go_to": [entry["destination"] for entry in ready],
        "cannot_go_to": {entry["destination"]: entry["summary"] for entry in found if not entry["ready"]},
        "warnings": sorted({check["id"] for entry in ready for check in entry["checks"] if check["status"] == "warn"}),
        "nearest": None
        if nearest is None
        else {
            "destination": nearest["destination"],
            "checks": [
                {key: check[key] for key in ("id", "summary", "remedy")}
                for check in nearest["checks"]
                if check["status"] == "fail"
            ],
        },
    }


def overview_lines(rows: t.Sequence[Entry]) -> list[str]:
    """A table, and below it what is to be done for each guest that can go nowhere."""
    if not rows:
        return ["No guests."]
    lines = aligned([_HEAD, *(_cells(row) for row in rows)], _WIDTHS)
    for row in rows:
        if row["nearest"] is not None:
            lines += ["", f"{printable(row['name'])}, to go to {printable(row['nearest']['destination'])}:"]
            for check in row["nearest"]["checks"]:
                lines.append(f"  {check['id']}: {check['summary']} {check['remedy']}".rstrip())
    return lines


def _cells(row: Entry) -> tuple[str, str, str, str]:
    nearest = row["nearest"]
    first = "-" if nearest is None else ", ".join(check["id"] for check in nearest["checks"])
    return printable(row["name"]), row["host"], ", ".join(row["can_go_to"]) or "nowhere", first
