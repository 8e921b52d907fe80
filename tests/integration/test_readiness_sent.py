# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt sends of a guest is judged, not what runs: on real daemons, and as libvirt itself then decides.

The guest is on a network of libvirt's, which has another bridge on each host, and its console listens on an address
that is in qemu.conf of the source.
"""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from bench.runs import Ansible, Result, task
from bench.subject import wait_for
from virtlab.lab import Lab

pytestmark = pytest.mark.wide

UUID = "00000000-0000-4000-8000-0000000000f1"
NETWORK = "<network><name>{name}</name><forward mode='bridge'/><bridge name='{bridge}'/></network>"
GUEST = """<domain type='qemu'><name>sent</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory>
<vcpu cpuset='0-1'>1</vcpu><cputune><emulatorpin cpuset='0'/></cputune>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model></cpu>
<devices><controller type='usb' model='none'/>
<interface type='network'><source network='blue'/></interface>
<graphics type='vnc' port='-1' autoport='yes'/>
<serial type='tcp'><source mode='bind' host='127.0.0.2' service='4555'/></serial>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices></domain>"""
QEMU_CONF = "/etc/libvirt/qemu.conf"


@pytest.fixture
def sent(lab: Lab) -> t.Iterator[Lab]:
    """It runs on kvm01, and its processors stand still."""
    with contextlib.ExitStack() as undo:
        for name, bridge in (("kvm01", "blue-a"), ("kvm02", "blue-b")):
            before = lab.execute(name, "cat", QEMU_CONF).stdout
            undo.callback(wait_for, lambda host=name: lab.virsh(host, "uri", check=False).returncode == 0, "libvirtd")
            undo.callback(lab.restart_libvirtd, name)
            undo.callback(lab.execute, name, "tee", QEMU_CONF, input_text=before)
            own = f'vnc_listen = "{lab.host(name).mgmt_address}"\n'
            lab.execute(name, "tee", QEMU_CONF, input_text=before.rstrip("\n") + "\n" + own)
            lab.restart_libvirtd(name)
            wait_for(lambda host=name: lab.virsh(host, "uri", check=False).returncode == 0, "libvirtd")
            undo.callback(lab.execute, name, "ip", "link", "del", bridge, check=False)
            lab.execute(name, "ip", "link", "add", bridge, "type", "bridge")
            undo.callback(lab.virsh, name, "net-undefine", "blue", check=False)
            undo.callback(lab.virsh, name, "net-destroy", "blue", check=False)
            xml = NETWORK.format(name="blue", bridge=bridge)
            lab.execute(name, "virsh", "net-define", "/dev/stdin", input_text=xml)
            lab.virsh(name, "net-start", "blue")
            undo.callback(lab.virsh, name, "destroy", UUID, check=False)
        lab.execute("kvm01", "virsh", "create", "/dev/stdin", "--paused", input_text=GUEST.format(uuid=UUID))
        yield lab


def look(ansible: Ansible, *, remote: bool = False) -> tuple[Result, dict[str, Result]]:
    """The guest's part of the document, and what the checks found. ``remote``: the destination is seen by its libvirt
    alone, from the source."""
    uri = "qemu+tcp://kvm02/system"
    where: Result = {} if remote else {"delegate_to": "kvm02"}
    there = {**task("migration_host_info", load_window_s=0, **({"uri": uri} if remote else {})), **where}
    there["register"] = "there"
    here = {**task("migration_host_info", load_window_s=0), "register": "here"}
    given = {"source": "{{ here.host }}", "destination": "{{ there.host }}", "name": "sent", "destination_uri": uri}
    _there, seen, result = ansible.run("kvm01", there, here, task("migration_readiness_info", **given))
    assert not result["failed"], result["msg"]
    guest = next(one for one in seen["host"]["domains"] if one["name"] == "sent")
    return guest, {check["id"]: check for check in result["domains"][0]["checks"]}


def test_what_is_sent_counts(sent: Lab, ansible: Ansible) -> None:
    source, destination = sent.host("kvm01"), sent.host("kvm02")
    guest, found = look(ansible)
    (nic,), (console,) = guest["interfaces"], guest["graphics"]
    assert (nic["type"], nic["network"], nic["bridge"]) == ("bridge", "blue", "blue-a")
    assert (console["listen"], console["sent"]) == (source.mgmt_address, False)
    assert (guest["pinned_cpus"], guest["needed_files"], guest["not_looked_at"]) == ([0, 1], [], [])
    assert [(one["address"], one["port"]) for one in guest["endpoints"]] == [("127.0.0.2", 4555)]
    passed = ("guest_networks", "graphics", "device_files", "other_devices", "vsock", "boot_files")
    assert {check: found[check]["status"] for check in passed} == dict.fromkeys(passed, "pass"), found
    assert (found["cpu_count"]["status"], found["cpu_compatible"]["status"]) == ("warn", "pass")

    # Without the network libvirt refuses, and so does the check.
    sent.virsh("kvm02", "net-destroy", "blue")
    sent.virsh("kvm02", "net-undefine", "blue")
    _guest, without = look(ansible)
    assert (without["guest_networks"]["status"], "no network 'blue'" in without["guest_networks"]["summary"]) == (
        "fail",
        True,
    )
    uri = f"qemu+tcp://{destination.mgmt_address}/system"
    # By a connection from elsewhere, which tells nothing of its bridges, too.
    _guest, from_afar = look(ansible, remote=True)
    assert (from_afar["guest_networks"]["status"], from_afar["guest_mtu"]["status"]) == ("fail", "skip")
    assert "no network 'blue'" in from_afar["guest_networks"]["summary"]
    refused = sent.virsh("kvm01", "migrate", "--live", "--p2p", "sent", uri, check=False)
    assert "Network not found" in refused.stderr, refused.stderr

    # With it the guest arrives, and its console listens on the other host's own address.
    sent.execute("kvm02", "virsh", "net-define", "/dev/stdin", input_text=NETWORK.format(name="blue", bridge="blue-b"))
    sent.virsh("kvm02", "net-start", "blue")
    sent.virsh("kvm01", "migrate", "--live", "--p2p", "sent", uri)
    arrived = sent.virsh("kvm02", "dumpxml", "sent").stdout
    assert f"listen='{destination.mgmt_address}'" in arrived
    assert "bridge='blue-b'" in arrived
