# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a host, as a host document has it: its interfaces, and the way that migrations take."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Interface:
    """``master``: the bridge or bond that it is a port of; ``lower``: what it stands on itself."""

    name: str
    kind: str = ""  # ethernet | bridge | bond | vlan | veth | tun | macvlan | ovs | loopback | other
    physical: bool = False  # real hardware; the others report made-up speeds
    up: t.Optional[bool] = None
    speed_mbit_per_s: t.Optional[int] = None
    duplex: str = ""
    mtu: t.Optional[int] = None
    driver: str = ""
    master: str = ""
    lower: list[str] = field(default_factory=list)
    vlan_id: t.Optional[int] = None
    addresses: list[str] = field(default_factory=list)  # with the length of the prefix


@dataclass(frozen=True)
class InterfaceLoad:
    """What went through the migration interface while the document was made."""

    window_s: float
    rx_bytes_per_s: int
    tx_bytes_per_s: int


@dataclass(frozen=True)
class PortUser:
    """A process that listens on ports of the range for migrations."""

    process: str
    pid: int = 0
    ports: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Route:
    """Which way the kernel would take to an address."""

    destination: str
    interface: str = ""
    source_address: str = ""
    gateway: str = ""
    problem: str = ""


@dataclass(frozen=True)
class MigrationPath:
    """Where migrations arrive, and the interface that they really use.

    ``interface`` is that of the route to a peer, or the one that holds the address. ``stack``: it and all that it
    stands on, down to the hardware. ``speed_mbit_per_s`` is None where only made-up speeds are to be had.
    ``send_queue_bytes``: the most that waits in the kernel to be sent by a connection.
    """

    address: str = ""
    address_from: str = ""  # option | qemu.conf migration_host | qemu.conf migration_address | hostname
    listen_address: str = ""
    address_interface: str = ""  # the one that holds the address
    interface: str = ""
    stack: list[str] = field(default_factory=list)
    speed_mbit_per_s: t.Optional[int] = None
    speed_is_real: bool = False
    duplex: str = ""
    mtu: t.Optional[int] = None
    driver: str = ""
    carries_default_route: t.Optional[bool] = None
    carries_ssh: t.Optional[bool] = None
    carries_guests: list[str] = field(default_factory=list)  # names of what guests are connected to
    load: t.Optional[InterfaceLoad] = None
    send_queue_bytes: t.Optional[int] = None
    port_min: int = 49152
    port_max: int = 49215
    ports_used: t.Optional[list[int]] = None
    ports_used_by: list[PortUser] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)

    @property
    def ports(self) -> range:
        return range(self.port_min, self.port_max + 1)


@dataclass(frozen=True)
class VirtualNetwork:
    """A network of libvirt's."""

    name: str
    uuid: str = ""
    active: t.Optional[bool] = None
    autostart: t.Optional[bool] = None
    forward: str = ""  # nat | route | bridge | open | "" for isolated | ...
    bridge: str = ""
    device: str = ""
    mtu: t.Optional[int] = None
    portgroups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PortOpening:
    """Whether the host's own firewall lets TCP connections to a range of ports in, as far as its rules can be read.

    ``verdict`` and ``reason`` are those of the family that migrations arrive by.
    """

    purpose: str  # migration | tcp | tls | ssh
    port_min: int
    port_max: int
    verdict: str = "unknown"  # open | partly | closed | unknown
    reason: str = ""
    ipv4: str = "unknown"  # the verdict for each family
    ipv6: str = "unknown"


@dataclass(frozen=True)
class Firewall:
    """What the host's firewall makes of connections to the ports that a migration needs."""

    kind: str = ""  # none | nftables | iptables | firewalld | ufw | unknown
    openings: list[PortOpening] = field(default_factory=list)

    def opening(self, purpose: str) -> t.Optional[PortOpening]:
        return next((one for one in self.openings if one.purpose == purpose), None)
