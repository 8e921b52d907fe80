# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: is there memory for the guest on the destination."""

from __future__ import annotations

import typing as t

from ...host.capacity import QEMU_OVERHEAD_BYTES, Memory
from ...host.guest import GuestMemory, MemoryCell
from ...units import TIB, human_bytes
from .check_types import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned

_THEME = "memory"
# What the manual of RHEL says of live migration: above the first its support is to be asked before, and above the
# second nobody has tested it there.
_LARGE_BYTES, _LARGEST_TESTED_BYTES = TIB, 6 * TIB
_BINDING = ("strict", "restrictive")  # the other modes of numatune only prefer
_RESERVE_SHARE = 0.02  # of the host, which has to live too


# How many pages of one size, and the nodes that they are bound to (none: any).
_Need = tuple[int, tuple[int, ...]]


def _in_hugepages(memory: GuestMemory) -> int:
    parts = _parts(memory)
    return sum(one.size_bytes for one in parts if one.hugepages)


def _parts(memory: GuestMemory) -> list[MemoryCell]:
    """All of it as one part, where no document says more."""
    whole = MemoryCell(
        None, memory.total_bytes, memory.hugepages, memory.hugepage_size_bytes, memory.nodes, memory.node_mode
    )
    return memory.cells or [whole]


def _available(case: Case) -> Finding:
    guest, memory = case.guest.memory, case.destination.memory
    needed = QEMU_OVERHEAD_BYTES + max(0, guest.total_bytes - _in_hugepages(guest))
    available = memory.available_bytes
    if available is None:
        return skipped("How much memory the destination has free is not known.")
    reserve = int(_RESERVE_SHARE * (memory.total_bytes or 0))
    owed = case.pair.residents.owed_bytes
    available = max(0, available - owed)
    evidence = {"needed_bytes": needed, "available_bytes": available, "reserve_bytes": reserve}
    beside = ""
    if owed:
        evidence["owed_bytes"] = owed
        beside = f", beside {human_bytes(owed)} that guests there get back, which a migration has left smaller"
    if needed > available:
        return failed(
            f"The guest needs {human_bytes(needed)}, and {human_bytes(available)} are available on the destination"
            f"{beside}.",
            "Move or stop guests there, or choose another host.",
            **evidence,
        )
    if needed > available - reserve:
        return warned(
            f"With the guest {human_bytes(available - needed)} would be left on the destination.",
            "Move or stop guests there, or choose another host.",
            **evidence,
        )
    return passed(
        f"The guest needs {human_bytes(needed)}, and {human_bytes(available)} are available{beside}.", **evidence
    )


