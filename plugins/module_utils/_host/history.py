# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of what was migrated, as files of one directory on the source host: so many of them, and no more.

One file for each, whose name begins with the time, so that the newest ones are known without opening any. Files are for
their owner only, and appear whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
import typing as t
from pathlib import Path

from .._core.json_text import read_json
from .._core.report.shortened_record import kept_record
from .files import names_in, read_bytes
from .whole_file import write_whole

_FORM = re.compile(r"(\d{8}T\d{6}Z)-(migration|evacuation)-[0-9A-Za-z._-]{1,80}\.json")
_STAMP = "%Y%m%dT%H%M%SZ"
_MOST_BYTES = 4 * 1024**2  # of a file that is read; a choice
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Kept(t.NamedTuple):
    """One record of a history. ``file``: its name in the directory."""

    file: str
    record: dict[str, t.Any]


def keep(directory: str, record: t.Mapping[str, t.Any], newest: int) -> str:
    """Write a record, and remove all but the newest; the path of its file. Raises OSError, ValueError."""
    _make(directory)
    kept = kept_record(record)
    text = json.dumps(kept, separators=(",", ":"), default=str)
    if len(text) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")
    kind = "evacuation" if "guests" in kept else "migration"
    began = kept.get("began_epoch_s")
    stamp = time.strftime(_STAMP, time.gmtime(began if isinstance(began, (int, float)) else time.time()))
    whose = re.sub(r"[^0-9A-Za-z._-]", "_", str(kept.get("uuid") or kept.get("host") or "unknown"))[:80]
    path = os.path.join(directory, f"{stamp}-{kind}-{whose}.json")
    write_whole(Path(path), text)
    for name in _names(directory)[newest:]:
        # Another run may remove it at the same moment.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    return path


def read_history(directory: str, newest: int, since_epoch_s: float) -> tuple[list[Kept], list[str]]:
    """The newest records that began since then, newest first; and names of files that are none. Raises OSError."""
    if os.path.lexists(directory):
        _check(directory)
    found: list[Kept] = []
    odd: list[str] = []
    since = time.strftime(_STAMP, time.gmtime(since_epoch_s))
    for name in [one for one in _names(directory) if one >= since][:newest]:
        content = read_bytes(os.path.join(directory, name), _MOST_BYTES + 1)
        try:
            if content is None or len(content) > _MOST_BYTES:
                raise ValueError("it is no file of a fitting size")
            record = read_json(content.decode("utf-8"))
            if not isinstance(record, dict):
                raise ValueError("it is no record")
            found.append(Kept(name, record))
        except ValueError:
            odd.append(name)
    return found, odd


def _names(directory: str) -> list[str]:
    """Of records, newest first; nothing else in the directory is touched."""
    return sorted((name for name in names_in(directory) if _FORM.fullmatch(name)), reverse=True)


def _make(directory: str) -> None:
    if not os.path.lexists(directory):
        os.makedirs(directory, mode=0o700, exist_ok=True)
    _check(directory)


def _check(directory: str) -> None:
    """Whoever else may write into it could put links there, or records of his own."""
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(f"{directory} is no directory")
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & _OTHERS_MAY_WRITE:
        raise OSError(f"others may write into {directory}")
