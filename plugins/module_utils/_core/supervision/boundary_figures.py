# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a job stands by its last boundary, in the figures that decisions in pre-copy rest on."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..job.downtime_limit import SHRINKS
from ..units import seconds_for, whole
from .history import History


@dataclass(frozen=True)
class BoundaryFigures:
    """Bytes left at the last boundary and the one before, and the downtime that the last need (infinite: not known)."""

    pass_number: int
    left_bytes: float
    before_bytes: float
    need_ms: float
    numbers: t.Mapping[str, t.Any]

    @property
    def shrinks(self) -> bool:
        return self.left_bytes < SHRINKS * self.before_bytes


def boundary_figures(history: History, limit_ms: t.Optional[int]) -> BoundaryFigures:
    """Where the job stands by its last boundary; raises ValueError when there is none."""
    boundary, before = history.last_boundary, history.left_before()
    if boundary is None:
        raise ValueError("no pass has ended yet")
    bandwidth = history.bandwidth_bytes_per_s
    left = float(boundary.remaining_bytes)
    need_ms = seconds_for(left, bandwidth) * 1000
    numbers = {
        "pass": boundary.pass_number,
        "remaining_bytes": int(left),
        "before_bytes": int(before),
        "bandwidth_bytes_per_s": int(bandwidth),
        "needed_downtime_ms": whole(need_ms),
        "limit_ms": limit_ms,
    }
    return BoundaryFigures(boundary.pass_number, left, before, need_ms, numbers)
