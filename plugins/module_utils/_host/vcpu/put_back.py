# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts back the quotas of virtual processors when whoever has lowered them is gone.

It is run by itself as well, as a program that has nothing but this file: ``put_back.py NOTE``. So it imports only the
standard library. Beside the note are two files that are locked: ``NOTE.held`` by whoever has lowered the quotas, for as
long as it looks after them, and ``NOTE.watched`` by this program. The kernel takes a lock from a process that dies.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import sys
import time
import typing as t

HELD, WATCHED = ".held", ".watched"
# A choice, longer than what a supervision that works ever waits for between two looks.
_SILENT_S = 60.0
_POLL_S = 0.2
_TRIES = 50
_TRIES_TO_WATCH = 10
_MOST_BYTES = 1 << 20
_PATH = re.compile(r"/.+/vcpu[0-9]{1,6}/cpu\.(max|cfs_quota_us|cfs_period_us)")
_VALUE = re.compile(r"(max|-1|[0-9]{1,15})( [0-9]{1,15})?")
_GONE = (errno.ENOENT, errno.ENODEV, errno.ENOTDIR)


class Changed(t.NamedTuple):
    """A file whose content was changed: what was in it, and what was put there since."""

    path: str
    former: str
    ours: t.Sequence[str]


def note_of(text: str) -> list[Changed]:
    """From the text of a note. Raises ValueError for what no quota's note can say."""
    document = json.loads(text)
    found = []
    for one in document["files"]:
        changed = Changed(str(one["path"]), str(one["former"]), [str(value) for value in one["ours"]])
        if not _PATH.fullmatch(changed.path) or ".." in changed.path.split("/"):
            raise ValueError(f"{changed.path!r} is no quota of a virtual processor")
        if not all(_VALUE.fullmatch(value) for value in (changed.former, *changed.ours)):
            raise ValueError(f"what was in {changed.path!r} is no quota")
        found.append(changed)
    return found


def read_note(path: str) -> t.Optional[list[Changed]]:
    """None where there is no note. Raises OSError, and ValueError as :func:`note_of`."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(number, encoding="utf-8") as file:
        try:
            return note_of(file.read(_MOST_BYTES))
        except (KeyError, TypeError, AttributeError) as exc:
            raise ValueError("it is no note") from exc


def write(path: str, text: str) -> None:
    """Into a file of a control group, which takes it at once or refuses it. Raises OSError."""
    number = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.write(number, text.encode("ascii"))
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, path) from None
    finally:
        os.close(number)


def read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read(256).strip()


def put_back(files: t.Iterable[Changed]) -> list[str]:
    """What could not be put back, a clause for each. What somebody else has put there meanwhile stays."""
    problems = []
    for one in files:
        try:
            now = read(one.path)
            if now != one.former and now in one.ours:
                write(one.path, one.former)
                now = read(one.path)
                if now != one.former:
                    problems.append(f"{one.path} is {now!r} and not {one.former!r}")
        except OSError as exc:
            if exc.errno not in _GONE:
                problems.append(f"{one.path} is not {one.former!r} again: {exc.strerror}")
    return problems


def opened(path: str) -> int:
    """A file to be locked, made where it is not there. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def locked(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clear(note: str) -> list[str]:
    """Put back what a note says, and remove it when all of it is done; what is not, a clause for each."""
    try:
        files = read_note(note)
        problems = [] if files is None else put_back(files)
    except (OSError, ValueError) as exc:
        return [f"{note} cannot be read: {exc}"]
    if not problems:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(note)
    return problems


def watch(note: str, *, silent_s: float = _SILENT_S, poll_s: float = _POLL_S) -> int:
    """Wait until whoever holds the quotas is gone, or has not been heard of for so long; then put them back."""
    own = opened(note + WATCHED)
    # Whoever asks whether a program watches takes this lock for a moment.
    for _try in range(_TRIES_TO_WATCH):
        if locked(own):
            break
        time.sleep(poll_s)
    else:
        return 0  # another one watches
    held = opened(note + HELD)
    heard, heard_s = os.fstat(held).st_mtime_ns, time.monotonic()
    while not locked(held):
        if not os.path.lexists(note):
            return 0
        now = os.fstat(held).st_mtime_ns
        if now != heard:
            heard, heard_s = now, time.monotonic()
        if time.monotonic() - heard_s >= silent_s:
            break
        time.sleep(poll_s)
    for _try in range(_TRIES):
        if not clear(note):
            return 0
        time.sleep(poll_s)
    return 1


if __name__ == "__main__":
    raise SystemExit(watch(sys.argv[1]))
