# SPDX-License-Identifier: GPL-3.0-or-later
"""A small file on this host that several processes read and change."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import typing as t
from pathlib import Path

from .._core.errors import MigrationError
from .files import open_regular
from .whole_file import write_whole

_MOST_BYTES = 16 * 1024**2  # a choice: 100,000 notes
_LIMIT_S = 20.0  # for the lock: others hold it for milliseconds; a choice
_PAUSE_S = 0.05


def changed_alone(path: Path, change: t.Callable[[str], str], dry: bool = False) -> tuple[str, str]:
    """The text of the file before and after ``change``, during which nobody else changes it this way.

    A file that is not there has an empty text, and an empty text removes the file. It is replaced as a whole, for its
    owner only. ``dry``: only say what it would be. The directory must be there, unless ``dry`` or nothing is to be
    written. Raises MigrationError ``FILE_BUSY``, OSError: also for what is no regular file, too large, or no text.
    """
    with _lock(path.parent):
        before = _text_of(path)
        after = change(before)
        if not dry and after != before:
            _replace(path, after)
        return before, after


def _text_of(path: Path) -> str:
    try:
        descriptor = open_regular(str(path))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    with open(descriptor, "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {_MOST_BYTES} bytes", str(path))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "it is not UTF-8", str(path)) from None


@contextlib.contextmanager
def _lock(directory: Path) -> t.Iterator[None]:
    """Of the directory, so that no file of its own is left behind; the kernel takes it from a process that dies."""
    if not directory.is_dir():
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline_s = time.monotonic() + _LIMIT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise MigrationError(
                        "FILE_BUSY",
                        f"Somebody else has held the lock of {directory} for {_LIMIT_S:g} s.",
                        state="Nothing was changed.",
                        remedy="Run it again when the other run has ended.",
                    ) from None
                time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    if not text:
        path.unlink()
        return
    write_whole(path, text)
