# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    Cpu,
    CpuProfile,
    HugePages,
    Memory,
)

GIB = 1024**3


def test_hugepages_that_are_free_by_size_and_node() -> None:
    memory = Memory(hugepages=[HugePages(0, GIB, 4, 3), HugePages(1, GIB, 4, 2), HugePages(0, 2 << 20, 100, 50)])
    assert memory.hugepages_free(GIB) == 5
    assert memory.hugepages_free(GIB, [1]) == 2
    assert memory.hugepages_free(2 << 20, [1]) == 0
    assert memory.hugepages_free(4096) == 0


def test_what_guests_of_a_type_can_be_given() -> None:
    cpu = Cpu(profiles=[CpuProfile("kvm", "Skylake-Server"), CpuProfile("qemu", "max")])
    found = cpu.profile("qemu")
    assert found is not None
    assert found.model == "max"
    assert cpu.profile("xen") is None
