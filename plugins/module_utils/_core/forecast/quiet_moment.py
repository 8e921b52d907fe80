# SPDX-License-Identifier: GPL-3.0-or-later
"""When a guest is quiet enough to be moved by plain pre-copy, and what was seen until then."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from ..units import human_rate
from .forecast import Forecast
from .plan import PRECOPY
from .working_set import WorkingSet


@dataclass(frozen=True)
class QuietMoment:
    """One measurement, so many seconds after the search began."""

    after_s: float
    measured: WorkingSet
    way: str
    quiet: bool

    def document(self) -> dict[str, t.Any]:
        return {
            "after_s": round(self.after_s, 1),
            **asdict(self.measured),
            "way": self.way,
            "quiet": self.quiet,
        }


def quiet_enough(found: Forecast) -> bool:
    """It gets over without slowing the guest down, pausing or splitting it, and even if it writes half as much more."""
    return found.plan.way == PRECOPY and found.sure


def waiting_line(measured: WorkingSet, waited_s: float, bound_s: float) -> str:
    """For whoever watches while it is waited."""
    rate = human_rate(measured.dirty_bytes_per_s)
    return f"it writes {rate}; a calm moment is waited for, since {waited_s:.0f} s and for {bound_s:.0f} s at most"


def moment(after_s: float, measured: WorkingSet, found: Forecast) -> QuietMoment:
    """``after_s``: since the search began."""
    return QuietMoment(after_s, measured, found.plan.way, quiet_enough(found))


def calm_document(moments: t.Sequence[QuietMoment]) -> dict[str, t.Any]:
    """The search as a document: whether and when a quiet moment came. Without any there was no search."""
    last = moments[-1]
    quietest = min(moments, key=lambda one: (one.measured.working_set_bytes, one.measured.dirty_bytes_per_s))
    when = f"after {last.after_s:.0f} s" if last.after_s >= 1 else "at once"
    return {
        "quiet": last.quiet,
        "after_s": round(last.after_s, 1),
        "summary": f"Quiet enough to be moved by plain pre-copy {when}."
        if last.quiet
        else f"Not quiet enough within {last.after_s:.0f} s; the quietest moment was after {quietest.after_s:.0f} s.",
        "quietest_after_s": round(quietest.after_s, 1),
        "samples": [one.document() for one in moments],
    }
