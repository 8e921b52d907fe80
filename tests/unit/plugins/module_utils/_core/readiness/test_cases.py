# SPDX-License-Identifier: GPL-3.0-or-later


"""Definitions that were misread once, and their brothers, from the XML to the finding.

The guest goes between the two healthy hosts of ``pairs``: ``blue`` is a network there with the bridge br0, and the
destination has the processors 0 to 63, the NUMA nodes 0 and 1 and the addresses 10.231.0.12 and 10.231.1.12.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import NumaNode
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import host_from
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import Interface
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import (
    needs_sent,
    with_sent,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import (
    at,
    console,
    find,
    guest,
    nic,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup

ON_NETWORK = "<source network='{0}' portid='0c0ffee0-0000-4000-8000-000000000001' {1}/>"


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (nic("bridge", ON_NETWORK.format("blue", "bridge='br-src'")), PASS, "has all"),
        (nic("bridge", ON_NETWORK.format("green", "bridge='br0'")), FAIL, "no network 'green'"),
        (nic("direct", ON_NETWORK.format("blue", "dev='eno7' mode='bridge'")), PASS, "has all"),
        (nic("direct", ON_NETWORK.format("green", "dev='eth0' mode='bridge'")), FAIL, "no network 'green'"),
        (nic("bridge", ON_NETWORK.format("blue", "portgroup='db' bridge='br0'")), FAIL, "no port group 'db'"),
        (nic("bridge", "<source bridge='br-src'/>"), FAIL, "no bridge 'br-src'"),
        (nic("network", "<source network='green'/>"), FAIL, "no network 'green'"),
        (nic("ethernet", "", "<target dev='tap7' managed='no'/>"), FAIL, "no tap 'tap7'"),
        (nic("ethernet", "", "<target dev='br0' managed='no'/>"), PASS, "has all"),
        (nic("ethernet", "", "<target dev='tap7' managed='yes'/>"), PASS, "has all"),
        (nic("ethernet", "", "<target dev='tap7'/>"), PASS, "has all"),
        (nic("ethernet", "", "<target managed='no'/>"), SKIP, "not known"),
        (nic("user", ""), PASS, "has all"),
        (nic("bridge", "<source bridge='br0'/>", "<filterref filter='clean-traffic'/>"), PASS, "has all"),
        (nic("bridge", "<source bridge='br0'/>", "<filterref filter='own'/>"), FAIL, "no network filter 'own'"),
        (nic("ethernet", "", "<filterref filter='own'/>"), FAIL, "no network filter 'own'"),
        (nic("user", "<source dev='eth0'/>", "<backend type='passt'/>"), PASS, "has all"),
        (nic("user", "<source dev='eno7'/>", "<backend type='passt'/>"), FAIL, "no interface 'eno7'"),
        (nic("vhostuser", "<source dev='eno7'/>", "<backend type='passt'/>"), FAIL, "no interface 'eno7'"),
        (nic("vhostuser", "<source dev='eth0'/>", "<backend type='passt'/>"), SKIP, "not known"),
        (nic("vhostuser", "<source type='unix' path='/run/v.sock' mode='server'/>"), SKIP, "not known"),
    ],
)
def test_networks_as_they_are_sent(devices: str, status: str, says: str) -> None:
    finding = find("guest_networks", guest(devices))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("<source protocol='ssh' name='/a'><host name='h'/><identity username='u' keyfile='/k'/></source>", ["/k"]),
        ("<source protocol='ssh' name='/a'><host name='h'/><knownHosts path='/h'/></source>", ["/h"]),
        ("<source protocol='rbd' name='p/a'><config file='/etc/ceph/c.conf'/></source>", ["/etc/ceph/c.conf"]),
        (
            "<source dev='/dev/sdb'><reservations managed='no'><source path='/run/pr.sock'/></reservations></source>",
            ["/run/pr.sock"],
        ),
        ("<source dev='/dev/sdb'><reservations managed='yes'/></source>", []),
    ],
)
def test_files_by_which_a_disk_is_reached(source: str, files: list[str]) -> None:
    kind = "block" if "dev=" in source else "network"
    domain = guest(f"<disk type='{kind}' device='disk'>{source}<target dev='vda'/></disk>")
    assert domain.needed_files == files
    assert find("device_files", domain).status == (WARN if files else PASS)


def test_the_mtu_is_that_of_the_bridge_that_the_network_would_give() -> None:
    domain = guest(nic("bridge", ON_NETWORK.format("blue", "bridge='br-src'")))
    here = [Interface("br-src", "bridge", mtu=9000)]
    finding = find("guest_mtu", domain, {"source.interfaces": here})
    assert (finding.status, "br-src: 9000 on the source, 1500" in finding.summary) == (FAIL, True), finding.summary


def test_network_filters_that_are_not_known() -> None:
    domain = guest(nic("bridge", "<source bridge='br0'/>", "<filterref filter='clean-traffic'/>"))
    finding = find("guest_networks", domain, {"destination.network_filters": None})
    assert (finding.status, "the network filter 'clean-traffic'" in finding.summary) == (SKIP, True)


@pytest.mark.parametrize(
    ("own", "here", "there", "status"),
    [(9000, 1500, 1500, PASS), (9000, 9000, 1500, FAIL), (1500, 9000, 1500, PASS), (9000, 9000, 9000, PASS)],
)
def test_an_mtu_of_the_guest_s_own(own: int, here: int, there: int, status: str) -> None:
    """It is lost only where the bridge of the source carried it."""
    domain = guest(nic("bridge", "<source bridge='br0'/>", f"<mtu size='{own}'/>"))
    hosts = {"source": here, "destination": there}
    changes = {f"{host}.interfaces": [Interface("br0", "bridge", mtu=mtu)] for host, mtu in hosts.items()}
    assert find("guest_mtu", domain, changes).status == status


def test_a_virtual_function_that_a_network_gave_is_sent_as_the_network() -> None:
    """The live definition does not name the network; the one that is sent does."""
    address = "<source><address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source>"
    live = guest(nic("hostdev", address))
    assert needs_sent(live)
    network = nic("network", "<source network='green'/>")
    sent = with_sent(live, f"<domain><devices>{network}</devices></domain>")
    finding = find("guest_networks", sent)
    assert (finding.status, "no network 'green'" in finding.summary) == (FAIL, True), finding.summary
    assert find("host_devices", sent).status == WARN


def sent_with(listen: str, live: GuestDocument) -> GuestDocument:
    return with_sent(live, f"<domain><devices>{console(listen)}</devices></domain>")


@pytest.mark.parametrize(
    ("listen", "status"),
    [
        *((one, PASS) for one in ("localhost", "LOCALHOST", "localhost.localdomain", "ip6-localhost", "127.0.0.1")),
        *(
            (one, PASS)
            for one in ("127.0.0.2", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "[::1]", "::ffff:127.0.0.1")
        ),
        *((one, PASS) for one in ("0.0.0.0", "::", "0:0:0:0:0:0:0:0", "*", "", "10.231.0.12", "::ffff:10.231.0.12")),
        *(
            (one, PASS)
            for one in ("2001:db8::12", "2001:DB8:0:0:0:0:0:12", "2001:0db8::0012", "kvm02", "fe80::12%eth1")
        ),
        *((one, FAIL) for one in ("10.231.0.11", "2001:db8::11", "10.231.0.1", "fe80::12%eth0")),
        ("kvm01", SKIP),
    ],
)
def test_addresses_are_values(listen: str, status: str) -> None:
    address = at(listen)
    more = {
        "destination.interfaces": [
            Interface("eth0", addresses=["10.231.0.12/24", "2001:db8::12/64"]),
            Interface("eth1", addresses=["10.231.1.12/24", "fe80::12/64"]),
        ]
    }
    live = guest(address)
    sent = with_sent(live, f"<domain><devices>{address}</devices></domain>")
    assert find("graphics", sent, more).status == status, find("graphics", sent, more).summary
    serial = f"<serial type='tcp'><source mode='bind' host='{listen}' service='4555'/></serial>"
    expected = PASS if not listen else status
    assert find("graphics", guest(serial), more).status == expected


def test_an_address_that_came_from_qemu_conf_is_not_sent() -> None:
    live = guest(at("10.231.0.11"))
    assert needs_sent(live)
    assert find("graphics", live).status == SKIP
    for changes in ({}, {"destination.daemon.qemu_settings": {"vnc_listen": "10.231.0.12"}}):
        assert find("graphics", sent_with("", live), changes).status == PASS
    # Seen from the source's own file without asking libvirt.
    assert find("graphics", live, {"source.daemon.qemu_settings": {"vnc_listen": "10.231.0.11"}}).status == PASS
    other = {"destination.daemon.qemu_settings": {"vnc_listen": "10.231.0.11"}}
    finding = find("graphics", sent_with("", live), other)
    assert (finding.status, "qemu.conf on the destination" in finding.summary) == (FAIL, True), finding.summary


def test_an_address_that_came_from_a_network_is_looked_up_anew() -> None:
    listen = "<listen type='network' address='10.231.0.11' network='{0}'/>"
    for kind in ("vnc", "spice"):
        assert find("graphics", guest(console(listen.format("blue"), kind))).status == PASS
        missing = find("graphics", guest(console(listen.format("green"), kind)))
        assert (missing.status, "network 'green'" in missing.summary) == (FAIL, True), missing.summary
    assert not needs_sent(guest(console(listen.format("blue"))))


def test_consoles_without_an_address() -> None:
    for listen in ("<listen type='none'/>", "<listen type='socket' socket='/run/vnc.sock'/>"):
        assert find("graphics", guest(console(listen))).status == PASS
    assert find("graphics", guest("<graphics type='sdl' display=':0'/>")).status == PASS


def test_only_what_the_live_definition_hides_is_asked_for() -> None:
    for devices in (at("127.0.0.1"), at("0.0.0.0"), nic("bridge", "<source bridge='br0'/>"), ""):
        assert not needs_sent(guest(devices))


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ("<cputune><vcpupin vcpu='0' cpuset='126-127'/></cputune>", FAIL),
        ("<cputune><vcpupin vcpu='0' cpuset='0-127'/></cputune>", FAIL),
        ("<cputune><emulatorpin cpuset='64'/></cputune>", FAIL),
        ("<iothreads>1</iothreads><cputune><iothreadpin iothread='1' cpuset='0,99'/></cputune>", FAIL),
        ("<cputune><vcpupin vcpu='0' cpuset='0-65,^64,^65'/></cputune>", WARN),
        ("<cputune><emulatorpin cpuset='63'/></cputune>", WARN),
        ("<cputune><vcpusched vcpus='0-3' scheduler='fifo' priority='1'/><shares>2048</shares></cputune>", PASS),
    ],
)
def test_processors_that_do_not_exist_there(parts: str, status: str) -> None:
    assert find("cpu_count", guest(parts=parts)).status == status


def test_processors_are_those_that_libvirt_lists() -> None:
    """On a host without hyper-threading the numbers have gaps."""
    domain = guest(parts="<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>")
    nodes = [NumaNode(0, cpus=[0, 2]), NumaNode(1, cpus=[4, 6])]
    assert find("cpu_count", domain, {"destination.memory.nodes": nodes}).evidence["missing"] == [1]


def test_a_set_of_processors_without_an_end_is_refused() -> None:
    with pytest.raises(Exception, match="more than there can be"):
        guest(parts="<cputune><vcpupin vcpu='0' cpuset='0-999999999'/></cputune>")


def test_old_documents_are_still_read() -> None:
    setup = Setup()
    plain = replace(
        setup.source, domains=[guest(nic("bridge", "<source bridge='br0'/>") + at("10.231.0.12"))]
    ).document()
    new = "listen_type network sent managed startup_policy more_tpms pinned_cpus needed_files endpoints not_looked_at"
    new += " vsock_cid nvram_type mount_root root cells images by_descriptor unmigratable filter network_filters"

    def older(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: older(one) for key, one in value.items() if key not in new.split()}
        return [older(one) for one in value] if isinstance(value, list) else value

    host = host_from(older(plain))
    readiness = Assessor(setup.pair).assess(host.domains[0])
    assert {check for check, one in readiness.findings.items() if one.status == FAIL} == set()
