# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""How guests share the places and the links: whether one that is ready may be sent beside those that are."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .departure import NEVER_S, Departure

_ALONE_PATIENCE_S = 60.0  # so long does a busy guest wait for a destination's link that others use
# Two that begin at once end at once, and nothing is sent while the next two begin.
_APART_SHARE = 0.5
_APART_S = 5.0


@dataclass(frozen=True)
class Slots:
    """``ahead``: how many are measured beforehand, so that no link stands idle meanwhile.

    ``breaker``: so many failures in a row, of two guests or more, that speak of the infrastructure, and no more begin.
    """

    per_source: int = 2
    per_destination: int = 2
    ahead: int = 2
    attempts: int = 3
    breaker: int = 4


def has_its_turn(
    one: Departure, sending: t.Sequence[Departure], there: int, slots: Slots, now_s: float, setup_s: float
) -> bool:
    """``sending``: those of this host; ``there``: how many arrive at the destination, whoever sends them; ``setup_s``:
    how long a transfer is set up before its bytes flow, 0 when not known."""
    dry = run_dry(sending, setup_s, now_s)
    if len(sending) >= slots.per_source + dry or there >= slots.per_destination:
        return False
    if any((other.busy and not dry) or now_s - other.sent_s < _apart_s(other) for other in sending):
        return False
    if not one.busy:
        return True
    # Its first pass may share the link: what is left of the other has gone before that ends.
    if any(other.ends_s - now_s > setup_s + one.least_s for other in sending):
        return False
    from_here = sum(other.destination == one.destination for other in sending)
    return there <= from_here or now_s - one.asked_s > _ALONE_PATIENCE_S


def _apart_s(one: Departure) -> float:
    return min(_APART_S, _APART_SHARE * one.least_s)


def run_dry(sending: t.Sequence[Departure], setup_s: float, now_s: float) -> bool:
    """Whether all of it will have gone before another one is set up, so that the link would stand idle meanwhile."""
    rate = sum(one.bytes_per_s for one in sending)
    if rate <= 0 or any(one.ends_s == NEVER_S for one in sending):
        return False
    return sum((one.ends_s - now_s) * one.bytes_per_s for one in sending) <= setup_s * rate
