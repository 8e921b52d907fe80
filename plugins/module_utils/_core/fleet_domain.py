# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A domain of the planner from its document, its readiness, and what was measured of it."""

from __future__ import annotations

import typing as t

from . import fleet
from .demand import Demand
from .domain_document import Disk, Domain, DomainMemory
from .host_document import HostDocument
from .memory import WorkingSet, read_working_set
from .policy import Contract
from .units import KIB, MIB
from .wishes import Wish

# What these look at, the planner counts itself, with all other moves in mind.
COUNTED_BY_THE_PLAN = frozenset({"memory_available", "hugepages", "numa_nodes", "forecast"})
_DEFAULT_HUGEPAGE_BYTES = 2 * MIB
NOT_CHECKED = fleet.Blocker(
    "not_checked",
    "nobody has checked whether it could go there",
    "check it with migration_readiness_info, and pass the result as readiness",
)

# By UUID and destination. None of it at all: readiness was not asked for.
Readiness = t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]


def domain_from_document(
    guest: Domain,
    host: HostDocument,
    *,
    wish: Wish,
    blocked: t.Mapping[str, tuple[fleet.Blocker, ...]],
    checked: bool,
    demand: Demand,
    overhead_bytes: int,
    on_its_way_to: t.Optional[str] = None,
) -> fleet.Domain:
    devices = [device for device in guest.host_devices if not device.teaming]
    return fleet.Domain(
        guest.uuid,
        guest.name,
        host.name,
        _needs(guest, host, overhead_bytes),
        demand,
        vcpus=guest.vcpus_current or guest.vcpus or 1,
        running=guest.active,
        strategy=wish.strategy or fleet.MIGRATE,
        if_unplaceable=wish.if_unplaceable or fleet.LEAVE,
        priority=wish.priority or 0,
        # Where checks were made, they know better: some devices can be migrated.
        host_devices=0 if checked else len(devices),
        blocked=blocked,
        allowed=None if wish.destinations is None else frozenset(wish.destinations),
        bound_for=on_its_way_to,
        moving=on_its_way_to is not None,
    )


def blockers(guest: Domain, destinations: t.Iterable[str], readiness: t.Optional[Readiness]) -> dict[str, t.Any]:
    """The checks that it fails, by destination."""
    found: dict[str, tuple[fleet.Blocker, ...]] = {}
    for name in destinations if readiness is not None else ():
        entry = (readiness or {}).get((guest.uuid, name))
        checks = (NOT_CHECKED,) if entry is None else _failed(entry)
        if checks:
            found[name] = checks
    return found


def demand_of(
    guest: Domain, measurement: t.Optional[t.Mapping[str, t.Any]], contract: Contract, *, copy_disks: bool
) -> Demand:
    """``measurement``: what migration_forecast_info or migration_dirty_rate_info returned for it."""
    facts = (measurement or {}).get("facts") or measurement or {}
    rate = facts.get("dirty_rate") or ((measurement or {}) if "working_set_bytes" in (measurement or {}) else None)
    measured: t.Optional[WorkingSet] = read_working_set(rate) if rate else None
    memory = guest.memory.current_bytes or guest.memory.total_bytes
    touched = int(facts.get("touched_bytes") or min(memory, guest.resident_bytes or memory))
    return Demand(
        touched,
        sum(_disk_bytes(disk) for disk in guest.disks) if copy_disks else 0,
        measured,
        contract,
        host_devices=sum(not device.teaming for device in guest.host_devices),
    )


def _failed(entry: t.Mapping[str, t.Any]) -> tuple[fleet.Blocker, ...]:
    checks = entry.get("checks") or ()
    failed = tuple(
        fleet.Blocker(str(check["id"]), str(check.get("summary", "")), str(check.get("remedy", "")))
        for check in checks
        if check.get("status") == "fail" and check.get("id") not in COUNTED_BY_THE_PLAN
    )
    if failed or entry.get("ready") or any(check.get("status") == "fail" for check in checks):
        return failed
    # Not ready, and the checks were left out of the list.
    return (fleet.Blocker("readiness", str(entry.get("summary", "")), "look at its readiness"),)


def _needs(guest: Domain, host: HostDocument, overhead_bytes: int) -> tuple[fleet.Need, ...]:
    memory = guest.memory
    if memory.cells:
        return _needs_of_parts(memory, host, overhead_bytes)
    nodes = tuple(sorted(memory.nodes)) if memory.node_mode == "strict" else ()
    if not memory.hugepages:
        return (fleet.Need(memory.total_bytes + overhead_bytes, fleet.ORDINARY, nodes),)
    page = memory.hugepage_size_bytes or host.memory.default_hugepage_size_bytes or _DEFAULT_HUGEPAGE_BYTES
    huge = fleet.Need(memory.total_bytes, page // KIB, nodes)
    return (huge, fleet.Need(overhead_bytes)) if overhead_bytes else (huge,)


def _needs_of_parts(memory: DomainMemory, host: HostDocument, overhead_bytes: int) -> tuple[fleet.Need, ...]:
    """Of a guest whose parts are in different pages, or bound to different nodes."""
    found: dict[tuple[int, tuple[int, ...]], int] = {(fleet.ORDINARY, ()): overhead_bytes}
    for part in memory.cells:
        page = part.hugepage_size_bytes or host.memory.default_hugepage_size_bytes or _DEFAULT_HUGEPAGE_BYTES
        nodes = tuple(sorted(part.nodes)) if part.node_mode == "strict" else ()
        key = (page // KIB if part.hugepages else fleet.ORDINARY, nodes)
        found[key] = found.get(key, 0) + part.size_bytes
    return tuple(fleet.Need(size, page, nodes) for (page, nodes), size in found.items() if size)


def _disk_bytes(disk: Disk) -> int:
    copied = disk.device == "disk" and disk.type in ("file", "block") and not (disk.readonly or disk.shareable)
    return (disk.allocated_bytes or disk.size_bytes or 0) if copied else 0
