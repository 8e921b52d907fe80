# SPDX-License-Identifier: GPL-3.0-or-later
"""Downtime limits: the highest that may be set, the one that is needed, and whether to finish at this boundary.

The forecast and the running job go by the same rules.
"""

from __future__ import annotations

import math
import typing as t

from ..policy import MAX_DOWNTIME_LIMIT_MS

SWITCH_COST_MS = 60  # device state, block and network set-up on the destination: seen on real hosts, 50 to 70 ms
# Virtual functions of a network card, whose state is saved while the guest stands still: 358 ms with one and 518 ms
# with four (mlx5, QEMU 9.2, 1 GbE; qemu-devel 2024-12).
HOST_DEVICE_MS = 53
SHRINKS = 0.85  # a pass that leaves less than this share of the pass before makes progress
# What a limit is set above the need: guests leave a little more or less each time (noise, see docs/design.md), and QEMU
# compares with its bandwidth of the last 100 ms. Tried in tests/sim.
_MARGIN = 1.15
_MARGIN_MS = 50
# One pass is noise: guests that were measured leave up to half more or less than in the pass before.
PASSES_OF_A_TREND = 6
_LEAST_PASSES = 5  # a choice: fewer are mostly noise
_BEYOND_CHANCE = 0.4  # of the pass before: the guest has calmed down; by chance a measured one never left below 0.55
NEAR_BEST = 1.1  # of the least that was left lately: a guest that is busy in phases comes back to it


def switch_cost_ms(host_devices: int) -> int:
    """What the guest stands still for beside the last bytes, with so many devices of the host."""
    return SWITCH_COST_MS + HOST_DEVICE_MS * host_devices


def highest_limit_ms(max_downtime_ms: float, host_devices: int) -> int:
    """The highest limit QEMU may be given: it counts only the bytes, and the switch comes on top. It refuses more than
    2000 s, which a pause may be longer than."""
    allowed_ms = min(float(MAX_DOWNTIME_LIMIT_MS), max_downtime_ms)
    return max(1, int(max(allowed_ms - switch_cost_ms(host_devices), allowed_ms / 2)))


def with_margin(need_ms: float) -> int:
    """The limit in ms at which QEMU switches over: what is needed, with a margin for the next pass, in whole 10 ms."""
    return math.ceil((need_ms * _MARGIN + _MARGIN_MS) / 10) * 10


def limit_for(need_ms: float, highest_ms: int) -> t.Optional[int]:
    """The limit at which what is left now makes QEMU switch, with a margin; None when that is not allowed."""
    if not need_ms <= highest_ms:  # NaN is not known, and so not allowed
        return None
    return min(highest_ms, with_margin(need_ms))


def only_by_chance(remaining_bytes: float, before_bytes: float) -> bool:
    """Whether a guest that has not calmed down may have left so much less than in the pass before."""
    return remaining_bytes >= _BEYOND_CHANCE * before_bytes


def next_by_trend(left_bytes: t.Sequence[float]) -> t.Optional[float]:
    """What the next pass will leave, by what the last ones have left (oldest first); None for too few of them.

    A straight line through the logarithms: exact for passes that each leave the same share of the one before, and the
    mean where they only go up and down.
    """
    logs = [math.log(max(1.0, left)) for left in left_bytes[-PASSES_OF_A_TREND:]]
    count = len(logs)
    if count < _LEAST_PASSES:
        return None
    middle, mean = (count - 1) / 2, sum(logs) / count
    slope = sum((number - middle) * (one - mean) for number, one in enumerate(logs)) / sum(
        (number - middle) ** 2 for number in range(count)
    )
    return math.exp(mean + slope * (count - middle))


def pays_to_wait(saved_ms: float, waited_ms: float) -> bool:
    """Whether so much less downtime is worth so much more time, by the price that each further pass has to pay: it
    takes as long as the guest would stand still now, and has to save 15 % of that."""
    return saved_ms >= (1 - SHRINKS) * waited_ms


def worth_finishing(
    remaining_bytes: float,
    before_bytes: float,
    *,
    next_bytes: t.Optional[float],
    trend_bytes: t.Optional[float] = None,
    waited_s: float,
    patience_s: float,
    throttle_percent: int = 0,
) -> t.Optional[str]:
    """Why to finish at this boundary, given that the policy allows it; None when the next one will be better.

    ``before_bytes``: left at the boundary before; ``next_bytes``: what the next pass will leave, where that is known,
    ``trend_bytes``: the same as :func:`next_by_trend` has it;
    ``waited_s``: since the first boundary at which a finish was allowed.
    """
    if remaining_bytes >= SHRINKS * before_bytes:
        return "the last pass did not get it down"
    if next_bytes is not None and next_bytes >= SHRINKS * remaining_bytes:
        return "the next pass will not get it down"
    by_chance = only_by_chance(remaining_bytes, before_bytes)
    if by_chance and trend_bytes is not None and trend_bytes >= SHRINKS * remaining_bytes:
        return "by the last passes the next one will not get it down"
    if throttle_percent / 100 + remaining_bytes / before_bytes >= 1:
        return f"slowed down by {throttle_percent} % the guest loses more in another pass than that would save"
    if waited_s >= patience_s:
        return f"a finish has been possible for {waited_s:.0f} s"
    return None
