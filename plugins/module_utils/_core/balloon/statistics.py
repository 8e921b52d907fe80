# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's balloon driver tells of its memory, as libvirt hands it on (``virDomainMemoryStats``).

The guest writes these figures, so they may be anything; what is made of them is bounded by what libvirt itself knows.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..units import KIB

FRESH_S = 30  # older ones tell of another state of the guest; those of its start are all that there is without a period


@dataclass(frozen=True)
class MemoryStatistics:
    """In bytes; None: not told.

    ``actual_bytes``: what the balloon leaves the guest, of which QEMU knows. ``available_bytes``: all that its kernel
    has to give out (MemTotal); ``usable_bytes``: what programs could still get without swapping (MemAvailable);
    ``unused_bytes``: what nobody uses, not even as a cache (MemFree). ``swap_out_bytes``: written to swap since its
    start. ``resident_bytes``: of the QEMU process. ``updated_s``: when the guest told it, as a time of day of its host.
    """

    actual_bytes: int
    available_bytes: t.Optional[int] = None
    usable_bytes: t.Optional[int] = None
    unused_bytes: t.Optional[int] = None
    disk_caches_bytes: t.Optional[int] = None
    swap_out_bytes: t.Optional[int] = None
    resident_bytes: t.Optional[int] = None
    updated_s: int = 0

    @property
    def told(self) -> bool:
        """Whether the guest tells what is decided by."""
        return self.available_bytes is not None and self.usable_bytes is not None and self.updated_s > 0

    @property
    def used_bytes(self) -> int:
        """What the guest's programs and kernel cannot do without."""
        return max(0, (self.available_bytes or 0) - (self.usable_bytes or 0))

    def fresh(self, now_s: float) -> bool:
        """``now_s``: the time of day of its host."""
        return self.told and now_s - self.updated_s <= FRESH_S


def statistics_of(stats: t.Mapping[str, t.Any], current_bytes: int = 0) -> MemoryStatistics:
    """``stats``: as the binding has them, in KiB. ``current_bytes``: counts where they have no ``actual``."""

    def size(name: str) -> t.Optional[int]:
        value = stats.get(name)
        return int(value) * KIB if isinstance(value, int) and value >= 0 else None

    available, usable = size("available"), size("usable")
    if available is not None and usable is not None:
        usable = min(usable, available)
    return MemoryStatistics(
        actual_bytes=size("actual") or current_bytes,
        available_bytes=available,
        usable_bytes=usable,
        unused_bytes=size("unused"),
        disk_caches_bytes=size("disk_caches"),
        swap_out_bytes=size("swap_out"),
        resident_bytes=size("rss"),
        updated_s=int(stats.get("last_update") or 0),
    )
