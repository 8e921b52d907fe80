# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others may read at any moment: each is there as a whole, as it was or as it is now."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: t.Optional[int] = None, durable: bool = True) -> None:
    """Put the text in the place of the file. Raises OSError, and leaves no other file behind.

    ``mode``: its permissions; None: for its owner only. ``durable``: it is on the disk before it is in its place.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            if mode is not None:
                # Not by its name: whoever owns the directory may have put a link to another file there.
                os.fchmod(file.fileno(), mode)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
