# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A boundary in numbers, and the saying of why nothing is done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..job.downtime_limit import SHRINKS
from .actions import Action, Kind
from .history import History

_SAY_AGAIN_S = 1.0


@dataclass(frozen=True)
class Standpoint:
    """Bytes left at the last boundary and at the one before, and the downtime that they need."""

    pass_number: int
    left: float
    before: float
    need_ms: float
    numbers: t.Mapping[str, t.Any]

    @property
    def shrinks(self) -> bool:
        return self.left < SHRINKS * self.before


def standpoint(history: History, limit_ms: t.Optional[int]) -> Standpoint:
    """Where the job stands by its last boundary; raises ValueError when there is none."""
    boundary, before = history.last_boundary, history.left_before()
    if boundary is None:
        raise ValueError("no pass has ended yet")
    bandwidth = history.bandwidth_bytes_per_s
    left = float(boundary.remaining_bytes)
    need_ms = left / bandwidth * 1000 if bandwidth > 0 else float("inf")
    numbers = {
        "pass": boundary.pass_number,
        "remaining_bytes": int(left),
        "before_bytes": int(before),
        "bandwidth_bytes_per_s": int(bandwidth),
        "needed_downtime_ms": round(need_ms) if bandwidth > 0 else None,
        "limit_ms": limit_ms,
    }
    return Standpoint(boundary.pass_number, left, before, need_ms, numbers)


class Speaker:
    """Says why nothing is done: at each boundary, but not several times in a second; at each look only what is new."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._said = ("", 0.0)

    def wait(self, reason: str, text: str, numbers: t.Mapping[str, t.Any], *, every_look: bool = False) -> list[Action]:
        """``every_look``: this is found at every look, so it is said once, until something else is."""
        now_s, (said, said_s) = self._history.last.at_s, self._said
        if said == reason and (every_look or now_s - said_s < _SAY_AGAIN_S):
            return []
        self._said = (reason, now_s)
        return [Action(Kind.WAIT, reason, text, numbers)]
