# SPDX-License-Identifier: GPL-3.0-or-later
"""When a guest is quiet enough to be moved by plain pre-copy, and what was seen until then."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from ..job.downtime_limit import highest_limit_ms
from ..policy import Policy
from ..units import human_rate
from .forecast import Forecast
from .plan import PRECOPY
from .working_set import Window, WorkingSet

_QUIET_SHARE = 0.25
_SURER_S = 3  # of a window whose sample is three times that of a second; a choice


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


def next_window_s(
    last: Window, long_s: int, bandwidth_bytes_per_s: float, policy: Policy, host_devices: int
) -> t.Optional[int]:
    """How many seconds the next window of a measurement before a start has to last; None: the last one tells enough.

    A short one tells enough where pre-copy ends by it. No time as short as the window dirties more than was seen in it,
    so what a pass of that time leaves can be sent within the downtime that is allowed; and in a longer time no more is
    dirtied in each second, so that each pass leaves at most a quarter of the one before. Where only what its sample may
    have missed is against that, a somewhat longer one is the surer answer.
    """
    allowed_s = highest_limit_ms(policy.max_downtime_ms, host_devices) / 1000
    most_bytes = min(_QUIET_SHARE * last.window_s, allowed_s) * bandwidth_bytes_per_s
    if last.window_s >= long_s or last.unique_bytes + last.doubt_bytes <= most_bytes:
        return None
    return _SURER_S if last.unique_bytes <= most_bytes and last.window_s < _SURER_S < long_s else long_s


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
