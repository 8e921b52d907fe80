# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What auto-converge leaves of a guest's work.

A throttle of 60 % lets each virtual processor run for 40 % of the time. One that was busy for 10 % of it does all of
its work as before: only what it wanted beyond its part is lost.
"""

from __future__ import annotations

import typing as t

_IDLE = 0.005  # of the time; the kernel counts in steps of 10 ms


def kept_share(busy: t.Sequence[float], percent: float) -> float:
    """Of the work, taking what a processor writes to go with its time.

    ``busy``: the part of the time for which each virtual processor ran; without any it counts as all of the time.
    """
    allowed = 1 - percent / 100
    working = [share for share in busy if share >= _IDLE]
    if not working:
        return allowed
    return sum(min(share, allowed) for share in working) / sum(working)


def busy_shares(before_ns: t.Sequence[int], after_ns: t.Sequence[int], elapsed_s: float) -> tuple[float, ...]:
    """From the processor times of a guest at two moments; nothing when they are not of the same processors."""
    if elapsed_s <= 0 or len(before_ns) != len(after_ns):
        return ()
    return tuple(min(1.0, max(0, after - before) / 1e9 / elapsed_s) for before, after in zip(before_ns, after_ns))
