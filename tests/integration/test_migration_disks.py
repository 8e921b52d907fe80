# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that go along: one is copied, and one is reached from both hosts."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from bench.inside import Inside
from bench.moving import move
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.shared_disk import IMAGES, served
from bench.subject import Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab


@pytest.fixture
def two_disks(lab: Lab) -> t.Iterator[Subject]:
    """vda is a file of kvm01's, vdb is served to both hosts by kvm01."""
    guest = Subject(lab, "two disks", GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8, disk="local", disk_mib=16))
    with contextlib.ExitStack() as undo:
        undo.callback(guest.stop)
        guest.start()
        undo.enter_context(served(lab, "kvm01", guest.uuid))
        undo.callback(guest.virsh, "destroy", host="kvm01", check=False)
        undo.callback(guest.virsh, "destroy", host="kvm02", check=False)
        yield guest


def contents(guest: Subject, host: str) -> str:
    return guest.lab.execute(host, "sha256sum", f"{IMAGES}/{guest.uuid}.img", check=False).stdout.split(" ")[0]


def test_one_disk_is_copied_and_one_is_on_both_hosts(ansible: Ansible, two_disks: Subject) -> None:
    before = contents(two_disks, "kvm01")
    there = {**task("migration_host_info", load_window_s=0), "delegate_to": "kvm02", "register": "there"}
    ready = {"name": two_disks.name, "destination": "{{ there.host }}", "copy_storage": "all"}
    _there, fits, itself, _same, done = ansible.run(
        "kvm01",
        there,
        task("migration_readiness_info", **ready),
        task("migration_readiness_info", copy_disks=["vda", "vdb"], **ready),
        move(two_disks, measure=False, copy_storage="all", copy_disks=["vda", "vdb"]),
        move(two_disks, measure=False, copy_storage="all"),
    )
    found = [
        next(check for check in one["domains"][0]["checks"] if check["id"] == "disks_reachable")
        for one in (fits, itself)
    ]
    assert [one["status"] for one in found] == ["pass", "fail"]
    assert found[0]["summary"].endswith("Both hosts reach vdb.")
    assert_refused(_same, "COPY_ONTO_ITSELF")
    assert_done(done, True, outcome="moved", runs_on="kvm02")
    two_disks.has_moved()
    assert contents(two_disks, "kvm02") == before
    assert "protocol='nbd'" in two_disks.virsh("dumpxml")
    two_disks.verify()


# Three quarters of the disk, again and again, from memory and past the guest's own cache, so that it does not write in
# bursts. To copy them takes QEMU 6 s, in three pieces of 16 MiB; all of that is written anew before they are done, also
# by a guest that gets to write no more than 10 MiB/s. What is left differs by a piece from one moment to the next,
# which is less than a tenth of what is copied while that is watched.
DISK_MIB = 64
WRITES = (
    "dd if=/dev/urandom of=/tmp/x bs=1M count=24; while :; do"
    " for at in 0 24; do dd if=/tmp/x of=/dev/vda bs=1M seek=$at oflag=direct; done; done"
)
COPIED_MIB_PER_S = 8


@pytest.fixture
def writer(lab: Lab) -> t.Iterator[Inside]:
    """Its disk is a file of its host's own, and it writes to it all the time."""
    options = GuestOptions(ram_mib=192, hot_mib=8, cold_mib=8, disk="local", disk_mib=DISK_MIB, agent=True)
    guest = Inside(lab, "writer", options)
    with contextlib.ExitStack() as undo:
        undo.callback(guest.stop)
        guest.start()
        guest.begin(WRITES)
        yield guest


def test_a_copy_that_does_not_get_less_is_told_and_freed(ansible: Ansible, writer: Inside) -> None:
    """Somebody's copy is diagnosed and given up in its time; as the remedy has it, it arrives."""
    limit = ("--copy-storage-all", "--bandwidth", str(COPIED_MIB_PER_S))
    migration = writer.lab.migrate(writer.uuid, source="kvm01", destination="kvm02", flags=limit)
    # The disk has been copied once, and what was written anew meanwhile is left.
    copied = 3 * DISK_MIB // 2 << 20
    wait_for(lambda: writer.job().get("disk_processed", 0) > copied, "the disk to be copied more than once")
    within = {"storage_deadline_s": 5, "on_hopeless": "abort"}
    looked, given_up, moved = ansible.run(
        "kvm01",
        task("migration_job_info", name=writer.name, observe_s=31),
        task("migration_rescue", name=writer.name, policy_overrides=within),
        move(
            writer,
            measure=False,
            bandwidth_mib_per_s=COPIED_MIB_PER_S,
            copy_storage="all",
            copy_synchronous_writes=True,
            policy_overrides={"max_downtime_ms": 20_000},
        ),
    )
    (job,) = looked["jobs"]
    found = job["diagnosis"]
    assert (found["verdict"], found["reason"]) == ("stuck", "STORAGE_COPY"), str(found)
    assert found["evidence"]["firm"] is True
    assert [one["action"] for one in found["remedies"]] == ["synchronous_writes", "quiesce", "abort"]
    assert_refused(given_up, "GIVEN_UP")
    assert "STORAGE_DEADLINE" in str(given_up["record"]["decisions"]), given_up
    assert migration.wait() != 0
    assert_done(moved, True, outcome="moved", runs_on="kvm02")
    writer.has_moved()
    writer.verify()
