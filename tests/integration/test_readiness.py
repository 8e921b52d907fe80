# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_readiness_info on real hosts and guests.

What the lab cannot be, or would take too long to become, is tested with documents of such hosts, in
tests/unit/plugins/module_utils/_core/readiness/test_checks.py.
"""

from __future__ import annotations

import time
import typing as t

import pytest
from bench.runs import Ansible, Result, assert_refused, task
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

URI = "qemu+tcp://kvm02/system"
FIREWALL = ("INPUT", "-p", "tcp", "--dport", "49152:49215", "-j", "DROP")
PROBLEM_UUID = "00000000-0000-4000-8000-0000000000aa"
# Runs, without anything to run: parts of it are trouble for a migration.
PROBLEM = """<domain type='qemu'><name>problem</name><uuid>{uuid}</uuid><memory unit='KiB'>{memory_kib}</memory>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
<devices><disk type='file' device='disk'><driver type='raw' cache='none'/>
<source file='/var/lib/libvirt/images/problem.img'/><target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><source bridge='guests0'/></interface></devices></domain>
"""
# Could be started on no host of the lab, whose QEMU emulates its processors.
DEMANDING = """<domain type='qemu'><name>demanding</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
<cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model>
<feature policy='require' name='avx512f'/></cpu></domain>
"""
# A guest of the same name on the destination, and on the interface of migrations.
NAMESAKE = """<domain type='qemu'><name>problem</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><interface type='direct'><source dev='eth1' mode='bridge'/></interface></devices></domain>
"""


def document(ansible: Ansible, host: str, **options: t.Any) -> Result:
    result = ansible.module(host, "migration_host_info", load_window_s=0, **options)
    assert not result["failed"], result["msg"]
    found: Result = result["host"]
    return found


def checks_of(result: Result) -> dict[str, str]:
    assert not result["failed"], result["msg"]
    assert not result["changed"]
    return {check["id"]: check["status"] for check in result["domains"][0]["checks"]}


def summary_of(result: Result, check: str) -> str:
    return str(next(one["summary"] for one in result["domains"][0]["checks"] if one["id"] == check))


def replace_line(lab: Lab, path: str, start: str, line: str) -> None:
    text = lab.execute("kvm02", "cat", path).stdout
    lines = [line if one.startswith(start) else one for one in text.splitlines()]
    lab.execute("kvm02", "tee", path, input_text="\n".join(lines) + "\n")


@pytest.fixture
def problem(lab: Lab) -> t.Iterator[str]:
    """A guest on kvm01 that wants more memory than there is and a bridge that kvm02 does not have; and a definition."""
    # Nearly all that the machine has: what is available changes with the guests of other labs.
    words = lab.execute("kvm02", "grep", "MemTotal", "/proc/meminfo").stdout.split()
    xml = PROBLEM.format(uuid=PROBLEM_UUID, memory_kib=int(words[1]) - 64 * 1024)
    lab.execute("kvm01", "ip", "link", "add", "guests0", "type", "bridge")
    lab.execute("kvm01", "truncate", "-s", "1M", "/var/lib/libvirt/images/problem.img")
    try:
        lab.execute("kvm01", "virsh", "define", "/dev/stdin", input_text=DEMANDING)
        lab.execute("kvm01", "virsh", "create", "/dev/stdin", "--paused", input_text=xml)
        yield "problem"
    finally:
        lab.virsh("kvm01", "destroy", PROBLEM_UUID, check=False)
        lab.virsh("kvm01", "undefine", "demanding", check=False)
        lab.execute("kvm01", "rm", "-f", "/var/lib/libvirt/images/problem.img")
        lab.execute("kvm01", "ip", "link", "del", "guests0", check=False)


@pytest.fixture
def sick_destination(lab: Lab) -> t.Iterator[None]:
    """kvm02 as a clone of kvm01, with a QEMU that may not use userfaultfd, ports that are taken, and a firewall."""
    clone = f'host_uuid = "{lab.host("kvm01").uuid}"'
    own = f'host_uuid = "{lab.host("kvm02").uuid}"'
    try:
        replace_line(lab, "/etc/libvirt/libvirtd.conf", "host_uuid", clone)
        replace_line(lab, "/etc/libvirt/qemu.conf", "user", 'user = "nobody"')
        lab.restart_libvirtd("kvm02")
        lab.fill_ports("kvm02")
        lab.execute("kvm02", "virsh", "define", "/dev/stdin", input_text=NAMESAKE)
        lab.execute("kvm02", "iptables", "-A", *FIREWALL)
        lab.execute("kvm02", "ip", "link", "set", "eth1", "mtu", "1400")
        yield
    finally:
        lab.clear("kvm02")
        lab.execute("kvm02", "ip", "link", "set", "eth1", "mtu", "1500")
        lab.execute("kvm02", "iptables", "-D", *FIREWALL, check=False)
        lab.virsh("kvm02", "undefine", "problem", check=False)
        replace_line(lab, "/etc/libvirt/libvirtd.conf", "host_uuid", own)
        replace_line(lab, "/etc/libvirt/qemu.conf", "user", 'user = "root"')
        lab.restart_libvirtd("kvm02")
        wait_for(lambda: lab.virsh("kvm02", "uri", check=False).returncode == 0, "libvirtd")


@pytest.mark.fast
def test_a_guest_that_can_move(lab: Lab, ansible: Ansible, crm01: Subject) -> None:
    """It is on the host that the lab started it on, or on the other one: both ways are the same."""
    destination = document(ansible, crm01.destination, reference_epoch_s=time.time())
    uri = f"qemu+tcp://{crm01.destination}/system"
    judged = {
        "dirty_rates": "{{ [measured.dirty_rate] }}",
        "bandwidth_mib_per_s": 45,
        "rules": [
            {"id": "in_pairs", "severity": "warn", "expr": "domain.vcpus >= `2`", "message": "One processor only."}
        ],
    }
    arguments = {"name": "crm01", "destination": destination, "destination_uri": uri}
    _measured, result, judged_result = ansible.run(
        crm01.source,
        {**task("migration_dirty_rate_info", name="crm01", windows_s=[1, 2]), "register": "measured"},
        task("migration_readiness_info", **arguments),
        task("migration_readiness_info", **arguments, **judged),
    )
    checks = checks_of(result)
    assert {check for check, status in checks.items() if status == "fail"} == set(), result["domains"][0]["summary"]
    asked = ("same_host", "migration_route", "destination_reachable", "daemon_login", "ports_free", "ports_open")
    assert {checks[check] for check in (*asked, "memory_available", "machine_type", "postcopy_possible")} == {"pass"}
    # Its kernel is read by QEMU, its memory is given past libvirt, and the daemon asks nobody who he is.
    assert {check for check in ("boot_files", "qemu_arguments", "daemon_listens") if checks[check] == "warn"} == {
        "boot_files",
        "qemu_arguments",
        "daemon_listens",
    }
    assert checks["forecast"] == "skip"  # without a measurement nothing is said
    checks = checks_of(judged_result)
    assert (checks["dirty_rate"], checks["working_set"], checks["forecast"]) == ("pass", "pass", "pass")
    assert checks["in_pairs"] == "warn"
    assert summary_of(judged_result, "in_pairs") == "One processor only."
    # What it says is what happens.
    crm01.arrives(crm01.migrate())


def test_a_guest_that_cannot(lab: Lab, ansible: Ansible, problem: str, sick_destination: None) -> None:
    destination = document(ansible, "kvm02", reference_epoch_s=time.time() - 60)
    mine = document(ansible, "kvm01", reference_epoch_s=time.time(), peers=[lab.host("kvm02").migration_address])
    arguments = {"name": problem, "destination": destination, "destination_uri": URI}
    result, tls, demanding = ansible.run(
        "kvm01",
        task("migration_readiness_info", source=mine, **arguments),
        task("migration_readiness_info", source=mine, tls=True, copy_storage="all", **arguments),
        task("migration_readiness_info", source=mine, **{**arguments, "name": "demanding"}),
    )
    checks = checks_of(result)
    assert not result["domains"][0]["ready"]
    failed = {check for check, status in checks.items() if status == "fail"}
    assert failed == {
        "same_host",  # the UUID of the host was cloned
        "name_free",
        "memory_available",
        "disks_reachable",
        "guest_networks",
        "ports_free",
        "ports_open",
    }
    assert checks_of(demanding)["cpu_compatible"] == "fail"  # the destination's libvirt says so
    assert "avx512f" in summary_of(demanding, "cpu_compatible")
    assert "'guests0'" in summary_of(result, "guest_networks")
    warned = ["guest_state", "dedicated_interface", "migration_mtu", "clocks"]
    if "userfaultfd_device" not in destination["features"]:  # with which the setting that is off does not matter
        warned.append("postcopy_possible")
        assert "userfaultfd" in summary_of(result, "postcopy_possible")
    assert {check: checks[check] for check in warned} == dict.fromkeys(warned, "warn")
    assert "eth1 of kvm02 with guests on eth1" in summary_of(result, "dedicated_interface")
    # Some of these libvirt finds itself at the start, one after the other.
    migrate = ("migrate", "--live", "--p2p", PROBLEM_UUID, URI)
    assert "without shared storage" in lab.virsh("kvm01", *migrate, check=False).stderr
    assert "unused port in range 'migration'" in lab.virsh("kvm01", *migrate, "--unsafe", check=False).stderr
    # Over TLS, for which there are no certificates, and with the disk, for which there is room.
    checks = checks_of(tls)
    assert (checks["tls"], checks["disks_reachable"], checks["disk_room"]) == ("fail", "pass", "pass")


def test_a_destination_that_does_not_answer(lab: Lab, ansible: Ansible, crm01: Subject) -> None:
    destination = document(ansible, crm01.destination)
    uri = f"qemu+tcp://{crm01.destination}/system"
    lab.link_down(crm01.destination, network="mgmt")
    try:
        arguments = {"name": "crm01", "destination": destination, "destination_uri": uri}
        result = ansible.module(crm01.source, "migration_readiness_info", timeout_s=120, **arguments)
    finally:
        lab.link_up(crm01.destination, network="mgmt")
    checks = checks_of(result)
    assert (checks["destination_reachable"], checks["daemon_login"], checks["ports_open"]) == ("fail", "fail", "pass")


def test_what_is_refused(ansible: Ansible) -> None:
    host = {"name": "kvm09", "uuid": "9"}
    bad_rule = {"id": "odd", "expr": "domain.[", "message": "Odd."}
    rule, guest, document = ansible.run(
        "kvm01",
        task("migration_readiness_info", destination=host, rules=[bad_rule]),
        task("migration_readiness_info", destination=host, name="erp99"),
        task("migration_readiness_info", destination={"name": "kvm09"}),
    )
    assert_refused(rule, "BAD_RULE")
    assert "'odd'" in rule["msg"]
    assert_refused(guest, "GUEST_NOT_FOUND")
    assert_refused(document, "BAD_DOCUMENT")
