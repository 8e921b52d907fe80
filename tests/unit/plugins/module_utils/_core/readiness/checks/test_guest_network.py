# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Nic,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    Interface,
    VirtualNetwork,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    BRIDGE,
    ON_BLUE,
    Row,
    ids,
    interfaces,
    see,
)

ROWS: list[Row] = [
    # Over a remote connection: libvirt's networks are known, the host's bridges are not.
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [ON_BLUE, BRIDGE], "destination.networks": [], "destination.interfaces": None},
        "no network 'blue'",
    ),
    (
        "guest_networks",
        FAIL,
        {
            "domain.interfaces": [Nic(type="bridge", network="blue", bridge="br7")],
            "destination.networks": [],
            "destination.interfaces": None,
            "source.interfaces": None,
        },
        "no network 'blue'",
    ),
    (
        "guest_networks",
        FAIL,
        {
            "domain.interfaces": [Nic(type="direct", network="blue", device="eth7")],
            "destination.networks": [VirtualNetwork("blue", active=False)],
            "destination.interfaces": None,
        },
        "is not started",
    ),
    (
        "guest_networks",
        PASS,
        {"domain.interfaces": [ON_BLUE], "destination.interfaces": None},
        "has all",
    ),
    ("guest_networks", FAIL, {"destination.interfaces": interfaces(br1=1500)}, "there is no bridge 'br0'"),
    ("guest_networks", FAIL, {"destination.interfaces": [Interface("br0", "ethernet")]}, "is no bridge"),
    ("guest_networks", PASS, {"domain.interfaces": [ON_BLUE]}, "has all"),
    ("guest_networks", FAIL, {"domain.interfaces": [ON_BLUE], "destination.networks": []}, "no network 'blue'"),
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [ON_BLUE], "destination.networks": [VirtualNetwork("blue", active=False)]},
        "is not started",
    ),
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [ON_BLUE], "destination.networks": [VirtualNetwork("blue", active=True)]},
        "no port group 'web'",
    ),
    ("guest_networks", FAIL, {"domain.interfaces": [Nic(type="direct", device="eth7")]}, "no interface 'eth7'"),
    (
        "guest_networks",
        FAIL,
        {
            "domain.interfaces": [Nic(type="direct", device="eth1")],
            "destination.interfaces": [Interface("eth1", up=False)],
        },
        "is down",
    ),
    ("guest_networks", SKIP, {"destination.interfaces": None}, "not known"),
    # libvirt adds a tap to a bridge of the kernel, or to one of Open vSwitch, as the definition has it.
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [replace(BRIDGE, virtualport="openvswitch")]},
        "is a bridge of Linux",
    ),
    ("guest_networks", FAIL, {"destination.interfaces": [Interface("br0", "ovs")]}, "is a bridge of Open vSwitch"),
    (
        "guest_networks",
        PASS,
        {
            "domain.interfaces": [replace(BRIDGE, virtualport="openvswitch")],
            "destination.interfaces": [Interface("br0", "ovs")],
        },
        "has all",
    ),
    ("guest_networks", SKIP, {"domain.interfaces": [Nic(type="vhostuser")]}, "not known"),
    # What libvirt did not tell is not a network that is not there.
    ("guest_networks", SKIP, {"domain.interfaces": [ON_BLUE], "destination.networks": None}, "the network 'blue'"),
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [ON_BLUE, Nic(type="direct", device="eth7")], "destination.networks": None},
        "no interface 'eth7'",
    ),
    (
        "guest_networks",
        PASS,
        {"domain.interfaces": [Nic(network="blue")], "destination.networks": [VirtualNetwork("blue", active=None)]},
        "has all",
    ),
    ("guest_networks", PASS, {"domain.interfaces": [Nic(type="user")]}, "has all"),
    (
        "guest_mtu",
        FAIL,
        {"destination.interfaces": interfaces(br0=1400)},
        "1500 on the source, 1400 on the destination",
    ),
    ("guest_mtu", WARN, {"destination.interfaces": interfaces(br0=9000)}, "another MTU"),
    (
        "guest_mtu",
        PASS,
        {"destination.interfaces": interfaces(br0=1400), "domain.interfaces": [replace(BRIDGE, mtu=1400)]},
        "same MTU",
    ),
    ("guest_mtu", SKIP, {"domain.interfaces": []}, "no network"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
