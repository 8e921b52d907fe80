# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""How much of its memory a guest has ever touched, from the kernel's account of its QEMU process.

The resident size of the process overestimates it: QEMU's own code and buffers count there (521 MiB where 390 were
sent). The mapping that holds the guest's memory is the one that matters.
"""

from __future__ import annotations

import re
import typing as t

from ...errors import MigrationError
from ...units import KIB
from ...unreadable import odd, whole

_ENDS = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})")
_HELD = ("Rss:", "Swap:", "Private_Hugetlb:", "Shared_Hugetlb:")


def touched_bytes(smaps: t.Iterable[str], memory_bytes: int) -> t.Optional[int]:
    """From the lines of ``/proc/PID/smaps``; None when no mappings of that size are there, or it is not understood.

    The largest writable mappings that hold no code are the guest's memory: one, or one for each NUMA node.
    """
    try:
        found = sorted(_mappings(smaps), reverse=True)
    except MigrationError:
        return None
    size = held = 0
    for mapped, resident in found:
        if size >= 0.99 * memory_bytes:
            break
        size, held = size + mapped, held + resident
    # Many small mappings that add up to it are something else.
    if size < 0.99 * memory_bytes or not found or found[0][0] < memory_bytes / 64:
        return None
    return min(held, memory_bytes) or None


def _mappings(lines: t.Iterable[str]) -> t.Iterator[tuple[int, int]]:
    """Size and held bytes of each mapping that could be a guest's memory. Raises ODD_TEXT."""
    size = held = 0
    for line in lines:
        words = line.split(None, 2)
        if len(words) >= 2 and words[0] in _HELD:
            kib = whole(words[1])
            if kib is None:
                raise odd("A mapping of QEMU", line)
            held += kib * KIB
        elif len(words) >= 2 and "-" in words[0] and len(words[1]) == 4:
            if size:
                yield size, held
            ends = _ENDS.fullmatch(words[0])
            length = int(ends[2], 16) - int(ends[1], 16) if ends else -1
            if length < 0:
                raise odd("A mapping of QEMU", line)
            size, held = (length if words[1].startswith("rw-") else 0), 0
    if size:
        yield size, held
