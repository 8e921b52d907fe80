# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a guest that was made smaller runs short of memory while it is sent. Nothing can be given to it then: libvirt
allows no change of memory during a migration, which has to end first."""

from __future__ import annotations

from ..units import MIB, human_bytes
from .statistics import MemoryStatistics

_SWAPPED_BYTES = 16 * MIB  # a kernel writes a little to swap now and then
_LEFT_SHARE = 0.125  # of what it was to keep


def pressure(held: MemoryStatistics, now: MemoryStatistics, keep_bytes: int) -> str:
    """As a clause; empty for none. ``held``: when it had been made smaller; ``keep_bytes``: what it was to keep."""
    if not now.told or now.updated_s <= held.updated_s:
        return ""
    swapped = (now.swap_out_bytes or 0) - (held.swap_out_bytes or 0)
    if swapped > _SWAPPED_BYTES:
        return f"it has written {human_bytes(swapped)} to swap since"
    left = now.usable_bytes or 0
    if left < _LEFT_SHARE * min(keep_bytes, held.usable_bytes or 0):
        return f"of the {human_bytes(keep_bytes)} that it was to keep, {human_bytes(left)} are left"
    return ""
