# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest of the planner from its document, its readiness, and what was measured of it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...balloon.owed import owed_bytes
from ...dataclass_json import Amount
from ...forecast.working_set import WorkingSet, read_working_set
from ...host.document import HostDocument
from ...host.guest import Disk, GuestDocument, GuestMemory
from ...policy import Policy
from ...units import KIB, MIB
from ..strategy import LEAVE, MIGRATE
from . import fleet
from .guest_rules import GuestRules
from .transfer_estimate import TransferDemand

# What these look at, the planner counts itself, with all other moves in mind.
COUNTED_BY_THE_PLAN = frozenset({"memory_available", "hugepages", "numa_nodes", "forecast", "cordon"})
_DEFAULT_HUGEPAGE_BYTES = 2 * MIB  # of x86-64, where a document does not say it
NOT_CHECKED = fleet.Blocker(
    "not_checked",
    "nobody has checked whether it could go there",
    "check it with migration_readiness_info, and pass the result as readiness",
)
REFUSED = fleet.Blocker(
    "refused", "it must not go there, as was said or seen", "find out why, and take it out of except_destinations"
)


@dataclass(frozen=True)
class Check:
    """What is looked at of a readiness check."""

    id: str = ""
    status: str = ""
    summary: t.Optional[str] = None
    remedy: t.Optional[str] = None


@dataclass(frozen=True)
class Checked:
    """What is looked at of an entry of migration_readiness_info: one guest and one destination."""

    uuid: str
    destination: str
    ready: bool
    checks: t.Optional[list[Check]] = None
    summary: t.Optional[str] = None


@dataclass(frozen=True)
class Known:
    """What is looked at of the facts of migration_forecast_info."""

    touched_bytes: t.Optional[Amount] = None
    dirty_rate: t.Optional[dict[str, t.Any]] = None


@dataclass(frozen=True)
class Measurement:
    """What migration_forecast_info or migration_dirty_rate_info returned for a guest, or the ``dirty_rate`` of the
    latter with a name, which is then in ``rate``."""

    uuid: t.Optional[str] = None
    name: t.Optional[str] = None
    facts: t.Optional[Known] = None
    touched_bytes: t.Optional[Amount] = None
    dirty_rate: t.Optional[dict[str, t.Any]] = None
    rate: t.Optional[dict[str, t.Any]] = None

    @property
    def known(self) -> Known:
        found = self.facts or Known(self.touched_bytes, self.dirty_rate)
        return Known(found.touched_bytes, found.dirty_rate or self.rate)


# By UUID and destination. None of it at all: readiness was not asked for.
Readiness = t.Mapping[tuple[str, str], Checked]


def planned_guest_from_document(
    guest: GuestDocument,
    host: HostDocument,
    *,
    rules: GuestRules,
    blocked: t.Mapping[str, tuple[fleet.Blocker, ...]],
    checked: bool,
    demand: TransferDemand,
    overhead_bytes: int,
    on_its_way_to: t.Optional[str] = None,
) -> fleet.PlannedGuest:
    """``blocked``: by destination, the checks that it fails there; ``overhead_bytes``: what QEMU needs beside its
    memory."""
    return fleet.PlannedGuest(
        guest.uuid,
        guest.name,
        host.name,
        _needs(guest, host, overhead_bytes),
        demand,
        vcpus=guest.vcpus_current or guest.vcpus or 1,
        running=guest.active,
        strategy=rules.strategy or MIGRATE,
        if_unplaceable=rules.if_unplaceable or LEAVE,
        priority=rules.priority or 0,
        claim=rules.claim,
        # Where checks were made, they know better: some devices can be migrated.
        host_devices=0 if checked else len(guest.sent_host_devices),
        blocked=blocked,
        allowed=None if rules.destinations is None else frozenset(rules.destinations),
        bound_for=on_its_way_to,
        moving=on_its_way_to is not None,
        said_policy=rules.said_policy,
    )


