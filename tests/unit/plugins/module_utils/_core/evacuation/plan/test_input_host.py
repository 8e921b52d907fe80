# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import MemoryPool
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.input_host import (
    HostSettings,
    host_from_document,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    HugePages,
    Memory,
    NumaNode,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import MigrationPath

MIB, GIB = 1 << 20, 1 << 30
FAST = MigrationPath(interface="eno1", speed_mbit_per_s=10_000, speed_is_real=True)


def document(memory: Memory, path: MigrationPath = FAST) -> HostDocument:
    return HostDocument("kvm01", "u", memory=memory, migration=path)


def test_the_rate_of_the_interface_or_what_was_said() -> None:
    one = document(Memory(available_bytes=GIB))
    assert host_from_document(one, HostSettings()).in_bytes_per_s == 10_000 * 1e6 / 8 * 0.94
    assert host_from_document(one, HostSettings(link_mib_per_s=100)).out_bytes_per_s == 100 * MIB


@pytest.mark.parametrize("path", [MigrationPath(), MigrationPath(interface="veth0", speed_mbit_per_s=10_000)])
def test_a_rate_that_is_not_known_or_made_up(path: MigrationPath) -> None:
    with pytest.raises(MigrationError) as caught:
        host_from_document(document(Memory(available_bytes=GIB), path), HostSettings())
    assert caught.value.reason == "BANDWIDTH_UNKNOWN"


def test_memory_by_node_and_page_size() -> None:
    nodes = [NumaNode(0, free_bytes=3 * GIB), NumaNode(1, free_bytes=GIB)]
    pages = [HugePages(0, 2 * MIB, 10, 4), HugePages(1, 2 * MIB, 10, 0)]
    found = host_from_document(document(Memory(available_bytes=8 * GIB, nodes=nodes, hugepages=pages)), HostSettings())
    assert found.pools == (MemoryPool(6 * GIB, 0, 0), MemoryPool(2 * GIB, 0, 1), MemoryPool(8 * MIB, 2048, 0))


def test_memory_without_nodes_and_unknown_memory() -> None:
    assert host_from_document(document(Memory(free_bytes=GIB)), HostSettings()).pools == (MemoryPool(GIB),)
    assert host_from_document(document(Memory()), HostSettings()).pools == ()


def test_settings_and_limits_that_are_none() -> None:
    settings = HostSettings(cordoned=True, reserve_mib=2, max_incoming=0, max_outgoing=3, uplinks=["a", "b", "a"])
    found = host_from_document(document(Memory(available_bytes=GIB)), settings)
    assert (found.cordoned, found.reserve_bytes) == (True, 2 * MIB)
    assert (found.max_incoming, found.max_outgoing, found.uplinks) == (None, 3, ("a", "b"))
