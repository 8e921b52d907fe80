# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that go along: one is copied, and one is reached from both hosts."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from bench.moving import move
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

IMAGES = "/var/lib/libvirt/images"
SERVED = f"{IMAGES}/served.img"
PORT = "10809"
NBD = """<disk type='network' device='disk'><driver name='qemu' type='raw' cache='none'/>
<source protocol='nbd' name=''><host name='{}' port='10809'/></source><target dev='vdb' bus='virtio'/></disk>"""


@pytest.fixture
def two_disks(lab: Lab) -> t.Iterator[Subject]:
    """vda is a file of kvm01's, vdb is served to both hosts by kvm01."""
    guest = Subject(lab, "two disks", GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8, disk="local", disk_mib=16))
    address = lab.host("kvm01").mgmt_address
    with contextlib.ExitStack() as undo:
        lab.execute("kvm01", "truncate", "-s", "16M", SERVED)
        undo.callback(lab.execute, "kvm01", "rm", "-f", SERVED)
        serve = [
            "qemu-nbd",
            "--fork",
            "--persistent",
            "--shared=2",
            "--format=raw",
            f"--bind={address}",
            f"--port={PORT}",
        ]
        lab.execute("kvm01", *serve, "--pid-file=/run/served.pid", SERVED)
        undo.callback(lab.execute, "kvm01", "sh", "-c", "kill $(cat /run/served.pid)", check=False)
        undo.callback(guest.stop)
        guest.start()
        guest.virsh("destroy")
        xml = lab.virsh("kvm01", "dumpxml", guest.uuid, "--inactive").stdout
        xml = xml.replace("</devices>", f"{NBD.format(address)}</devices>")
        lab.execute("kvm01", "virsh", "define", "/dev/stdin", input_text=xml)
        lab.virsh("kvm01", "start", guest.uuid)
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
