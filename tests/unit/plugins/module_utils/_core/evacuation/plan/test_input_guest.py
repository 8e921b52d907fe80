# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Blocker,
    MemoryNeed,
    PlannedGuest,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.guest_rules import GuestRules
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.input_guest import (
    NOT_CHECKED,
    Check,
    Checked,
    Known,
    Measurement,
    blockers,
    demand_of,
    planned_guest_from_document,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Disk,
    GuestDocument,
    GuestMemory,
    HostDevice,
    SharedDirectory,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

GIB = 1 << 30
GUEST = GuestDocument("erp01", "u", state="running", memory=GuestMemory(total_bytes=8 * GIB, current_bytes=6 * GIB))
HOST = HostDocument("kvm01", "h")


def planned(guest: GuestDocument = GUEST, **options: t.Any) -> PlannedGuest:
    given: dict[str, t.Any] = {
        "rules": GuestRules(),
        "blocked": {},
        "checked": True,
        "demand": demand_of(guest, None, Policy(), copy_disks=False),
        "overhead_bytes": 0,
    }
    return planned_guest_from_document(guest, HOST, **{**given, **options})


def test_what_nobody_has_said() -> None:
    found = planned()
    assert (found.key, found.strategy, found.if_unplaceable, found.priority) == ("u", "migrate", "leave", 0)
    assert (found.allowed, found.bound_for, found.moving) == (None, None, False)


def test_what_was_said() -> None:
    rules = GuestRules(strategy="leave", if_unplaceable="shutdown", priority=4, claim=1, destinations=["kvm02"])
    found = planned(rules=rules, on_its_way_to="kvm03")
    assert (found.strategy, found.if_unplaceable, found.priority, found.claim) == ("leave", "shutdown", 4, 1)
    assert (found.allowed, found.bound_for, found.moving) == (frozenset({"kvm02"}), "kvm03", True)


def test_devices_count_only_where_nobody_has_checked_them() -> None:
    guest = replace(GUEST, host_devices=[HostDevice("pci", "1"), HostDevice("pci", "2", teaming=True)])
    assert planned(guest, checked=False).host_devices == 1
    assert planned(guest).host_devices == 0


@pytest.mark.parametrize(
    ("more", "possible"),
    [
        ({}, True),
        ({"host_devices": [HostDevice("pci", "1")]}, False),
        ({"host_devices": [HostDevice("pci", "1", teaming=True)]}, True),
        ({"shared_directories": [SharedDirectory(driver="virtiofs")]}, False),
    ],
)
def test_a_plan_counts_on_no_post_copy_that_cannot_be(more: dict[str, t.Any], possible: bool) -> None:
    assert demand_of(replace(GUEST, **more), None, Policy(), copy_disks=False).postcopy_possible is possible


def test_memory_with_what_qemu_needs_beside_it() -> None:
    assert planned(overhead_bytes=GIB).needs == (MemoryNeed(9 * GIB),)
    huge = replace(GUEST, memory=GuestMemory(total_bytes=8 * GIB, hugepages=True, hugepage_size_bytes=GIB))
    assert planned(huge, overhead_bytes=GIB).needs == (MemoryNeed(8 * GIB, 1 << 20), MemoryNeed(GIB))


@pytest.mark.parametrize(
    ("resident", "measurement", "touched"),
    [
        (None, None, 6 * GIB),
        (2 * GIB, None, 2 * GIB),
        (9 * GIB, None, 6 * GIB),  # of a balloon: no more than it has now
        (2 * GIB, Measurement(facts=Known(touched_bytes=3 * GIB)), 3 * GIB),
        (2 * GIB, Measurement(touched_bytes=GIB), GIB),
    ],
)
def test_what_will_be_sent(resident: int | None, measurement: Measurement | None, touched: int) -> None:
    guest = replace(GUEST, resident_bytes=resident)
    assert demand_of(guest, measurement, Policy(), copy_disks=False).touched_bytes == touched


def test_disks_that_are_copied_along() -> None:
    disks = [
        Disk("vda", "disk", "file", "/a", allocated_bytes=GIB, size_bytes=9 * GIB),
        Disk("vdb", "disk", "block", "/b", size_bytes=2 * GIB),
        Disk("sda", "cdrom", "file", "/c", size_bytes=4 * GIB),
        Disk("vdc", "disk", "file", "/d", size_bytes=8 * GIB, readonly=True),
        Disk("vdd", "disk", "network", "rbd", size_bytes=16 * GIB),
    ]
    guest = replace(GUEST, disks=disks)
    assert demand_of(guest, None, Policy(), copy_disks=True).disk_bytes == 3 * GIB
    assert demand_of(guest, None, Policy(), copy_disks=False).disk_bytes == 0


def test_checks_that_fail_by_destination() -> None:
    checks = [
        Check("cpu_compatible", "fail", "no avx", "another"),
        Check("memory_available", "fail"),
        Check("x", "warn"),
    ]
    readiness = {
        ("u", "kvm02"): Checked("u", "kvm02", False, checks),
        ("u", "kvm03"): Checked("u", "kvm03", False, [Check("memory_available", "fail")]),
        ("u", "kvm04"): Checked("u", "kvm04", False, [], "not ready"),
    }
    assert blockers(GUEST, ["kvm02", "kvm03", "kvm04", "kvm05"], readiness) == {
        "kvm02": (Blocker("cpu_compatible", "no avx", "another"),),  # memory is counted by the plan itself
        "kvm04": (Blocker("readiness", "not ready", "look at its readiness"),),
        "kvm05": (NOT_CHECKED,),
    }
    assert blockers(GUEST, ["kvm02"], None) == {}
