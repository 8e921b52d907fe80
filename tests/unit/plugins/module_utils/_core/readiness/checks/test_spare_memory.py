# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import (
    SHRUNK_NAMESPACE,
    ShrunkNote,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Versions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Balloon, GuestMemory
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import BY_ID, PCI, Row, find, ids, see
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GIB, GUEST, MIB, Setup

# Of 8 GiB it has touched 7 and uses 2; 1 is free, and 4 of what it has touched are a cache.
TELLING = Balloon("virtio", period_s=5, available_bytes=8 * GIB, usable_bytes=6 * GIB, unused_bytes=GIB)
LOOSE = {"domain.resident_bytes": 7 * GIB, "domain.balloon": TELLING, "intent.bandwidth_bytes_per_s": 256 * MIB}
BUSY = Balloon("virtio", period_s=5, available_bytes=8 * GIB, usable_bytes=GIB, unused_bytes=GIB)
REPORTING = Balloon("virtio", True, True, 5, 8 * GIB, 6 * GIB, GIB)
SMALL = {
    "domain.metadata": {SHRUNK_NAMESPACE: ShrunkNote(GUEST.uuid, 8 * GIB, 2 * GIB, held=True).xml()},
    "domain.memory": GuestMemory(8 * GIB, 2 * GIB),
}
SHRINKING = {**LOOSE, "intent.policy": Policy(shrink="balloon")}

ROWS: list[Row] = [
    ("sends_free_memory", WARN, LOOSE, "Of the 7.0 GiB that will be sent, about 5.0 GiB are free or a cache"),
    ("sends_free_memory", WARN, LOOSE, "which takes 20.0 s on this link"),
    ("sends_free_memory", PASS, {**LOOSE, "domain.balloon": BUSY}, "about 0 B"),
    ("sends_free_memory", PASS, {**LOOSE, "intent.bandwidth_bytes_per_s": 4 * GIB}, "takes 1.2 s"),
    ("sends_free_memory", PASS, SHRINKING, "has them taken before"),
    ("sends_free_memory", WARN, {**SHRINKING, "domain.host_devices": [PCI]}, "5.0 GiB"),
    ("sends_free_memory", SKIP, {**LOOSE, "domain.resident_bytes": None}, "not known"),
    ("sends_free_memory", SKIP, {**LOOSE, "domain.balloon": Balloon("virtio")}, "tells no figures"),
    ("left_small", PASS, {}, "not made smaller"),
    ("left_small", WARN, SMALL, "it has 2.0 GiB of the 8.0 GiB"),
    ("left_small", PASS, {**SMALL, "domain.memory": GuestMemory(8 * GIB, 8 * GIB)}, "all that it had"),
    ("left_small", WARN, SMALL, "that has ended"),
    ("left_small", SKIP, {**SMALL, "domain.job": "migration out"}, "a job runs"),
    ("left_small", WARN, {**SMALL, "domain.job": None}, "not known whether it has ended"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({}, ["shrink: balloon", ", or give it <memballoon", "freePageReporting='on'", "6.9"]),
        ({"domain.balloon": REPORTING}, ["shrink: balloon in policy_overrides)."]),
        ({"source.versions": Versions("6.8.0", "5.0.0", "")}, ["shrink: balloon in policy_overrides)."]),
        ({"domain.host_devices": [PCI]}, ["There is none, as it has devices of the host"]),
        ({"domain.balloon": Balloon("none", False, False, 5, 8 * GIB, 6 * GIB, GIB)}, ["Give it <memballoon"]),
    ],
)
def test_the_ways_out(changes: dict[str, object], remedy: list[str]) -> None:
    found = find(BY_ID["sends_free_memory"], Setup().but({**LOOSE, **changes}))
    assert found.status == WARN
    assert all(words in found.remedy for words in remedy), found.remedy
    assert found.evidence["idle_bytes"] == 5 * GIB
    assert found.evidence["free_bytes"] == GIB
    assert found.evidence["costs_s"] == 20.0


def test_how_it_gets_its_memory_back_is_said() -> None:
    found = find(BY_ID["left_small"], Setup().but(SMALL))
    assert f"virsh setmem {GUEST.uuid} {8 * GIB // 1024} --live" in found.remedy
    assert found.evidence == {"has_bytes": 2 * GIB, "former_bytes": 8 * GIB}


def test_the_note_of_another_guest_says_nothing() -> None:
    note = ShrunkNote("2f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c22", 8 * GIB, 2 * GIB).xml()
    changes = {**SMALL, "domain.metadata": {SHRUNK_NAMESPACE: note}}
    assert find(BY_ID["left_small"], Setup().but(changes)).status == PASS
