# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import (
    SHRUNK_NAMESPACE,
    ShrunkNote,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.owed import (
    owed_by_guest,
    owed_bytes,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Balloon,
    GuestDocument,
    GuestMemory,
)

MIB, GIB = 1 << 20, 1 << 30
NOTE = ShrunkNote("uuid-erp01", 8 * GIB, 2 * GIB, held=True)


def guest(note: t.Optional[ShrunkNote] = NOTE, current: int = 2 * GIB, total: int = 8 * GIB) -> GuestDocument:
    metadata = {} if note is None else {SHRUNK_NAMESPACE: note.xml()}
    memory = GuestMemory(total, current)
    return GuestDocument(
        "erp01", "uuid-erp01", state="running", state_reason="migrated", memory=memory, metadata=metadata
    )


@pytest.mark.parametrize(
    ("one", "owed"),
    [
        (guest(), 6 * GIB),
        (guest(None), 0),  # small by somebody else's wish
        (guest(current=8 * GIB), 0),
        (guest(current=8 * GIB - MIB // 2), 0),
        (guest(current=4 * GIB), 0),  # its balloon is somebody else's by now
        (guest(replace(NOTE, held=False), current=4 * GIB), 4 * GIB),
        (replace(guest(current=4 * GIB), balloon=Balloon("virtio", autodeflate=True)), 4 * GIB),
        (guest(replace(NOTE, former_bytes=1 << 50)), 6 * GIB),  # whoever may edit it has written that
        (guest(replace(NOTE, guest_uuid="uuid-crm01")), 0),  # it is a clone
        (replace(guest(), state="shut off", state_reason=""), 0),
    ],
)
def test_what_it_gets_back(one: GuestDocument, owed: int) -> None:
    assert owed_bytes(one) == owed
    assert owed_by_guest([one]) == ({"erp01": owed} if owed else {})


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "paused", "state_reason": "migration"},
        {"state": "running", "state_reason": "post-copy"},
        {"job": "migration in"},
        {"memory": GuestMemory(8 * GIB, 2 * GIB, hugepages=True)},
    ],
)
def test_those_that_arrive_and_huge_pages_are_counted_elsewhere(changes: dict[str, t.Any]) -> None:
    assert owed_by_guest([replace(guest(), **changes)]) == {}
