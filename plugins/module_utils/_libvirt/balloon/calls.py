# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of libvirt that a guest's balloon is read and set by. None of them works while a job moves the guest, but
for those that read."""

from __future__ import annotations

import typing as t

from ..._core.balloon.note import SHRUNK_NAMESPACE, SHRUNK_PREFIX, ShrunkNote, read_note
from ..._core.balloon.statistics import MemoryStatistics, statistics_of
from ..._core.units import KIB
from ..guest import Guest
from ..metadata import CONFIG, ELEMENT, LIVE, element_of
from ..timeout import CALL_LIMIT_S, within


def read_statistics(guest: Guest, limit_s: float = CALL_LIMIT_S) -> MemoryStatistics:
    """As of the last time that the guest told them, and what QEMU knows now. MONITOR_HUNG after ``limit_s``."""
    return statistics_of(within(guest.raw.memoryStats, f"reading the memory of {guest.name!r}", limit_s))


def set_period(guest: Guest, period_s: int) -> None:
    """How often the guest tells its figures; 0 for never."""
    within(
        lambda: guest.raw.setMemoryStatsPeriod(period_s, LIVE), f"asking {guest.name!r} for statistics of its memory"
    )


def set_memory(guest: Guest, size_bytes: int, flag: int = LIVE) -> None:
    """What the balloon is to leave it, which it comes to by and by; with CONFIG, at its next start."""
    within(lambda: guest.raw.setMemoryFlags(size_bytes // KIB, flag), f"setting the memory of {guest.name!r}")


def note_of(guest: Guest) -> t.Optional[ShrunkNote]:
    """That it was made smaller, and what it had. What could not be read is an error: it may have been."""
    text = element_of(guest, SHRUNK_NAMESPACE, (LIVE,))
    return None if text is None else read_note(text, guest.uuid)


def write_note(guest: Guest, note: t.Optional[ShrunkNote], flags: int = LIVE) -> None:
    """None takes it away."""
    text = note.xml() if note is not None else None
    within(
        lambda: guest.raw.setMetadata(ELEMENT, text, SHRUNK_PREFIX, SHRUNK_NAMESPACE, flags),
        f"noting the memory of {guest.name!r}",
    )


__all__ = ["CONFIG", "LIVE", "note_of", "read_statistics", "set_memory", "set_period", "write_note"]
