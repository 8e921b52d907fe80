# SPDX-License-Identifier: GPL-3.0-or-later
"""Room for a guest that found none, by sending others, which were put down before it, to other hosts."""

from __future__ import annotations

from .affinity import Unit
from .placement_state import PlacementState

# So many attempts at putting something somewhere, for one unit and for all of them: a plan has to be there in seconds
# (make bench-plan: 4.6 s for 5,000 guests of which 72 find no room).
_TRIES_EACH = 2_000
_TRIES_IN_ALL = 20_000


class Displacement:
    """A search for an augmenting path. Where all are of one size it finds a way whenever there is one."""

    def __init__(self, placing: PlacementState) -> None:
        self._placing = placing
        self._end = placing.tries + _TRIES_IN_ALL
        self._stop = 0

    def make(self, unit: Unit) -> bool:
        """Place the unit, or leave everything as it was."""
        self._stop = min(self._end, self._placing.tries + _TRIES_EACH)
        return self._try(unit, {})

    def _try(self, unit: Unit, seen: dict[str, None]) -> bool:
        placing = self._placing
        candidates = placing.candidates(unit)
        if any(placing.put(unit, host) for host in candidates):
            return True
        for host in candidates:
            if host in seen or placing.tries > self._stop:
                continue
            seen[host] = None
            for other in self._to_be_moved(host):
                if placing.tries > self._stop:
                    return False
                placing.lift(other)
                if placing.put(unit, host):
                    if self._try(other, seen):
                        return True
                    placing.lift(unit)
                placing.put_back(other, host)
        return False

    def _to_be_moved(self, host: str) -> list[Unit]:
        """The smallest first; what is bound for a host stays."""
        found = [unit for unit in self._placing.units_at[host] if not any(guest.bound_for for guest in unit)]
        return sorted(found, key=lambda unit: (sum(guest.memory_bytes for guest in unit), unit[0].key))