def _hugepages(case: Case) -> Finding:
    """Per page size: enough free on each bound node set, and in total."""
    memory = case.destination.memory
    parts = [one for one in _parts(case.guest.memory) if one.hugepages and one.size_bytes]
    if not parts:
        return passed("The guest needs none.")
    wanted: dict[int, list[_Need]] = {}
    for part in parts:
        size = part.hugepage_size_bytes or memory.default_hugepage_size_bytes
        if size is None:
            return skipped("The size of the destination's hugepages is not known.")
        bound = tuple(part.nodes) if part.node_mode in _BINDING else ()
        wanted.setdefault(size, []).append((-(-part.size_bytes // size), bound))
    words: list[str] = []
    figures: list[dict[str, int]] = []
    for size, needs in sorted(wanted.items(), reverse=True):
        if memory.hugepages is None:
            return skipped("Which hugepages the destination has is not known.")
        if not any(pool.size_bytes == size for pool in memory.hugepages):
            return failed(
                f"The destination has no hugepages of {human_bytes(size)}.",
                "Reserve them there: kernel options hugepagesz= and hugepages=, or nr_hugepages below /sys.",
                size_bytes=size,
            )
        short = _short_of_hugepages(memory, size, needs)
        if short is not None:
            return short
        needed, free = sum(count for count, _bound in needs), memory.hugepages_free(size)
        figures.append({"size_bytes": size, "needed": needed, "free": free})
        words.append(f"{free} hugepages of {human_bytes(size)} are free, and {needed} are needed")
    return passed(f"{'; '.join(words)}.", hugepages=figures)


def _short_of_hugepages(memory: Memory, size: int, needs: t.Sequence[_Need]) -> t.Optional[Finding]:
    """Looks at each set of nodes that something is bound to, at all of these together, and at all nodes of the host."""
    bounds = {frozenset(bound) for _count, bound in needs if bound}
    sets = [*bounds, frozenset[int]().union(*bounds), frozenset[int]()]
    for nodes in sorted(sets, key=lambda one: (not one, len(one), sorted(one))):
        needed = sum(count for count, bound in needs if not nodes or (bound and nodes.issuperset(bound)))
        free = memory.hugepages_free(size, sorted(nodes))
        if free < needed:
            where = f" on the nodes {listed(map(str, sorted(nodes)))}" if nodes else ""
            return failed(
                f"The guest needs {needed} hugepages of {human_bytes(size)}; {free} are free on the destination"
                f"{where}.",
                "Reserve more there, or choose another host.",
                size_bytes=size,
                needed=needed,
                free=free,
                nodes=sorted(nodes),
            )
    return None


def _numa(case: Case) -> Finding:
    memory, parts = case.destination.memory, [one for one in _parts(case.guest.memory) if one.nodes]
    # What is said of all nodes of the guest is wanted too where each has a word of its own.
    bound = sorted({*case.guest.memory.nodes, *(node for part in parts for node in part.nodes)})
    if not bound:
        return passed("The guest is bound to no NUMA node.")
    if not memory.nodes:
        return skipped("The NUMA nodes of the destination are not known.")
    known = {node.node: node for node in memory.nodes}
    missing = [node for node in bound if node not in known]
    if missing:
        return failed(
            f"The guest is bound to NUMA nodes that the destination does not have: {listed(map(str, missing))}.",
            "Migrate with others (destination_xml), or choose another host.",
            missing=missing,
        )
    ordinary = [part for part in parts if not part.hugepages and part.node_mode in _BINDING]
    if not ordinary:
        return passed("The destination has its NUMA nodes.")
    for nodes in {tuple(part.nodes) for part in ordinary}:
        needed = sum(part.size_bytes for part in ordinary if set(part.nodes) <= set(nodes))
        free = _sum(known[node].free_bytes for node in nodes)
        if free is not None and free < needed:
            return warned(
                f"The guest is bound to NUMA nodes with {human_bytes(free)} free on the destination, and needs"
                f" {human_bytes(needed)}. Caches may make room, or QEMU is killed.",
                "Move guests off these nodes, or choose another host.",
                free_bytes=free,
                needed_bytes=needed,
                nodes=list(nodes),
            )
    return passed("The destination has its NUMA nodes, and memory on them.")


def _size(case: Case) -> Finding:
    size = case.guest.memory.total_bytes
    remedy = (
        "Ask the support of your distribution before. Try it with a guest of this size that nobody needs, over the same"
        " link, and have it forecast (migration_forecast_info)."
    )
    if size > _LARGEST_TESTED_BYTES:
        return warned(
            f"It has {human_bytes(size)} of memory, and live migration has been tested up to"
            f" {human_bytes(_LARGEST_TESTED_BYTES)} (RHEL).",
            remedy,
            memory_bytes=size,
            tested_bytes=_LARGEST_TESTED_BYTES,
        )
    if size > _LARGE_BYTES:
        return warned(
            f"It has {human_bytes(size)} of memory: up to {human_bytes(_LARGEST_TESTED_BYTES)} have been tested (RHEL),"
            f" and above {human_bytes(_LARGE_BYTES)} its support wants to be asked before.",
            remedy,
            memory_bytes=size,
            tested_bytes=_LARGEST_TESTED_BYTES,
        )
    return passed("Its size is an everyday one.", memory_bytes=size)


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
        "guest_size", _THEME, "Is it of a size with which live migration has been tested?",
        "Nobody knows how it goes: above 1 TiB support is to be asked before, and up to 6 TiB have been tested.",
        (WARN,), of_guest=_size,
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
