# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory of the host and of its NUMA nodes, and hugepages."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from .._core.host.capacity import HugePages, Memory, NumaNode
from .._core.host.parse.procfs import parse_meminfo
from .._core.units import KIB
from .files import names_in, read, read_int

_NODES = "/sys/devices/system/node"


def read_memory(memory: Memory) -> Memory:
    """What libvirt said, with what only the host's own files tell."""
    found = parse_meminfo(read("/proc/meminfo") or "")
    if "MemTotal" not in found:
        return memory
    pools = list(_hugepages())
    return replace(
        memory,
        total_bytes=found["MemTotal"],
        free_bytes=found.get("MemFree"),
        available_bytes=found.get("MemAvailable"),
        swap_free_bytes=found.get("SwapFree"),
        default_hugepage_size_bytes=found.get("Hugepagesize"),
        nodes=[_node(node) for node in memory.nodes],
        hugepages=pools or memory.hugepages,
    )


def _node(node: NumaNode) -> NumaNode:
    found = parse_meminfo(read(f"{_NODES}/node{node.node}/meminfo") or "")
    return replace(
        node,
        total_bytes=found.get("MemTotal", node.total_bytes),
        free_bytes=found.get("MemFree", node.free_bytes),
    )


def _hugepages() -> t.Iterator[HugePages]:
    for name in names_in(_NODES):
        node = re.fullmatch(r"node(\d+)", name)
        for pool in names_in(f"{_NODES}/{name}/hugepages") if node else []:
            size = re.fullmatch(r"hugepages-(\d+)kB", pool)
            free = read_int(f"{_NODES}/{name}/hugepages/{pool}/free_hugepages")
            if node and size and free is not None:
                total = read_int(f"{_NODES}/{name}/hugepages/{pool}/nr_hugepages")
                yield HugePages(int(node[1]), int(size[1]) * KIB, total, free)
