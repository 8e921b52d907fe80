# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests need of the host or have of it, without asking them."""

from __future__ import annotations

import os
import time
import typing as t

from .._core.host.parse.procfs import thread_of, touched_bytes
from .._core.unreadable import whole
from .files import at_once, names_in, read
from .status_file import qemu_pid

PROCESSES = "/proc"
_LIMIT_S = 3.0  # a process whose mappings are being changed keeps whoever reads them waiting
_FIRMWARE = (
    "/usr/share/OVMF",
    "/usr/share/AAVMF",
    "/usr/share/edk2/ovmf",
    "/usr/share/edk2/aarch64",
    "/usr/share/edk2/x64",
    "/usr/share/qemu",
)


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


# What QEMU calls the threads that compress and send (before 9.1 and since): those of the several connections, and the
# one that compares by xbzrle and sends where there is one connection. libvirt has QEMU name its threads.
_OF_CONNECTIONS, _OF_ONE = ("multifdsend_", "mig/src/send_"), ("live_migration", "mig/src/main")


class SendingThreads:
    """The processor times of a guest's threads that compress and send its memory, from now on."""

    def __init__(self, name: str, uuid: str) -> None:
        self._name, self._uuid = name, uuid
        self._before, self._began_s = _sending_ticks(name, uuid), time.monotonic()

    def busy(self) -> t.Optional[float]:
        """The part of the time for which they ran, each by itself at most 1, on average; None: not known."""
        now, passed_s = _sending_ticks(self._name, self._uuid), time.monotonic() - self._began_s
        spent = [now[one] - self._before[one] for one in now if one in self._before]
        if not spent or passed_s <= 0:
            return None
        ticks = passed_s * os.sysconf("SC_CLK_TCK")
        return sum(min(1.0, max(0, one) / ticks) for one in spent) / len(spent)


def _sending_ticks(name: str, uuid: str) -> dict[str, int]:
    """By the threads' numbers; those of the connections where there are some. Empty: not known."""
    pid = qemu_pid(name, uuid)
    tasks = f"{PROCESSES}/{pid}/task"
    numbers = names_in(tasks) if pid is not None else []
    threads = {number: thread_of(read(f"{tasks}/{number}/stat") or "") for number in numbers}
    for beginnings in (_OF_CONNECTIONS, _OF_ONE):
        found = {key: one.ticks for key, one in threads.items() if one and one.name.startswith(beginnings)}
        if found:
            return found
    return {}


def firmware_files() -> list[str]:
    """Firmware images where distributions put them; a guest's must be at the same place on its destination."""
    found = (f"{base}/{name}" for base in _FIRMWARE for name in names_in(base))
    return sorted(path for path in found if path.endswith((".fd", ".qcow2", ".raw")))
