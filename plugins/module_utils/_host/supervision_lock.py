# SPDX-License-Identifier: GPL-3.0-or-later
"""Who looks after a guest's migration on this host now, so that another one can leave it to them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import typing as t
from pathlib import Path

DIRECTORY = Path("/run/virtops-live-migration")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextlib.contextmanager
def supervising(uuid: str, directory: t.Optional[Path] = None) -> t.Iterator[bool]:
    """False where another process of this host looks after that guest's migration already.

    The kernel takes the lock from a process that dies. True, without a lock, where there can be none (not root).
    """
    descriptor = _opened(uuid, directory or DIRECTORY)
    try:
        yield descriptor is None or _locked(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_uuid(text: str) -> bool:
    """Whether it can be a part of a path."""
    return bool(_UUID.fullmatch(text))


def _opened(uuid: str, directory: Path) -> t.Optional[int]:
    if not is_uuid(uuid):
        return None
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        return os.open(directory / uuid, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