def blockers(
    guest: GuestDocument,
    destinations: t.Iterable[str],
    readiness: t.Optional[Readiness],
    refused: t.Collection[str] = (),
) -> dict[str, t.Any]:
    """The checks that it fails, by destination. ``refused``: those that must not be tried."""
    found: dict[str, tuple[fleet.Blocker, ...]] = {}
    for name in destinations:
        entry = (readiness or {}).get((guest.uuid, name))
        checks = () if readiness is None else (NOT_CHECKED,) if entry is None else _failed(entry)
        if name in refused:
            checks = (REFUSED, *checks)
        if checks:
            found[name] = checks
    return found


def demand_of(
    guest: GuestDocument, measurement: t.Optional[Measurement], policy: Policy, *, copy_disks: bool
) -> TransferDemand:
    """What of a guest has to be sent. One that was not measured sends no more than the memory that its host has given
    it, and what it gets back before it is sent."""
    facts = measurement.known if measurement else Known()
    measured: t.Optional[WorkingSet] = read_working_set(facts.dirty_rate) if facts.dirty_rate else None
    memory = (guest.memory.current_bytes or guest.memory.total_bytes) + owed_bytes(guest)
    touched = int(facts.touched_bytes or min(memory, guest.resident_bytes or memory))
    return TransferDemand(
        max(0, touched),
        sum(_disk_bytes(disk) for disk in guest.disks) if copy_disks else 0,
        measured,
        policy,
        postcopy_possible=not guest.postcopy_obstacles,
        host_devices=len(guest.sent_host_devices),
    )


def _failed(entry: Checked) -> tuple[fleet.Blocker, ...]:
    checks = entry.checks or ()
    failed = tuple(
        fleet.Blocker(check.id, check.summary or "", check.remedy or "")
        for check in checks
        if check.status == "fail" and check.id not in COUNTED_BY_THE_PLAN
    )
    if failed or entry.ready or any(check.status == "fail" for check in checks):
        return failed
    # Not ready, and the checks were left out of the list.
    return (fleet.Blocker("readiness", entry.summary or "", "look at its readiness"),)


def _needs(guest: GuestDocument, host: HostDocument, overhead_bytes: int) -> tuple[fleet.MemoryNeed, ...]:
    memory = guest.memory
    if memory.cells:
        return _needs_of_parts(memory, host, overhead_bytes)
    nodes = tuple(sorted(memory.nodes)) if memory.node_mode == "strict" else ()
    if not memory.hugepages:
        return (fleet.MemoryNeed(memory.total_bytes + overhead_bytes, fleet.ORDINARY, nodes),)
    page = memory.hugepage_size_bytes or host.memory.default_hugepage_size_bytes or _DEFAULT_HUGEPAGE_BYTES
    huge = fleet.MemoryNeed(memory.total_bytes, page // KIB, nodes)
    return (huge, fleet.MemoryNeed(overhead_bytes)) if overhead_bytes else (huge,)


def _needs_of_parts(memory: GuestMemory, host: HostDocument, overhead_bytes: int) -> tuple[fleet.MemoryNeed, ...]:
    """Of a guest whose parts are in different pages, or bound to different nodes."""
    found: dict[tuple[int, tuple[int, ...]], int] = {(fleet.ORDINARY, ()): overhead_bytes}
    for part in memory.cells:
        page = part.hugepage_size_bytes or host.memory.default_hugepage_size_bytes or _DEFAULT_HUGEPAGE_BYTES
        nodes = tuple(sorted(part.nodes)) if part.node_mode == "strict" else ()
        key = (page // KIB if part.hugepages else fleet.ORDINARY, nodes)
        found[key] = found.get(key, 0) + part.size_bytes
    return tuple(fleet.MemoryNeed(size, page, nodes) for (page, nodes), size in found.items() if size)


def _disk_bytes(disk: Disk) -> int:
    copied = disk.device == "disk" and disk.type in ("file", "block") and not (disk.readonly or disk.shareable)
    return (disk.allocated_bytes or disk.size_bytes or 0) if copied else 0
