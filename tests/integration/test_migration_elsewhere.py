# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests whose hosts have other names for the same: another bridge on each, another network, another address."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from bench.moving import move
from bench.runs import Ansible, assert_done, assert_refused
from bench.subject import Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

BRIDGES = {"kvm01": "guests-a", "kvm02": "guests-b"}
NIC = (
    "<interface type='bridge'><mac address='52:54:00:0f:0f:15'/><source bridge='{}'/><model type='virtio'/></interface>"
)
VNC = "<graphics type='vnc' port='-1' autoport='yes' listen='{}'/>"


@pytest.fixture
def connected(lab: Lab) -> t.Iterator[Subject]:
    """On kvm01, connected to a bridge that kvm02 has under another name, with a console on kvm01's own address."""
    guest = Subject(lab, "connected", GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8))
    with contextlib.ExitStack() as undo:
        for host, bridge in BRIDGES.items():
            lab.execute(host, "ip", "link", "add", bridge, "type", "bridge")
            undo.callback(lab.execute, host, "ip", "link", "del", bridge, check=False)
        undo.callback(guest.stop)
        guest.start()
        guest.virsh("destroy")
        xml = lab.virsh("kvm01", "dumpxml", guest.uuid, "--inactive").stdout
        own = NIC.format(BRIDGES["kvm01"]) + VNC.format(lab.host("kvm01").mgmt_address)
        lab.execute("kvm01", "virsh", "define", "/dev/stdin", input_text=xml.replace("</devices>", f"{own}</devices>"))
        lab.virsh("kvm01", "start", guest.uuid)
        yield guest


def names(lab: Lab, here: str, there: str) -> dict[str, t.Any]:
    addresses = {host: lab.host(host).mgmt_address for host in (here, there)}
    return {
        "bridges": {BRIDGES[here]: BRIDGES[there]},
        "listen_addresses": {addresses[here]: addresses[there]},
    }


def definitions(guest: Subject, host: str) -> list[str]:
    """What it runs with, and what it is started with the next time."""
    return [guest.virsh("dumpxml", *flags, host=host) for flags in ((), ("--inactive",))]


def test_each_host_has_another_bridge_and_another_address(lab: Lab, ansible: Ansible, connected: Subject) -> None:
    source, destination = lab.host("kvm01"), lab.host("kvm02")
    changes = names(lab, "kvm01", "kvm02")
    written = connected.virsh("dumpxml", "--migratable", "--security-info")
    later = connected.virsh("dumpxml", "--migratable", "--security-info", "--inactive")
    other = {
        "destination_xml": written,
        "persistent_xml": later.replace("<vcpu", "<maxMemory slots='2' unit='GiB'>9</maxMemory><vcpu"),
    }
    without, seen, half, done = ansible.run(
        "kvm01",
        move(connected, measure=False),
        move(connected, measure=False, **other),
        move(connected, measure=False, destination_xml=written),
        move(connected, measure=False, destination_changes=changes),
    )
    # As it is, libvirt finds no bridge; and what the guest would see is refused.
    assert_refused(without, "NETWORK_MISSING")
    assert_refused(seen, "GUEST_VISIBLE_CHANGE")
    assert "domain/maxMemory is there 0 times and would be 1 times" in seen["msg"]
    assert_refused(half, "OPTIONS_CONFLICT")
    assert_done(done, True, outcome="moved", runs_on="kvm02")
    connected.has_moved()
    for xml in definitions(connected, "kvm02"):
        assert (BRIDGES["kvm02"] in xml, BRIDGES["kvm01"] in xml) == (True, False)
        assert (destination.mgmt_address in xml, source.mgmt_address in xml) == (True, False)
    assert connected.virsh("domiflist").count(BRIDGES["kvm02"]) == 1

    # Home by whole definitions of the user's, as an administrator would write them.
    own = {
        name: connected.virsh("dumpxml", "--migratable", "--security-info", *flags)
        .replace(BRIDGES["kvm02"], BRIDGES["kvm01"])
        .replace(destination.mgmt_address, source.mgmt_address)
        for name, flags in (("destination_xml", ()), ("persistent_xml", ("--inactive",)))
    }
    (back,) = ansible.run("kvm02", move(connected, measure=False, **own))
    assert_done(back, True, outcome="moved", runs_on="kvm01")
    connected.has_moved()
    for xml in definitions(connected, "kvm01"):
        assert (BRIDGES["kvm01"] in xml, BRIDGES["kvm02"] in xml) == (True, False)
    connected.verify()
