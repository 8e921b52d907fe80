# SPDX-License-Identifier: GPL-3.0-or-later
"""Over how long a time a guest's writing is measured."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from ..job.downtime_limit import highest_limit_ms
from ..policy import Policy
from .forecast import Forecast
from .plan import NO_WAY
from .simulation import MigrationFacts
from .working_set import Window

_LONG_WINDOW_S = (4, 20)  # at least, so that it tells more than the short one; at most, so that nobody waits long
_QUIET_SHARE = 0.25
_SURER_S = 3  # of a window whose sample is three times that of a second; a choice
_WORTH_SHARE = 0.15  # of the time that all memory takes once: waiting so much longer makes the plan better; a choice


def measuring_windows_s(least_s: float) -> tuple[int, int]:
    """The windows to measure over, in whole seconds: a short one for the rate, and one as long as the first pass.

    What a guest rewrites within a pass is only seen in a window of that length; ``least_s``: memory over bandwidth.
    """
    low, high = _LONG_WINDOW_S
    return 1, min(high, max(low, math.ceil(least_s)))


def next_window_s(
    last: Window, facts: MigrationFacts, policy: Policy, forecast_of: t.Callable[[MigrationFacts], Forecast]
) -> t.Optional[int]:
    """How many seconds the next window of a measurement before a start has to last; None: what is known is enough.

    A short one is enough where pre-copy surely ends by it. No time as short as the window dirties more than was seen
    in it, so what a pass of that time leaves can be sent within the downtime that is allowed; and in a longer time no
    more is dirtied in each second, so that each pass leaves at most a quarter of the one before.

    ``facts``: with what all windows tell. After one of them the guest may go on writing to ever new memory, or may have
    dirtied all that it ever does, and at once. Where the forecast knows a way for both, a longer window can only make
    the way better, and lasts no longer than that is worth. Where it knows none for one of them, the long window tells
    which it is; or a somewhat longer one, where only what the sample of the short one may have missed is against it.
    """
    measured, bandwidth = facts.measured, facts.bandwidth_bytes_per_s
    least_s = facts.touched_bytes / bandwidth
    _short_s, long_s = measuring_windows_s(least_s)
    allowed_s = highest_limit_ms(policy.max_downtime_ms, facts.host_devices) / 1000
    most_bytes = min(_QUIET_SHARE * last.window_s, allowed_s) * bandwidth
    if last.window_s >= long_s or last.unique_bytes + last.doubt_bytes <= most_bytes:
        return None
    surer = last.unique_bytes <= most_bytes and last.window_s < _SURER_S
    guests = [facts]
    if measured is not None and measured.only_lower_bounds:
        guests.append(replace(facts, measured=measured.nothing_beyond))
    if any(forecast_of(guest).plan.way == NO_WAY for guest in guests):
        return _SURER_S if surer else long_s
    worth_s = min(long_s, int(_WORTH_SHARE * least_s))
    return worth_s if worth_s >= _SURER_S and worth_s > last.window_s else None
