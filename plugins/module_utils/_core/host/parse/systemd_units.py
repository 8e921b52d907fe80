# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and timers of a guest: what systemctl says of them, and the note of those that were stopped.

The note is a file in the guest, one unit a line, below /run: it travels with the guest's memory, and is gone after a
reboot, which starts the units anyway.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ...errors import MigrationError
from ...guest_metadata import attributes_of
from ...text import shortened

NOTE_PATH = "/run/virtops-live-migration-quiesced"
MISSING = "not-found"
MOST_UNITS = 256
_MOST_CHARACTERS = 255  # of a unit's name, in systemd
_WORKING = ("active", "activating", "reloading", "refreshing")
# What systemd admits in the name of a unit, without patterns, which would reach further than the note says.
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\Z")
_STATE = re.compile(r"[a-z][a-z-]{0,39}\Z")


def checked_units(units: t.Sequence[str]) -> list[str]:
    """The units, each once and in order; raises BAD_UNIT for what is the name of none, and for too many."""
    for unit in units:
        if not _is_unit(unit):
            raise MigrationError(
                "BAD_UNIT",
                f"{unit!r:.300} is not the name of one unit of systemd.",
                state="Nothing was changed.",
                remedy="Name each unit in full, for example backup.timer. Patterns are not taken.",
            )
    found = list(dict.fromkeys(units))
    if len(found) > MOST_UNITS:
        raise MigrationError(
            "BAD_UNIT",
            f"{len(found)} units are more than the {MOST_UNITS} that are looked after in one guest.",
            state="Nothing was changed.",
            remedy="Name those that write most, or a slice or target that the others depend on.",
        )
    return found


def units_of_metadata(text: t.Any, may: t.Sequence[str]) -> tuple[list[str], list[str]]:
    """Of the attribute ``quiesce`` of an element of metadata, which anybody may have written who may edit the guest.

    The units that match one of the patterns ``may``, and a sentence for each word that does not count.
    """
    found = attributes_of(text)
    if found is None:
        return [], ["its metadata is no XML"]
    words = list(dict.fromkeys(found.values.get("quiesce", "").split()))
    if len(words) > MOST_UNITS:
        return [], [f"its metadata names {len(words)} units, more than {MOST_UNITS}"]
    units = [one for one in words if _is_unit(one) and any(fnmatch.fnmatchcase(one, pattern) for pattern in may)]
    return units, [f"its metadata may not have {shortened(one, 100)!r} stopped" for one in words if one not in units]


def _is_unit(text: str) -> bool:
    return len(text) <= _MOST_CHARACTERS and _UNIT.match(text) is not None and not text.startswith("-")


def show_arguments(unit: str) -> list[str]:
    """Of systemctl, for :func:`unit_state`."""
    return ["show", "--property=LoadState", "--property=ActiveState", "--", unit]


def unit_state(text: str) -> str:
    """``active``, ``inactive``, ``failed``, ..., or MISSING, from what ``systemctl show`` prints; else ``unknown``."""
    shown = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if shown.get("LoadState") == MISSING:
        return MISSING
    state = shown.get("ActiveState", "")
    return state if _STATE.match(state) else "unknown"


def works(state: str) -> bool:
    """Whether stopping it would change anything."""
    return state in _WORKING


def read_note(text: str) -> list[str]:
    """The units in it, each once; raises BAD_NOTE for what this collection cannot have written: the guest may have."""
    units = list(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    wrong = next((unit for unit in units if not _is_unit(unit)), None)
    if wrong is None and len(units) <= MOST_UNITS:
        return units
    why = f"{wrong!r:.300} is no unit" if wrong is not None else f"it names {len(units)} units"
    raise MigrationError(
        "BAD_NOTE",
        f"{NOTE_PATH} in the guest is not the note that was written there: {why}.",
        state="Nothing was changed by this step.",
        remedy=f"Look at {NOTE_PATH} in the guest, and at who changed it; start there what it should name, and remove"
        " it.",
    )


def note_text(units: t.Iterable[str]) -> str:
    """What :func:`read_note` reads."""
    return "".join(f"{unit}\n" for unit in units)
