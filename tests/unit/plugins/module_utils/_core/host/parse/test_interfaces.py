# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import Interface
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.interfaces import (
    LinkFacts,
    interfaces,
    shared_with_guests,
    speed_of,
    stack_of,
    switched_by_ovs,
    with_address,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured


def known(*links: Interface) -> dict[str, Interface]:
    return {one.name: one for one in links}


# A usual hypervisor: two ports in a bond, on it a VLAN for migrations and a bridge for guests, and a port beside them.
HYPERVISOR = known(
    Interface("eno1", "ethernet", True, speed_mbit_per_s=10000, master="bond0"),
    Interface("eno2", "ethernet", True, speed_mbit_per_s=25000, master="bond0"),
    Interface("eno3", "ethernet", True, speed_mbit_per_s=25000),
    Interface("bond0", "bond", speed_mbit_per_s=35000, lower=["eno1", "eno2"], master="br0"),
    Interface("bond0.50", "vlan", lower=["bond0"], addresses=["10.231.1.11/24", "2001:db8::11/64"]),
    Interface("br0", "bridge", lower=["bond0", "vnet0"]),
    Interface("vnet0", "tun", speed_mbit_per_s=10, master="br0"),
    Interface("br1", "bridge", lower=["vnet1"]),
    Interface("vnet1", "tun", master="br1"),
    Interface("ovs-br", "ovs"),
    Interface("ens9", "ethernet", True, master="ovs-system"),
)


def test_interfaces_of_a_lab_host() -> None:
    facts = {"eth1": LinkFacts(False, 10000, "full", "")}
    lo, eth0, eth1 = interfaces(json.loads(captured("ip_addr.json")), facts)
    assert (lo.kind, lo.up) == ("loopback", True)
    assert eth0.speed_mbit_per_s is None
    assert eth1 == Interface(
        "eth1",
        kind="ethernet",
        up=True,
        speed_mbit_per_s=10000,
        duplex="full",
        mtu=1500,
        addresses=["10.231.1.11/24", "fe80::8459:4aff:fe5e:a921/64"],
    )


def test_what_ip_says_of_kinds_and_of_what_stands_on_what() -> None:
    links: list[dict[str, t.Any]] = [
        {"ifname": "bond0", "linkinfo": {"info_kind": "bond"}, "operstate": "UP", "master": "br0"},
        {"ifname": "eno1", "master": "bond0", "operstate": "DOWN"},
        {"ifname": "bond0.50", "link": "bond0", "linkinfo": {"info_kind": "vlan", "info_data": {"id": 50}}},
        {"ifname": "br0", "linkinfo": {"info_kind": "bridge"}},
        {"ifname": "veth0", "link": "veth1", "linkinfo": {"info_kind": "veth"}},
        {},
    ]
    bond0, eno1, vlan, br0, veth0 = interfaces(links, {"eno1": LinkFacts(True, None, "", "ixgbe")})
    assert (bond0.kind, bond0.lower, bond0.master, bond0.up) == ("bond", ["eno1"], "br0", True)
    assert (eno1.physical, eno1.driver, eno1.up) == (True, "ixgbe", False)
    assert (vlan.kind, vlan.lower, vlan.vlan_id) == ("vlan", ["bond0"], 50)
    assert (br0.kind, br0.lower) == ("bridge", ["bond0"])
    assert (veth0.kind, veth0.lower) == ("veth", [])


def test_stacks_go_down_to_the_hardware() -> None:
    assert stack_of("bond0.50", HYPERVISOR) == ["bond0.50", "bond0", "eno1", "eno2"]
    assert stack_of("br0", HYPERVISOR) == ["br0", "bond0", "eno1", "eno2"]
    assert stack_of("eno3", HYPERVISOR) == ["eno3"]
    assert stack_of("nothing", HYPERVISOR) == []


def test_a_stack_that_goes_round_in_circles_ends() -> None:
    circle = known(Interface("a", lower=["b"]), Interface("b", lower=["a"]))
    assert stack_of("a", circle) == ["a", "b"]


def test_speed_is_that_of_one_port() -> None:
    assert speed_of("bond0.50", HYPERVISOR) == (25000, True)
    assert speed_of("ens9", HYPERVISOR) == (None, True)
    assert speed_of("vnet0", HYPERVISOR) == (10, False)
    assert speed_of("nothing", HYPERVISOR) == (None, False)


def test_who_holds_an_address() -> None:
    found = with_address("10.231.1.11", HYPERVISOR.values())
    assert found
    assert found.name == "bond0.50"
    assert with_address("2001:db8::11", HYPERVISOR.values()) == found
    assert with_address("10.231.1.1", HYPERVISOR.values()) is None


def test_who_shares_the_hardware() -> None:
    stack = stack_of("bond0.50", HYPERVISOR)
    assert shared_with_guests(stack, ["br0", "br1", "virbr9"], HYPERVISOR) == ["br0"]
    assert shared_with_guests(["eno3"], ["br0", "br1"], HYPERVISOR) == []


def test_open_vswitch_hides_its_ports() -> None:
    assert switched_by_ovs(["ovs-br"], HYPERVISOR)
    assert switched_by_ovs(["ens9"], HYPERVISOR)
    assert not switched_by_ovs(["bond0.50"], HYPERVISOR)
