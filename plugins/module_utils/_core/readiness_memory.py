# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Readiness: is there memory for the guest on the destination."""

from __future__ import annotations

import typing as t

from .check import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned
from .units import MIB, human_bytes

_THEME = "memory"
_OVERHEAD_BYTES = 256 * MIB  # of QEMU itself: its code, its devices' buffers
_RESERVE_SHARE = 0.02  # of the host, which has to live too


def _available(case: Case) -> Finding:
    guest, memory = case.domain.memory, case.destination.memory
    needed = _OVERHEAD_BYTES + (0 if guest.hugepages else guest.total_bytes)
    available = memory.available_bytes
    if available is None:
        return skipped("How much memory the destination has free is not known.")
    reserve = int(_RESERVE_SHARE * (memory.total_bytes or 0))
    evidence = {"needed_bytes": needed, "available_bytes": available, "reserve_bytes": reserve}
    if needed > available:
        return failed(
            f"The guest needs {human_bytes(needed)}, and {human_bytes(available)} are available on the destination.",
            "Move or stop guests there, or choose another host.",
            **evidence,
        )
    if needed > available - reserve:
        return warned(
            f"With the guest {human_bytes(available - needed)} would be left on the destination.",
            "Move or stop guests there, or choose another host.",
            **evidence,
        )
    return passed(f"The guest needs {human_bytes(needed)}, and {human_bytes(available)} are available.", **evidence)


def _hugepages(case: Case) -> Finding:
    guest, memory = case.domain.memory, case.destination.memory
    if not guest.hugepages:
        return passed("The guest needs none.")
    size = guest.hugepage_size_bytes or memory.default_hugepage_size_bytes
    if size is None:
        return skipped("The size of the destination's hugepages is not known.")
    if not any(pool.size_bytes == size for pool in memory.hugepages):
        return failed(
            f"The destination has no hugepages of {human_bytes(size)}.",
            "Reserve them there: kernel options hugepagesz= and hugepages=, or nr_hugepages below /sys.",
            size_bytes=size,
        )
    nodes = guest.nodes if guest.node_mode == "strict" else []
    needed, free = -(-guest.total_bytes // size), memory.hugepages_free(size, nodes)
    evidence = {"size_bytes": size, "needed": needed, "free": free, "nodes": nodes}
    where = f" on the nodes {listed(map(str, nodes))}" if nodes else ""
    if free < needed:
        return failed(
            f"The guest needs {needed} hugepages of {human_bytes(size)}; {free} are free on the destination{where}.",
            "Reserve more there, or choose another host.",
            **evidence,
        )
    return passed(f"{free} hugepages of {human_bytes(size)} are free, and {needed} are needed.", **evidence)


def _numa(case: Case) -> Finding:
    guest, memory = case.domain.memory, case.destination.memory
    if not guest.nodes:
        return passed("The guest is bound to no NUMA node.")
    if not memory.nodes:
        return skipped("The NUMA nodes of the destination are not known.")
    known = {node.node: node for node in memory.nodes}
    missing = [node for node in guest.nodes if node not in known]
    if missing:
        return failed(
            f"The guest is bound to NUMA nodes that the destination does not have: {listed(map(str, missing))}.",
            "Migrate with a changed definition (--xml), or choose another host.",
            missing=missing,
        )
    if guest.hugepages or guest.node_mode != "strict":
        return passed("The destination has its NUMA nodes.")
    free = _sum(known[node].free_bytes for node in guest.nodes)
    if free is not None and free < guest.total_bytes:
        return warned(
            f"The guest is bound to NUMA nodes with {human_bytes(free)} free on the destination, and needs"
            f" {human_bytes(guest.total_bytes)}. Caches may make room, or QEMU is killed.",
            "Move guests off these nodes, or choose another host.",
            free_bytes=free,
            needed_bytes=guest.total_bytes,
        )
    return passed("The destination has its NUMA nodes, and memory on them.")


def _sum(numbers: t.Iterable[t.Optional[int]]) -> t.Optional[int]:
    found = list(numbers)
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None


CHECKS = (
    Check(
        "memory_available", _THEME, "Is memory for the guest available on the destination?",
        "QEMU does not start there, or the kernel kills a process.", (WARN, FAIL), of_guest=_available,
    ),
    Check(
        "hugepages", _THEME, "Are the hugepages that the guest needs free on the destination?",
        "QEMU does not start: unable to map backing store for guest RAM.", (FAIL,), of_guest=_hugepages,
    ),
    Check(
        "numa_nodes", _THEME, "Has the destination the NUMA nodes that the guest is bound to, with memory on them?",
        "libvirt refuses, or the kernel kills QEMU.", (WARN, FAIL), of_guest=_numa,
    ),
)  # fmt: skip
