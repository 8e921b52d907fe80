# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that the host has given to a guest's QEMU process."""

from __future__ import annotations

import os
import typing as t

from .._core.host.parse.procfs import touched_bytes
from .._core.unreadable_text import whole
from .files import at_once, read
from .status_file import qemu_pid

PROCESSES = "/proc"
_LIMIT_S = 3.0  # a process whose mappings are being changed keeps whoever reads them waiting


class GivenMemory(t.NamedTuple):
    """``size_bytes``: of a guest's memory what the host has really given it, which is about what a first pass sends.

    ``known_from``: where the figure is from, as the end of a sentence.
    """

    size_bytes: int
    known_from: str


def guest_memory(name: str, uuid: str, whole_bytes: int) -> t.Optional[GivenMemory]:
    """The memory of a guest that runs on this machine, or None when not known. ``whole_bytes``: its maximum.

    From the mappings of its process; where they may not be read, which takes more rights, from the size of the process,
    which has QEMU's own memory in it as well: 521 MiB where the mapping had 410. The process is the one that libvirt's
    status file names, and that has the guest's UUID: another guest of this name may have run here, or run in another
    daemon.
    """
    pid = qemu_pid(name, uuid)
    if pid is None or whole_bytes <= 0:
        return None
    mappings = at_once({"smaps": lambda: read(f"{PROCESSES}/{pid}/smaps")}, _LIMIT_S).get("smaps")
    found = touched_bytes(mappings.splitlines(), whole_bytes) if mappings else None
    if found is not None:
        return GivenMemory(found, "the mapping of its memory")
    words = (read(f"{PROCESSES}/{pid}/statm") or "").split()
    pages = whole(words[1]) if len(words) > 1 else None
    if not pages:
        return None
    size = pages * os.sysconf("SC_PAGE_SIZE")
    return GivenMemory(min(size, whole_bytes), "the size of its QEMU process, which is somewhat more")
