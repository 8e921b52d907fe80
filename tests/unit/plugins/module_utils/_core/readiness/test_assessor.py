# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    CpuOpinion,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GUEST, LOCAL_DISK, QUIET, Setup

IDS = [check.id for check in CHECKS]


def test_a_healthy_guest_is_ready() -> None:
    found = Assessor(Setup().pair).assess(GUEST, cpu=CpuOpinion(True, "identical"), measured=QUIET)
    document = found.document()
    assert (document["name"], document["uuid"], document["destination"]) == ("erp01", GUEST.uuid, "kvm02")
    assert document["ready"]
    assert document["summary"] == "erp01 can go to kvm02."
    assert [check["id"] for check in document["checks"]] == IDS
    assert document["counts"] == {PASS: len(IDS) - 6, WARN: 0, FAIL: 0, SKIP: 6}
    assert json.loads(json.dumps(document)) == document


def test_one_that_is_not() -> None:
    guest = replace(GUEST, disks=[LOCAL_DISK], snapshots=1, qemu_arguments=True)
    document = Assessor(Setup().pair).assess(guest).document(statuses=[FAIL, WARN])
    assert not document["ready"]
    assert document["summary"] == (
        "erp01 cannot go to kvm02: It has 1 snapshot, which libvirt does not take along. And 1 more."
    )
    assert [(check["id"], check["status"]) for check in document["checks"]] == [
        ("snapshots", FAIL),
        ("qemu_arguments", WARN),
        ("disks_reachable", FAIL),
    ]
    assert document["counts"][FAIL] == 2
    assert sum(document["counts"].values()) == len(IDS)


def test_warnings_leave_it_ready() -> None:
    found = Assessor(Setup().pair).assess(replace(GUEST, qemu_arguments=True))
    assert found.ready
    assert found.summary() == "erp01 can go to kvm02, with warnings: qemu_arguments."


def test_of_a_guest_that_does_not_run_only_its_definition_counts() -> None:
    found = Assessor(Setup().pair).assess(replace(GUEST, state="shut off", disks=[LOCAL_DISK], snapshots=1)).findings
    assert found["memory_available"].summary == found["tsc"].summary == "The guest does not run."
    assert (found["snapshots"].status, found["name_free"].status, found["same_host"].status) == (FAIL, PASS, PASS)
    assert (found["disks_reachable"].status, found["machine_type"].status) == (FAIL, PASS)


def test_hosts_of_which_nothing_is_known_make_no_check_fall_over() -> None:
    """Documents of remote connections, or written by hand."""
    bare = {"source": HostDocument("a", "1"), "destination": HostDocument("b", "2")}
    for guest in (GUEST, replace(GUEST, disks=[LOCAL_DISK], interfaces=[])):
        found = Assessor(Setup().but(bare).pair).assess(guest)
        assert {check: one.summary for check, one in found.findings.items() if one.status == FAIL} == {
            "machine_type": "The destination has no emulator for x86_64."
        }
