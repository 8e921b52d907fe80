# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `migration` for a guest of the lab, and its account."""

from __future__ import annotations

import typing as t

from .runs import Result, Task, task
from .subject import LINK_MBIT, Subject

MODULE = "migration"
LINK_MIB_PER_S = LINK_MBIT * 0.114  # what arrives of it


def move(guest: Subject, /, *, check: bool = False, to: str = "", **arguments: t.Any) -> Task:
    """To its other host."""
    there = f"qemu+tcp://{to or guest.destination}/system"
    words = {"name": guest.name, "destination_uri": there, "link_mib_per_s": LINK_MIB_PER_S, **arguments}
    return task(MODULE, check=check, **words)


def actions(result: Result) -> list[str]:
    return [action["action"] for action in result["actions"]]


def downtime_limits(result: Result) -> set[int]:
    """Those that QEMU was seen to have while it was looked after, and those that were set, in ms. How long a guest then
    stands still is a matter of the machine, too."""
    record = result["record"]
    column = record["columns"].index("max_downtime_ms")
    seen = {look[column] for look in record["looks"] if look[column] is not None}
    return seen | {action["value"] for action in result["actions"] if action["action"] == "set_downtime"}
