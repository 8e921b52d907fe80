# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import (
    SHRUNK_NAMESPACE,
    ShrunkNote,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    HugePages,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    GuestDocument,
    GuestMemory,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    BY_ID,
    Row,
    find,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GIB,
    MIB,
    Setup,
)

TIB = 1 << 40

LEFT_SMALL = GuestDocument(
    "crm01",
    "uuid-crm01",
    state="running",
    state_reason="migrated",
    memory=GuestMemory(8 * GIB, 2 * GIB),
    metadata={SHRUNK_NAMESPACE: ShrunkNote("uuid-crm01", 8 * GIB, 2 * GIB, held=True).xml()},
)

ROWS: list[Row] = [
    ("guest_size", PASS, {"domain.memory.total_bytes": TIB}, "everyday"),
    ("guest_size", WARN, {"domain.memory.total_bytes": TIB + GIB}, "up to 6.0 TiB have been tested (RHEL), and above"),
    ("guest_size", WARN, {"domain.memory.total_bytes": 6 * TIB}, "support wants to be asked"),
    ("guest_size", WARN, {"domain.memory.total_bytes": 6 * TIB + GIB}, "has been tested up to 6.0 TiB"),
    (
        "memory_available",
        FAIL,
        {"destination.memory.available_bytes": 8 * GIB},
        "needs 8.2 GiB, and 8.0 GiB are available",
    ),
    ("memory_available", WARN, {"destination.memory.available_bytes": 9 * GIB}, "would be left"),
    ("memory_available", SKIP, {"destination.memory.available_bytes": None}, "not known"),
    ("memory_available", PASS, {"destination.memory.available_bytes": 20 * GIB}, "20.0 GiB are available."),
    (
        "memory_available",
        FAIL,
        {"destination.memory.available_bytes": 12 * GIB, "destination.domains": [LEFT_SMALL]},
        "6.0 GiB are available on the destination, beside 6.0 GiB that guests there get back",
    ),
    (
        "memory_available",
        PASS,
        {"destination.memory.available_bytes": 26 * GIB, "destination.domains": [LEFT_SMALL]},
        "20.0 GiB are available, beside 6.0 GiB",
    ),
    (
        "memory_available",
        PASS,
        {"destination.memory.available_bytes": 7 * GIB, "domain.memory.hugepages": True},
        "256.0 MiB",
    ),
    ("hugepages", PASS, {"domain.memory.hugepages": True}, "8192 hugepages of 2.0 MiB are free, and 4096 are needed"),
    ("hugepages", FAIL, {"domain.memory": GuestMemory(32 * GIB, hugepages=True)}, "needs 16384 hugepages"),
    (
        "hugepages",
        SKIP,
        {"domain.memory": GuestMemory(32 * GIB, hugepages=True), "destination.memory.hugepages": None},
        "not known",
    ),
    (
        "hugepages",
        FAIL,
        {"domain.memory": GuestMemory(2 * MIB, hugepages=True, nodes=[1], node_mode="strict")},
        "on the nodes 1",
    ),
    (
        "hugepages",
        FAIL,
        {"domain.memory": GuestMemory(GIB, hugepages=True, hugepage_size_bytes=GIB)},
        "no hugepages of 1.0 GiB",
    ),
    (
        "hugepages",
        SKIP,
        {"domain.memory.hugepages": True, "destination.memory.default_hugepage_size_bytes": None},
        "not known",
    ),
    ("numa_nodes", FAIL, {"domain.memory.nodes": [1, 2]}, "does not have: 2"),
    ("numa_nodes", WARN, {"domain.memory": GuestMemory(60 * GIB, nodes=[0], node_mode="strict")}, "50.0 GiB free"),
    ("numa_nodes", PASS, {"domain.memory": GuestMemory(60 * GIB, nodes=[0], node_mode="preferred")}, "NUMA nodes"),
    ("numa_nodes", PASS, {"domain.memory": GuestMemory(60 * GIB, nodes=[0, 1], node_mode="strict")}, "memory on them"),
    ("numa_nodes", SKIP, {"domain.memory.nodes": [0], "destination.memory.nodes": []}, "not known"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)


def test_hugepages_of_all_nodes_count_for_a_guest_that_is_not_bound() -> None:
    pages = [HugePages(0, 2 * MIB, 3000, 3000), HugePages(1, 2 * MIB, 2000, 2000)]
    setup = Setup().but({"domain.memory.hugepages": True, "destination.memory.hugepages": pages})
    assert find(BY_ID["hugepages"], setup).status == PASS
