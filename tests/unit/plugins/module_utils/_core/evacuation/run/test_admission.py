# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.admission import (
    Contention,
    DestinationLook,
    DestinationSlots,
    Slots,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.queued_guest import (
    TransferOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.transfer_queue import (
    TransferQueue,
)


def not_before_s(found: Contention, taken: int, now_s: float, *, others: bool = False, delay_s: float = 1.5) -> float:
    return found.not_before_s("kvm02", taken, others=others, now_s=now_s, delay_s=delay_s)


def test_who_is_alone_does_not_wait() -> None:
    found = Contention(2)
    assert [not_before_s(found, taken, 10.0) for taken in (2, 1, 0)] == [0.0, 0.0, 0.0]


def test_a_place_that_others_want_is_taken_after_a_while() -> None:
    found = Contention(2)
    not_before_s(found, 2, 0.0, others=True)
    # The first delay that was drawn counts, from when the place became free.
    assert not_before_s(found, 1, 10.0, delay_s=1.5) == 11.5
    assert not_before_s(found, 1, 11.0, delay_s=0.1) == 11.5
    # Another one was quicker: the next time it is a new wait.
    not_before_s(found, 2, 12.0, others=True)
    assert not_before_s(found, 1, 20.0) == 21.5


def test_other_destinations_are_not_concerned() -> None:
    found = Contention(2)
    not_before_s(found, 2, 0.0, others=True)
    assert found.not_before_s("kvm03", 1, others=False, now_s=0.0, delay_s=1.5) == 0.0


@pytest.mark.parametrize(
    ("places", "now_s", "free", "prepared"),
    [
        (DestinationSlots(1), 0.0, True, True),
        (DestinationSlots(2), 0.0, False, True),
        (DestinationSlots(2, extra_slots=1), 0.0, True, True),
        (DestinationSlots(3, extra_slots=1), 0.0, False, True),
        (DestinationSlots(4), 0.0, False, False),
        (DestinationSlots(0, not_before_s=5.0), 4.0, False, True),
        (DestinationSlots(0, not_before_s=5.0), 5.0, True, True),
    ],
)
def test_places(places: DestinationSlots, now_s: float, free: bool, prepared: bool) -> None:
    assert places.free(Slots(), now_s) is free
    assert places.may_be_prepared_for(Slots(), now_s, preparing=1) is prepared


def test_places_of_a_destination_as_it_shows() -> None:
    guests = [TransferOptions(name, name, ("kvm02",), size_bytes=1) for name in "abcde"]
    queue = TransferQueue(guests, Slots())
    queue.due(0.0, {})
    for name in "ab":
        queue.ready(name, 0.0, busy=False)
    queue.due(0.0, {})
    queue.sent("a")
    # "a" may show for a while and needs no place; "b" takes one before it shows; "x" is somebody else's.
    looks = {"kvm02": DestinationLook(frozenset({"a", "x"}), frozenset({"e"}))}
    assert queue.places(looks, 1.0, 2.0) == {"kvm02": DestinationSlots(2)}
    assert queue.guests["e"].adopts  # it runs there, so another run has moved it
    assert queue.places({"kvm02": DestinationLook()}, 2.0, 1.5) == {"kvm02": DestinationSlots(1, not_before_s=3.5)}
