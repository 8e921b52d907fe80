# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import NumaNode
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import (
    HUGE,
    find,
    guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GIB, MIB

CELLS = (
    "<numa><cell id='0' cpus='0-1' memory='{0}' unit='KiB'/><cell id='1' cpus='2-3' memory='{1}' unit='KiB'/></numa>"
)


UNEVEN, EVEN = CELLS.format(1048576, 7340032), CELLS.format(4194304, 4194304)


def pages(*sizes: str) -> str:
    return f"<memoryBacking><hugepages>{''.join(f'<page {one}/>' for one in sizes)}</hugepages></memoryBacking>"


def tune(*cells: str, memory: str = "") -> str:
    every = f"<memory mode='strict' nodeset='{memory}'/>" if memory else ""
    return f"<numatune>{every}{''.join(f'<memnode {one}/>' for one in cells)}</numatune>"


BIG, SMALL = "size='1048576' unit='KiB'", "size='2048' unit='KiB'"


@pytest.mark.parametrize(
    ("parts", "cpu", "status", "says"),
    [
        (pages(f"{BIG} nodeset='0'", f"{SMALL} nodeset='1'"), UNEVEN, PASS, "1.0 GiB are free, and 1 are needed"),
        (pages(f"{BIG} nodeset='1'", f"{SMALL} nodeset='0'"), UNEVEN, FAIL, "needs 7 hugepages of 1.0 GiB"),
        (pages(f"{BIG} nodeset='0'", SMALL), UNEVEN, PASS, "and 3584 are needed"),
        (pages(f"{BIG} nodeset='0'"), UNEVEN, PASS, "and 1 are needed."),
        (pages(f"{BIG} nodeset='0-1'"), UNEVEN, FAIL, "needs 8 hugepages of 1.0 GiB"),
        (pages(BIG), "", FAIL, "needs 8 hugepages of 1.0 GiB"),
        (pages(SMALL), "", PASS, "and 4096 are needed"),
        (pages(f"{SMALL} nodeset='0'"), "", PASS, "and 4096 are needed"),
        (pages("size='4' unit='KiB'"), "", PASS, "needs none"),
        (pages(), "", PASS, "and 4096 are needed"),
        (pages(SMALL) + tune("cellid='0' mode='strict' nodeset='1'"), UNEVEN, FAIL, "on the nodes 1"),
        (pages(SMALL) + tune("cellid='0' mode='preferred' nodeset='1'"), UNEVEN, PASS, "4096"),
        (pages(SMALL) + "<numatune><memory mode='strict' nodeset='0-1'/></numatune>", UNEVEN, PASS, "4096"),
        ("", UNEVEN, PASS, "needs none"),
    ],
)  # fmt: skip
def test_hugepages_of_several_sizes(parts: str, cpu: str, status: str, says: str) -> None:
    finding = find("hugepages", guest(parts=parts, cpu=cpu), {"destination.memory.hugepages": HUGE})
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


def test_what_is_not_in_hugepages_needs_memory() -> None:
    domain = guest(parts=pages(f"{BIG} nodeset='0'"), cpu=UNEVEN)
    finding = find("memory_available", domain, {"destination.memory.available_bytes": 7 * GIB})
    assert (finding.status, finding.evidence["needed_bytes"]) == (FAIL, 7 * GIB + 256 * MIB)


def test_a_module_with_pages_of_its_own() -> None:
    module = "<memory model='dimm'><source><pagesize unit='KiB'>1048576</pagesize><nodemask>1</nodemask></source>"
    module += "<target><size unit='KiB'>1048576</size><node>0</node></target></memory>"
    finding = find("hugepages", guest(module, cpu=EVEN), {"destination.memory.hugepages": HUGE})
    assert (
        finding.status,
        "1 hugepages of 1.0 GiB; 0 are free on the destination on the nodes 1" in finding.summary,
    ) == (
        FAIL,
        True,
    ), finding.summary


@pytest.mark.parametrize(
    ("parts", "status", "says"),
    [
        (tune("cellid='0' mode='strict' nodeset='5'"), FAIL, "does not have: 5"),
        (tune("cellid='1' mode='preferred' nodeset='0,7'"), FAIL, "does not have: 7"),
        (tune("cellid='1' mode='strict' nodeset='3'", memory="0"), FAIL, "does not have: 3"),
        (tune("cellid='0' nodeset='0'", "cellid='1' nodeset='1'", memory="9"), FAIL, "does not have: 9"),
        (tune("cellid='0' mode='strict' nodeset='0'"), PASS, "memory on them"),
        ("<numatune><memory mode='strict' placement='auto'/></numatune>", PASS, "no NUMA node"),
    ],
)  # fmt: skip
def test_nodes_of_single_cells(parts: str, status: str, says: str) -> None:
    finding = find("numa_nodes", guest(parts=parts, cpu=EVEN))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


def test_only_what_is_bound_needs_room_on_its_nodes() -> None:
    domain = guest(parts="<numatune><memnode cellid='0' mode='strict' nodeset='1'/></numatune>", cpu=EVEN)
    nodes = [NumaNode(0, 128 * GIB, GIB), NumaNode(1, 128 * GIB, 5 * GIB)]
    assert find("numa_nodes", domain, {"destination.memory.nodes": nodes}).status == PASS
    nodes = [NumaNode(0, 128 * GIB, 99 * GIB), NumaNode(1, 128 * GIB, 3 * GIB)]
    assert find("numa_nodes", domain, {"destination.memory.nodes": nodes}).status == WARN
