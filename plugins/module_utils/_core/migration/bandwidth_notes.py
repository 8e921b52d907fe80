# SPDX-License-Identifier: GPL-3.0-or-later
"""Bandwidth limits that were in force before others were set: a document by UUID, kept on the host that holds them."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass

from ..errors import MigrationError


@dataclass(frozen=True)
class Note:
    """``former_mib_per_s``: the limit to put back. ``set_mib_per_s``: the one that was set instead. 0 is none."""

    name: str
    former_mib_per_s: int
    set_mib_per_s: int


Notes = t.Mapping[str, Note]


def read_notes(text: str) -> dict[str, Note]:
    """From the text of the file; empty is no notes. Raises MigrationError ``NOTES_DAMAGED``."""
    if not text.strip():
        return {}
    try:
        return {
            # Earlier versions wrote numbers as texts, on some versions of ansible-core.
            str(uuid): Note(str(one["name"]), int(one["former_mib_per_s"]), int(one["set_mib_per_s"]))
            for uuid, one in json.loads(text).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as exc:
        raise MigrationError(
            "NOTES_DAMAGED",
            f"The notes of former bandwidth limits cannot be read ({type(exc).__name__}).",
            state="Nothing was changed.",
            remedy="Look at the file, and move it away: limits that it noted have to be put back by hand.",
        ) from exc


def written(notes: Notes) -> str:
    """The text of the file."""
    return json.dumps(document(notes), indent=4, sort_keys=True) + "\n"


def document(notes: Notes) -> dict[str, dict[str, t.Any]]:
    """The notes as plain data, by UUID; limits in MiB/s, 0 for none."""
    return {uuid: asdict(note) for uuid, note in notes.items()}


def noted(notes: Notes, uuid: str, name: str, before_mib_per_s: int, set_mib_per_s: int) -> dict[str, Note]:
    """The notes, with that of a guest whose limit ``before_mib_per_s`` is about to be replaced.

    Where the limit in force is the one that was set by us, the note that there is keeps its former limit; any other
    limit was set by somebody else meanwhile, and is noted.
    """
    if before_mib_per_s == set_mib_per_s:
        return dict(notes)
    known = notes.get(uuid)
    former = known.former_mib_per_s if known and before_mib_per_s == known.set_mib_per_s else before_mib_per_s
    return {**notes, uuid: Note(name, former, set_mib_per_s)}


def forgotten(notes: Notes, uuid: str, set_mib_per_s: int) -> dict[str, Note]:
    """The notes without that of one guest; but it stays where another limit than ``set_mib_per_s`` was noted since."""
    known = notes.get(uuid)
    if known is None or known.set_mib_per_s != set_mib_per_s:
        return dict(notes)
    return {other: note for other, note in notes.items() if other != uuid}
