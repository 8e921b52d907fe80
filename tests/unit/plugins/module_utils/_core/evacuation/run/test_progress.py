# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.admission import (
    Slots,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.progress import (
    EvacuationTotal,
    total_line,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.queued_guest import (
    Stage,
    TransferOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.transfer_queue import (
    Send,
    TransferQueue,
)

MIB = 1 << 20


def queue(*names: str, slots: Slots | None = None, **wanted: t.Any) -> TransferQueue:
    destinations = wanted.pop("destinations", ("kvm02",))
    guests = [TransferOptions(name, name, destinations, **{"size_bytes": 100 * MIB, **wanted}) for name in names]
    return TransferQueue(guests, slots or Slots())


def sent(found: TransferQueue, *names: str, busy: bool = False) -> None:
    """These are prepared and let go at once."""
    for name in names:
        found.ready(name, 0.0, busy=busy)
    assert [move for move in found.due(0.0, {}) if isinstance(move, Send)] == [Send(name) for name in names]


def test_total_progress() -> None:
    found, total = queue("a", "b", "c"), EvacuationTotal()
    assert total.numbers(found.guests.values())["time_left_s"] is None
    found.due(0.0, {})
    sent(found, "a")
    found.sending("a", 50 * MIB, 50.0 * MIB, 0.0)
    numbers = total.numbers(found.guests.values())
    assert numbers["remaining_bytes"] == 250 * MIB
    assert numbers["time_left_s"] == pytest.approx(5.0)
    assert total_line(numbers) == "0 of 3 guests done, 1 on the way, 250.0 MiB left, 50.0 MiB/s, about 5.0 s to go"
    # Between two transfers nothing flows, which says nothing about the links.
    found.arrived("a")
    numbers = total.numbers(found.guests.values())
    assert (numbers["done"], numbers["time_left_s"]) == (1, pytest.approx(4.0))
    for name in "bc":
        found.guests[name].stage = Stage.FAILED
    assert total_line(total.numbers(found.guests.values())) == "1 of 3 guests done, 2 failed"
