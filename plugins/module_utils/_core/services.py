# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Services and timers of a guest: what systemctl says of them, and the note of those that were stopped.

The note is a file in the guest, one unit a line, below /run: it travels with the guest's memory, and is gone after a
reboot, which starts the units anyway.
"""

from __future__ import annotations

import re
import typing as t

from .errors import MigrationError

NOTE_PATH = "/run/virtops-live-migration-quiesced"
MISSING = "not-found"
_WORKING = ("active", "activating", "reloading", "refreshing")
# What systemd admits in the name of a unit, without patterns, which would reach further than the note says.
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\Z")


def checked_units(units: t.Sequence[str]) -> list[str]:
    """The units, each once and in order; raises BAD_UNIT for what is the name of none."""
    for unit in units:
        if not _UNIT.match(unit) or unit.startswith("-"):
            raise MigrationError(
                "BAD_UNIT",
                f"{unit!r} is not the name of one unit of systemd.",
                state="Nothing was changed.",
                remedy="Name each unit in full, for example backup.timer. Patterns are not taken.",
            )
    return list(dict.fromkeys(units))


def show_arguments(unit: str) -> list[str]:
    return ["show", "--property=LoadState", "--property=ActiveState", "--", unit]


def unit_state(text: str) -> str:
    """``active``, ``inactive``, ``failed``, ..., or MISSING, from what ``systemctl show`` prints."""
    shown = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if shown.get("LoadState") == MISSING:
        return MISSING
    return shown.get("ActiveState", "unknown")


def works(state: str) -> bool:
    """Whether stopping it would change anything."""
    return state in _WORKING


def read_note(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def note_text(units: t.Iterable[str]) -> str:
    return "".join(f"{unit}\n" for unit in units)
