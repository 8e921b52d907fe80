# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a guest that is ready may be sent now: how guests share the slots and the links.

This is the first of three gates. The others, in _libvirt/evacuation: shared_limits.py, by what other hosts send, and
memory_check.py, by what the destination has free.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .queued_guest import NEVER_S, QueuedGuest

_ALONE_PATIENCE_S = 60.0  # so long does a busy guest wait for a destination's link that others use; a choice
# Two that begin at once end at once, and nothing is sent for the 2 to 3 s in which the next two begin (docs/design.md).
# So the second waits for half of the first one's time, and 5 s at most.
_APART_SHARE = 0.5
_APART_S = 5.0
_EARLIER_S = 1.0  # an end is not known better; a link that is shared for that long is not one that stands idle
_FAR_LONGER = 2.0  # times the time that its memory takes; a choice
MOST_DELAY_S = 2.0  # a transfer shows at its destination well within half of that


@dataclass(frozen=True)
class Slots:
    """The option ``slots``. ``per_source``, ``per_destination``: how many transfers at a time; ``ahead``: how many
    guests more are measured beforehand, so that no link stands idle meanwhile; ``attempts``: of one guest, in all.

    ``breaker``: after so many failures in a row, of two guests or more, that speak of the infrastructure, no more
    begin.
    """

    per_source: int = 2
    per_destination: int = 2
    ahead: int = 2
    attempts: int = 3
    breaker: int = 4


class DestinationLook(t.NamedTuple):
    """What a destination shows: UUIDs of the guests that arrive there, whoever sends them, and of those that run."""

    arriving: frozenset[str] = frozenset()
    active: frozenset[str] = frozenset()


class DestinationSlots(t.NamedTuple):
    """The slots of a destination. ``taken``: by transfers that have not ended, whoever sends them.

    ``extra_slots``: how many more than there are may be taken, 0 or 1, as what this host sends there will have gone by
    the time that another one is set up. ``not_before_s``: other hosts were seen to want a slot, so that none is taken
    before.
    """

    taken: int = 0
    extra_slots: int = 0
    not_before_s: float = 0.0

    def free(self, slots: Slots, now_s: float) -> bool:
        """Whether a transfer may begin there now, as far as the destination goes."""
        return now_s >= self.not_before_s and self.taken < slots.per_destination + self.extra_slots

    def may_be_prepared_for(self, slots: Slots, now_s: float, preparing: int) -> bool:
        """Whether a guest may be measured ahead, beside ``preparing`` others; measured long before it is of no use."""
        taken = slots.per_destination if now_s < self.not_before_s else self.taken - self.extra_slots
        return taken + preparing < slots.per_destination + slots.ahead


class Contention:
    """Destinations that several hosts send to. They know nothing of each other, so each leaves the others a slot.

    A slot that becomes free is taken at once, unless others were seen to want it: then after a time by chance.
    """

    def __init__(self, slots_of_each: int) -> None:
        self._slots_of_each = slots_of_each
        self._contested: set[str] = set()
        self._not_before_s: dict[str, float] = {}

    def not_before_s(self, name: str, taken: int, *, others: bool, now_s: float, delay_s: float) -> float:
        """From when on a free slot may be taken. ``others``: whether other hosts are seen to send there.

        ``delay_s``: drawn at random by the caller, up to ``MOST_DELAY_S``; it counts from when the slot became free.
        """
        if others:
            self._contested.add(name)
        if name not in self._contested:
            return 0.0
        if taken >= self._slots_of_each:
            self._not_before_s.pop(name, None)
            return 0.0
        return self._not_before_s.setdefault(name, now_s + delay_s)


def may_start(
    one: QueuedGuest,
    sending: t.Sequence[QueuedGuest],
    there: DestinationSlots,
    slots: Slots,
    now_s: float,
    setup_s: float,
    *,
    pays: bool = True,
) -> bool:
    """Whether a guest that is ready may be sent now.

    ``sending``: those that this host sends; ``there``: the slots of its destination; ``setup_s``: how long a transfer
    is set up before its bytes flow, 0 when not known; ``pays``: whether the links carry more with it.
    """
    idle = link_will_idle(sending, setup_s, now_s)
    wait = not pays and not link_will_idle(sending, setup_s + _EARLIER_S, now_s)
    if wait and any(_gets_on(other, now_s, setup_s) for other in sending):
        return False
    extra_slots = 1 if idle else 0
    if len(sending) >= slots.per_source + extra_slots or not there.free(slots, now_s):
        return False
    if any((other.busy and not idle) or now_s - other.sent_s < _apart_s(other) for other in sending):
        return False
    if not one.busy:
        return True
    # Its first pass may share the link: what is left of the other has gone before that ends.
    if any(other.ends_s - now_s > setup_s + one.least_s for other in sending):
        return False
    from_here = sum(other.destination == one.destination for other in sending)
    return there.taken - there.extra_slots <= from_here or now_s - one.ready_s > _ALONE_PATIENCE_S


def _gets_on(one: QueuedGuest, now_s: float, setup_s: float) -> bool:
    """Whether it will have gone soon if it has the link alone. Nobody waits for one that takes far longer."""
    least_s = one.least_s or (one.options.size_bytes / one.bytes_per_s if one.bytes_per_s > 0 else 0.0)
    return now_s - one.sent_s <= setup_s + _FAR_LONGER * least_s and (one.bytes_per_s > 0 or not one.set_up)


def _apart_s(one: QueuedGuest) -> float:
    return min(_APART_S, _APART_SHARE * one.least_s)


def link_will_idle(sending: t.Sequence[QueuedGuest], setup_s: float, now_s: float) -> bool:
    """Whether all of it will have gone before another one is set up, so that the link would stand idle meanwhile."""
    rate = sum(one.bytes_per_s for one in sending)
    if rate <= 0 or any(one.ends_s == NEVER_S for one in sending):
        return False
    return sum((one.ends_s - now_s) * one.bytes_per_s for one in sending) <= setup_s * rate
