# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_host_info on real hosts."""

from __future__ import annotations

import time
import typing as t

import pytest
from bench.runs import Ansible, Result, assert_done
from bench.subject import Subject
from virtlab.daemons import is_modular
from virtlab.lab import Lab

MODULE = "migration_host_info"
FIREWALL = ("INPUT", "-p", "tcp", "--dport", "49152:49215", "-j", "REJECT")
CA = "/etc/pki/qemu/ca-cert.pem"
# A guest that is only defined, on the interface that migrations use.
NEIGHBOUR = """<domain type='qemu'><name>neighbour "one"</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<disk type='file' device='disk'><driver type='raw'/><source file='/var/lib/libvirt/images/neighbour.img'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='direct'><source dev='eth1' mode='bridge'/></interface></devices></domain>
"""


def host_of(ansible: Ansible, name: str, **options: t.Any) -> Result:
    result = ansible.module(name, MODULE, timeout_s=60, **options)
    assert_done(result, changed=False)
    found: Result = result["host"]
    return found


@pytest.fixture
def crowded(lab: Lab) -> t.Iterator[None]:
    """kvm02 with all ports taken, a firewall that lets nothing in, and a guest on the migration interface."""
    iptables = lab.execute("kvm02", "iptables", "-A", *FIREWALL, check=False)
    assert iptables.returncode == 0, iptables.stderr
    lab.fill_ports("kvm02")
    lab.execute("kvm02", "truncate", "-s", "4M", "/var/lib/libvirt/images/neighbour.img")
    lab.execute("kvm02", "virsh", "define", "/dev/stdin", input_text=NEIGHBOUR)
    try:
        yield
    finally:
        lab.virsh("kvm02", "undefine", 'neighbour "one"', check=False)
        lab.execute("kvm02", "rm", "-f", "/var/lib/libvirt/images/neighbour.img")
        lab.execute("kvm02", "iptables", "-D", *FIREWALL, check=False)
        lab.clear("kvm02")


@pytest.mark.fast
def test_a_host_as_it_is(lab: Lab, ansible: Ansible, crm01: Subject) -> None:
    source, destination = (lab.host(name) for name in (crm01.source, crm01.destination))
    began_s = time.time()
    reference_s = began_s - 60
    host = host_of(ansible, source.name, peers=[destination.migration_address], reference_epoch_s=reference_s)
    took_ms = (time.time() - began_s) * 1000
    assert (host["name"], host["uuid"], host["local"], host["problems"]) == (source.name, source.uuid, True, [])
    versions = lab.virsh(source.name, "version").stdout
    assert f"libvirt {host['versions']['libvirt']}\n" in versions
    assert f"QEMU {host['versions']['qemu']}\n" in versions
    assert (host["daemon"]["mode"], host["daemon"]["qemu_settings"]["migration_host"]) == (
        "modular" if is_modular(source) else "monolithic",
        source.migration_address,
    )
    assert {(one["transport"], one["address"]) for one in host["daemon"]["listeners"]} == {
        ("tcp", source.mgmt_address),
        ("ssh", source.mgmt_address),
    }
    path = host["migration"]
    assert (path["address"], path["address_from"]) == (source.migration_address, "qemu.conf migration_host")
    assert (path["interface"], path["address_interface"], path["mtu"], path["ports_used"]) == ("eth1", "eth1", 1500, [])
    # A virtual wire says 10 Gbit/s, and it is known not to mean it.
    assert (path["speed_mbit_per_s"], path["speed_is_real"]) == (10000, False)
    assert (path["carries_ssh"], path["carries_default_route"], path["carries_guests"]) == (False, False, [])
    assert 1 <= path["load"]["window_s"] < 30
    assert 0 < host["memory"]["free_bytes"] <= host["memory"]["available_bytes"] <= host["memory"]["total_bytes"]
    assert (host["security"]["userfaultfd"]["usable"], host["security"]["qemu_user"]) == (True, "+0")
    assert 59_000 < host["clock"]["offset_ms"] < 61_000 + took_ms
    assert {one["name"]: one["free_bytes"] for one in host["storage"]["pools"]}["default"] > 0
    (guest,) = [one for one in host["domains"] if one["uuid"] == crm01.uuid]
    assert (guest["name"], guest["state"], guest["job"], guest["snapshots"]) == ("crm01", "running", "", 0)
    assert guest["memory"]["total_bytes"] == crm01.options.ram_mib << 20
    assert 24 << 20 < guest["resident_bytes"] < 1 << 30


def test_the_way_is_that_of_the_route(lab: Lab, ansible: Ansible) -> None:
    """A peer in the other network: what the address of this host says does not count."""
    path = host_of(ansible, "kvm01", peers=[lab.host("kvm02").mgmt_address], load_window_s=0, domains=False)[
        "migration"
    ]
    assert (path["interface"], path["address_interface"]) == ("eth0", "eth1")
    assert path["carries_ssh"] is True
    assert path["load"] is None


def test_a_crowded_host(ansible: Ansible, crowded: None) -> None:
    host = host_of(ansible, "kvm02", load_window_s=0)
    path = host["migration"]
    assert path["ports_used"] == list(range(49152, 49216))
    (holder,) = path["ports_used_by"]
    assert (holder["process"], holder["ports"]) == ("python3", path["ports_used"])
    assert path["carries_guests"] == ["eth1"]
    openings = {one["purpose"]: one["verdict"] for one in host["firewall"]["openings"]}
    assert (openings["migration"], openings["ssh"]) == ("closed", "open")
    (guest,) = [one for one in host["domains"] if one["name"] == 'neighbour "one"']
    assert (guest["state"], guest["interfaces"][0]["device"]) == ("shut off", "eth1")
    (disk,) = guest["disks"]
    assert (disk["size_bytes"], disk["allocated_bytes"], disk["fs_type"]) == (4 << 20, 0, "tmpfs")


def test_a_migration_that_runs(ansible: Ansible, erp01: Subject) -> None:
    """Neither host is slowed down or asks the guest anything."""
    migration = erp01.migrate()
    erp01.in_pass(2)
    here, there = (host_of(ansible, name, load_window_s=5) for name in (erp01.source, erp01.destination))
    assert migration.exit_code() is None
    (leaving,) = [one for one in here["domains"] if one["uuid"] == erp01.uuid]
    (arriving,) = [one for one in there["domains"] if one["uuid"] == erp01.uuid]
    assert (leaving["job"], arriving["job"]) == ("migration out", "migration in")
    assert len(there["migration"]["ports_used"]) >= 1
    # At most 400 Mbit/s, as the link is shaped, from the one to the other; less on a machine that is busy otherwise.
    assert 2e6 < here["migration"]["load"]["tx_bytes_per_s"] < 70e6
