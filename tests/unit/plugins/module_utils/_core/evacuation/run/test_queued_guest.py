# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.admission import (
    Slots,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.queued_guest import (
    TransferOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.retry import (
    RetryDecision,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.transfer_queue import (
    Begin,
    TransferQueue,
)

MIB = 1 << 20


def queue(*names: str, slots: Slots | None = None, **wanted: t.Any) -> TransferQueue:
    destinations = wanted.pop("destinations", ("kvm02",))
    guests = [TransferOptions(name, name, destinations, **{"size_bytes": 100 * MIB, **wanted}) for name in names]
    return TransferQueue(guests, slots or Slots())


def test_a_guest_that_does_not_fit_goes_elsewhere() -> None:
    found = queue("a", destinations=("kvm02", "kvm03"))
    found.due(0.0, {})
    assert found.failed("a", "CPU_INCOMPATIBLE", 1.0) is RetryDecision.OTHER_DESTINATION
    assert found.due(1.0, {}) == [Begin("a", "kvm03")]
    assert found.failed("a", "CPU_INCOMPATIBLE", 2.0) is RetryDecision.GIVE_UP
