# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's memory is looked at, and what it can spare is taken from it, before it is migrated."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ..._core.balloon.note import ShrunkNote
from ..._core.balloon.reclaim import Obstacle, Reclaim, not_worth_it, obstacle, reclaimable
from ..._core.balloon.statistics import MemoryStatistics
from ..._core.balloon.steps import Shrinking, Stop
from ..._core.errors import MigrationError
from ..._core.host.parse.domain_xml import parse_domain
from ..._core.units import KIB
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within
from .calls import read_statistics, set_memory, set_period, write_note

_OWN_PERIOD_S = 1  # the shortest that there is
_TELLS_WITHIN_S = 4.0
_POLL_S = 0.1


@dataclass(frozen=True)
class Taken:
    """What came of it. ``resident_bytes``: by how much less the host gives it now. ``held``: what it told then."""

    left_bytes: int
    resident_bytes: int
    took_s: float
    stop: Stop
    held: MemoryStatistics


class Taking:
    """For one guest that runs, and that no job holds. ``note``: what was written into it, so that it gets it back."""

    def __init__(self, guest: Guest, keep_bytes: int) -> None:
        self._guest, self.keep_bytes = guest, keep_bytes
        self._first: t.Optional[MemoryStatistics] = None
        self._asked_s = 0.0
        self._period_s: t.Optional[int] = None  # what it was, once it is another
        self._touched_bytes, self._emulated = 0, False
        self.note: t.Optional[ShrunkNote] = None

    def begin(self) -> t.Optional[Obstacle]:
        """Ask the guest for figures, which it tells while something else is measured; or why it is not done."""
        guest = self._guest
        definition = parse_domain(within(lambda: guest.raw.XMLDesc(0), f"reading the definition of {guest.name!r}"))
        found = obstacle(definition)
        if found is not None:
            return found
        if not guest.state().running:
            return Obstacle("STANDS_STILL", "it stands still, so that its balloon does nothing")
        self._emulated = definition.type == "qemu"
        self._first = read_statistics(guest)
        if definition.balloon.period_s != _OWN_PERIOD_S:
            set_period(guest, _OWN_PERIOD_S)
            self._period_s = definition.balloon.period_s
        self._asked_s = time.monotonic()
        return None

    def look(self, touched_bytes: int, bandwidth_bytes_per_s: int) -> t.Union[Reclaim, Obstacle]:
        """What can be done without, or why nothing is taken; 0 for a bandwidth that is not known."""
        now = self._told()
        if now is None:
            return Obstacle("NO_STATISTICS", "it tells no figures of its memory: no driver for the balloon runs in it")
        if self._first is not None and now.actual_bytes != self._first.actual_bytes:
            return Obstacle("CHANGED", "somebody else changes its balloon at the moment")
        self._touched_bytes = touched_bytes
        found = self._reclaimable(now)
        return not_worth_it(found, bandwidth_bytes_per_s) or found

    def _reclaimable(self, told: MemoryStatistics) -> Reclaim:
        return reclaimable(told, self._touched_bytes, self.keep_bytes, emulated=self._emulated)

    def _told(self) -> t.Optional[MemoryStatistics]:
        """The first figures that it has told since it was asked."""
        deadline_s = self._asked_s + _TELLS_WITHIN_S
        while True:
            now = read_statistics(self._guest)
            if now.told and (self._first is None or now.updated_s > self._first.updated_s):
                return now
            if time.monotonic() >= deadline_s:
                return None
            time.sleep(_POLL_S)

    def take(self, *, persistent: bool) -> Taken:
        """After :meth:`look`, by what the guest tells now: it may have waited for its turn. What it had is noted first.

        ``persistent``: whether it is defined on this host. Raises what keeps the note from being written.
        """
        guest, begin_s = self._guest, time.monotonic()
        first = read_statistics(guest)
        reclaim = self._reclaimable(first)
        self.note = ShrunkNote(
            guest.uuid,
            former_bytes=reclaim.from_bytes,
            set_bytes=reclaim.floor_bytes,
            period_s=self._period_s if self._period_s is not None else _OWN_PERIOD_S,
            transient=not persistent,
        )
        write_note(guest, self.note)
        engine = Shrinking(first, reclaim, begin_s)
        while True:
            found = read_statistics(guest)
            step = engine.next(time.monotonic(), found)
            if step.set_bytes is not None:
                set_memory(guest, max(step.set_bytes, reclaim.floor_bytes))
            if step.stop is not None:
                break
            if step.set_bytes is None:
                time.sleep(_POLL_S)
        left = step.set_bytes if step.set_bytes is not None else found.actual_bytes
        self._note_end(step.stop, engine.target_bytes if step.stop is Stop.CHANGED else left)
        last = read_statistics(guest)
        freed = max(0, (first.resident_bytes or 0) - (last.resident_bytes or 0))
        return Taken(left, freed, round(time.monotonic() - begin_s, 1), step.stop, last)

    def _note_end(self, stop: Stop, set_bytes: int) -> None:
        """Exactly what the balloon was told last, so that a change by somebody else is seen. A guest that gets some
        back at once, as it swaps, is under way still."""
        if stop is not Stop.SWAPPING and self.note is not None:
            self.note = replace(self.note, set_bytes=set_bytes // KIB * KIB, held=True)
            write_note(self._guest, self.note)

    def end(self) -> None:
        """Its statistics as they were, where nothing was taken from it: what is noted, whoever gives it back undoes."""
        if self._period_s is None or self.note is not None:
            return
        try:
            set_period(self._guest, self._period_s)
        except (MigrationError, libvirt.libvirtError):
            return  # it tells more than it has to, which harms nobody
        self._period_s = None
