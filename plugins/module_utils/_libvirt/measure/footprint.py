# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""How much memory a guest has touched at all, and how much the source can spare for its migration."""

from __future__ import annotations

from pathlib import Path

from ..._core.host.parse.resident import touched_bytes
from ..._core.units import KIB, MIB
from ..._host.status_file import qemu_pid
from ..connection import Connection, libvirt
from ..guest import Guest
from ..timeout import within
from .dirty_rate import memory_bytes

PROCESSES = Path("/proc")
_LEAST_CACHE_BYTES = 64 * MIB


def touched_memory(connection: Connection, guest: Guest) -> tuple[int, str]:
    """The guest's touched memory: from the kernel where it can be asked, else from libvirt, else all of it."""
    whole = memory_bytes(guest)
    pid = qemu_pid(guest.name, guest.uuid) if connection.local else None
    if pid is not None:
        try:
            with (PROCESSES / str(pid) / "smaps").open(encoding="ascii", errors="replace") as lines:
                found = touched_bytes(lines, whole)
        except (OSError, ValueError):
            found = None
        if found is not None:
            return found, "the mapping of its memory"
    try:
        resident_kib = int(within(guest.raw.memoryStats, f"reading the memory of {guest.name!r}").get("rss", 0))
    except libvirt.libvirtError:
        resident_kib = 0
    if 0 < resident_kib * KIB < whole:
        return resident_kib * KIB, "the size of its QEMU process, which is somewhat more"
    return whole, "the size of its memory"


def spare_cache_bytes(connection: Connection, guest: Guest) -> int:
    """What the source can spare for a compression cache: a quarter of what is free, half the guest's size at most."""
    try:
        memory = within(lambda: connection.raw.getMemoryStats(-1), "reading this host's memory")
    except libvirt.libvirtError:
        return 0
    free = sum(int(memory.get(key, 0)) for key in ("free", "buffers", "cached")) * KIB
    spare = min(free // 4, memory_bytes(guest) // 2)
    return spare if spare >= _LEAST_CACHE_BYTES else 0
