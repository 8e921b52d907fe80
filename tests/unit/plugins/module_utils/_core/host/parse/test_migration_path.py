# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument, Nic
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    Interface,
    InterfaceLoad,
    PortUser,
    Route,
    VirtualNetwork,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.migration_path import (
    Address,
    NetworkFacts,
    guest_links,
    migration_path,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import Socket

ADDRESS = Address("10.231.1.11", "qemu.conf migration_host")
ETH0 = Interface("eth0", "ethernet", True, speed_mbit_per_s=1000, addresses=["10.231.0.11/24"], mtu=1500)
ETH1 = Interface(
    "eth1", "ethernet", True, speed_mbit_per_s=25000, duplex="full", mtu=9000, driver="mlx5_core",
    addresses=["10.231.1.11/24"],
)  # fmt: skip
BR1 = Interface("br1", "bridge", lower=["eth1"])
INTERFACES = [ETH0, ETH1, BR1]


def test_a_dedicated_interface() -> None:
    path = migration_path(
        NetworkFacts(ADDRESS, interfaces=INTERFACES, default_routes={"eth0"}, ssh_addresses={"10.231.0.11"}, sockets=[])
    )
    assert (path.interface, path.address_interface, path.stack) == ("eth1", "eth1", ["eth1"])
    assert (path.speed_mbit_per_s, path.speed_is_real, path.duplex, path.mtu) == (25000, True, "full", 9000)
    assert (path.driver, path.carries_default_route, path.carries_ssh) == ("mlx5_core", False, False)
    assert (path.carries_guests, path.ports_used, path.load) == ([], [], None)


def test_one_interface_for_everything() -> None:
    address = Address("10.231.0.11", "hostname")
    path = migration_path(
        NetworkFacts(address, interfaces=INTERFACES, default_routes={"eth0"}, ssh_addresses={"10.231.0.11"})
    )
    assert (path.interface, path.carries_default_route, path.carries_ssh) == ("eth0", True, True)


def test_guests_on_a_bridge_over_the_same_hardware() -> None:
    path = migration_path(NetworkFacts(ADDRESS, interfaces=INTERFACES, guest_links=["br1", "br0"]))
    assert path.carries_guests == ["br1"]


def test_the_route_decides_and_not_the_address() -> None:
    routes = [Route("192.0.2.1", problem="no route"), Route("10.231.1.12", "eth0", "10.231.0.11")]
    path = migration_path(NetworkFacts(ADDRESS, interfaces=INTERFACES, routes=routes))
    assert (path.address_interface, path.interface, path.speed_mbit_per_s) == ("eth1", "eth0", 1000)
    assert path.routes == routes


def test_a_vlan_on_the_bond_of_guests_is_shared_with_them() -> None:
    """By IPv6 as by IPv4: what counts is the hardware, and a bridge beside the VLAN has the same."""
    ports = [Interface("eno1", physical=True, speed_mbit_per_s=25_000), Interface("eno2", physical=True)]
    bond = Interface("bond0", "bond", lower=["eno1", "eno2"])
    vlan = Interface("bond0.50", "vlan", lower=["bond0"], addresses=["10.231.1.11/24", "2001:db8::11/64"])
    known = [*ports, bond, vlan, Interface("br0", "bridge", lower=["bond0"])]
    for address in ("2001:db8::11", "2001:0DB8:0::11", "10.231.1.11"):
        facts = NetworkFacts(Address(address), interfaces=known, guest_links=["br0", "br7"], default_routes={"br0"})
        path = migration_path(replace(facts, ssh_addresses={"2001:db8::11"}))
        assert (path.interface, path.carries_guests) == ("bond0.50", ["br0"])
        assert (path.carries_default_route, path.carries_ssh) == (True, True)
        assert (path.speed_mbit_per_s, path.speed_is_real) == (25_000, True)


def test_what_is_not_known_stays_unknown() -> None:
    path = migration_path(NetworkFacts(ADDRESS))
    assert (path.interface, path.stack, path.speed_mbit_per_s, path.mtu) == ("", [], None, None)
    assert (path.carries_default_route, path.carries_ssh, path.ports_used) == (None, None, None)


def test_an_open_vswitch_has_no_speed() -> None:
    ovs = Interface("br-migration", "ovs", speed_mbit_per_s=10, addresses=["10.231.1.11/24"])
    assert migration_path(NetworkFacts(ADDRESS, interfaces=[ovs])).speed_mbit_per_s is None


def test_ports_in_use() -> None:
    sockets = [
        Socket("0.0.0.0", 49152, True, False),
        Socket("10.231.1.11", 49153, False, True),
        Socket("::", 49152, True, False),
        Socket("::", 5900, True, False),
    ]
    assert migration_path(NetworkFacts(ADDRESS, sockets=sockets)).ports_used == [49152]


def test_who_uses_ports() -> None:
    sockets = [
        Socket("0.0.0.0", 49153, True, False, 7),
        Socket("0.0.0.0", 49152, True, False, 8),
        Socket("::", 49152, True, False, 9),
        Socket("::", 5900, True, False, 10),
        Socket("::", 49154, True, False, 11),
    ]
    holders = {7: (42, "nc"), 8: (42, "nc"), 9: (41, "qemu"), 10: (1, "init")}
    path = migration_path(NetworkFacts(ADDRESS, sockets=sockets, holders=holders))
    assert path.ports_used == [49152, 49153, 49154]
    assert path.ports_used_by == [PortUser("qemu", 41, [49152]), PortUser("nc", 42, [49152, 49153])]


@pytest.mark.parametrize(
    ("window_s", "later", "load"),
    [
        (2.0, (3000, 5000), InterfaceLoad(2.0, 1000, 1500)),
        (0.01, (3000, 5000), None),
        (1.0, (0, 2500), InterfaceLoad(1.0, 0, 500)),
    ],
)
def test_load(window_s: float, later: tuple[int, int], load: InterfaceLoad | None) -> None:
    facts = NetworkFacts(
        ADDRESS, interfaces=INTERFACES, counters=({"eth1": (1000, 2000)}, {"eth1": later}), window_s=window_s
    )
    assert migration_path(facts).load == load


def test_what_guests_are_connected_to() -> None:
    guest = GuestDocument(
        "a", "u", interfaces=[Nic(type="bridge", bridge="br0"), Nic(type="direct", device="eth2"), Nic()]
    )
    network = VirtualNetwork("default", bridge="virbr0", device="eth3")
    assert guest_links(HostDocument("h", "u", domains=[guest], networks=[network])) == ["br0", "eth2", "eth3", "virbr0"]
