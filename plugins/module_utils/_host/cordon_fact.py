# SPDX-License-Identifier: GPL-3.0-or-later
"""The local fact of Ansible by which the roles note that this host takes no guests, beside the note in its libvirt."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

from .._core.errors import MigrationError
from .._core.host.cordon import FACT, KEY, said_by_fact
from .._core.json_text import read_json
from .files import read_bytes
from .whole_file import write_whole

DIRECTORY = "/etc/ansible/facts.d"
_NAME = f"{FACT}.fact"
_MOST_BYTES = 64 * 1024  # the roles write some forty

Fact = dict[str, t.Any]


def fact_path(directory: str) -> str:
    return os.path.join(directory, _NAME)


def read_fact(directory: str = DIRECTORY) -> t.Optional[Fact]:
    """The fact, or None where there is none. Raises BAD_FACT for what cannot be read: it may say anything."""
    path = fact_path(directory)
    if not _is_there(path):
        return None
    try:
        found = read_json((read_bytes(path, _MOST_BYTES + 1) or b"").decode("utf-8"), _MOST_BYTES)
    except ValueError as exc:
        raise _bad(path, str(exc)) from None
    if not isinstance(found, dict) or said_by_fact(found) is None:
        raise _bad(path, "it does not say whether the host takes guests")
    return found


def says_cordoned(fact: t.Optional[Fact]) -> bool:
    """Of a fact that was read; None: there is none."""
    return fact is not None and bool(said_by_fact(fact))


def told_by_fact(directory: str = DIRECTORY) -> t.Optional[bool]:
    """Whether the host takes no guests, by its fact; None for one that cannot be read."""
    try:
        return says_cordoned(read_fact(directory))
    except MigrationError:
        return None


def lift(directory: str, fact: Fact) -> None:
    """Take out of a fact that was read that the host takes no guests; a fact that says nothing else goes.

    What else it says stays, such as that only the return of the guests is left. Raises BAD_FACT.
    """
    path = fact_path(directory)
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise _bad(path, "it is no regular file")
        if set(fact) == {KEY}:
            os.unlink(path)
        else:
            text = json.dumps({**fact, KEY: False}, indent=4, sort_keys=True) + "\n"
            write_whole(Path(path), text, mode=stat.S_IMODE(status.st_mode))
    except OSError as exc:
        raise _bad(path, exc.strerror or str(exc)) from None


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as exc:
        raise _bad(path, str(exc)) from None
    return True


def _bad(path: str, why: str) -> MigrationError:
    return MigrationError(
        "BAD_FACT",
        f"Whether this host takes guests is not known: its local fact {path} cannot be read or changed ({why:.200}).",
        state="Nothing was changed.",
        remedy="Look at that file; where nobody empties this host, remove it.",
        evidence={"path": path},
    )
