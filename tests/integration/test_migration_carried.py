# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module `migration` sends beside memory, and how: disks, several connections, an encrypted stream."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from bench.lending import passing_by
from bench.moving import move
from bench.runs import Ansible, assert_done, assert_refused
from bench.subject import Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

MIB = 1 << 20
DISK_MIB = 32
PKI = "/etc/pki/qemu"
ASIDE = "/etc/pki/qemu.before"


@pytest.fixture(params=["local", pytest.param("overlay", marks=pytest.mark.wide)])
def stored(lab: Lab, request: pytest.FixtureRequest) -> t.Iterator[Subject]:
    """A quiet guest with a disk that the hosts do not share."""
    kind = request.param
    options = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8, disk=kind, disk_mib=DISK_MIB)
    yield from passing_by(lab, f"on {kind}", options)


def content(guest: Subject, host: str) -> str:
    """A digest of what the guest reads there, whatever the file looks like."""
    path = f"/var/lib/libvirt/images/{guest.uuid}.img"
    script = 'qemu-img convert -U -O raw "$0" /tmp/disk && sha256sum /tmp/disk && rm /tmp/disk'
    return guest.lab.execute(host, "sh", "-c", script, path).stdout


def test_its_disk_goes_with_it(ansible: Ansible, stored: Subject) -> None:
    """All of it, or what it has of its own on top of what the destination has."""
    source, destination = stored.source, stored.destination
    before = content(stored, source)
    kind = {"local": "all", "overlay": "incremental"}[stored.options.disk or ""]
    without, moved = ansible.run(source, move(stored, measure=False), move(stored, measure=False, copy_storage=kind))
    assert without["failed"], without
    assert_done(moved, True, outcome="moved", runs_on=destination)
    looks = [dict(zip(moved["record"]["columns"], row, strict=True)) for row in moved["record"]["looks"]]
    sent_mib = max(look["disk_processed_bytes"] for look in looks) / MIB
    assert sent_mib == pytest.approx(DISK_MIB if kind == "all" else DISK_MIB / 4, rel=0.2)
    stored.has_moved()
    assert content(stored, destination) == before


@pytest.mark.wide
def test_several_connections(ansible: Ansible, crm01: Subject) -> None:
    words = {"measure": False, "parallel_connections": 4, "compression": "none"}
    running = ansible.begin(crm01.source, move(crm01, bandwidth_mib_per_s=8, **words))

    def connections() -> int:
        wanted = ["dst", crm01.lab.host(crm01.destination).migration_address, "and", "dport", "ge", ":49152"]
        return len(crm01.lab.execute(crm01.source, "ss", "-Hnt", *wanted).stdout.splitlines())

    wait_for(lambda: connections() == 5, "one connection for what is said, and four for memory")
    (result,) = running.wait().results
    assert_done(result, True, outcome="moved", runs_on=crm01.destination)
    assert result["forecast"]["flags"]["parallel_connections"] == 4
    crm01.has_moved()


@pytest.fixture
def without_certificates(lab: Lab) -> t.Iterator[None]:
    """What another test has left is put aside."""
    for host in lab.hosts:
        lab.execute(host.name, "sh", "-c", 'if [ -e "$0" ]; then mv "$0" "$1"; fi', PKI, ASIDE)
    yield
    for host in lab.hosts:
        back = 'rm -rf "$0"; if [ -e "$1" ]; then mv "$1" "$0"; fi'
        lab.execute(host.name, "sh", "-c", back, PKI, ASIDE)


@pytest.mark.wide
def test_an_encrypted_stream(ansible: Ansible, crm01: Subject, authority: Path, without_certificates: None) -> None:
    order = move(crm01, measure=False, tls=True)
    (refused,) = ansible.run(crm01.source, order)
    assert_refused(refused, "TLS_FAILED")
    assert crm01.state().startswith("running")
    certificates = {
        "prerequisites_tls": "create",
        "prerequisites_tls_days": 2,
        "prerequisites_tls_min_days": 1,
        "prerequisites_tls_ca_cert": str(authority / "ca.pem"),
        "prerequisites_tls_ca_key": str(authority / "key.pem"),
    }
    # As it is configured already, so that no daemon is restarted.
    address = {"prerequisites_migration_host": "{{ migration_address }}"}
    made = ansible.role("prerequisites", "all", **certificates, **address)
    assert made.code == 0, made.output
    (result,) = ansible.run(crm01.source, order)
    assert_done(result, True, outcome="moved", runs_on=crm01.destination)
    crm01.has_moved()
