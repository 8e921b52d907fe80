# SPDX-License-Identifier: GPL-3.0-or-later
"""The packets that decide whether a connection comes about, as far as they are known before one is sent.

Four packets do: the first of it, from elsewhere to this host; the answer to it; those that follow; and for IPv6 the
question which hardware address this host has. What is not known of one is an interval (a port, a source) or None.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

Interval = tuple[int, int]

# Where a connection may come from: not loopback, multicast, reserved, unspecified or mapped addresses.
SOURCES: dict[int, list[Interval]] = {
    4: [(0x01000000, 0x7EFFFFFF), (0x80000000, 0xDFFFFFFF)],
    6: [(0x0100 << 112, (0xFF00 << 112) - 1)],
}
TCP, ICMPV6 = 6, 58  # numbers of IP protocols
_PORTS_OF_CLIENTS = (1024, 65535)  # ports that any user may connect from; Linux takes 32768 and above by itself
_SOLICITATION = 135  # RFC 4861
_SOLICITED_NODES = ((0xFF02 << 112) + 0x01FF000000, (0xFF02 << 112) + 0x01FFFFFFFF)  # ff02::1:ff00:0/104


@dataclass(frozen=True)
class State:
    """What rules change on the way: marks (None: not known) and whether conntrack was told to look away.

    ``is_early``: before conntrack, to which every packet is "invalid" then.
    """

    mark: t.Optional[int] = 0
    connmark: t.Optional[int] = 0
    tracked: t.Optional[bool] = True
    is_early: bool = False


@dataclass(frozen=True)
class Packet:
    """``fields``: dport, sport, saddr, daddr and type (of ICMPv6), as far as the packet has them and they are known.

    ``interfaces``: iif and oif where the packet has one, "" where its name is not known. ``kinds``: of its addresses,
    as the kernel's routes tell: local, unicast, multicast. ``state`` and ``connmark``: of its connection, None when not
    known.
    """

    family: int
    fields: t.Mapping[str, Interval]
    interfaces: t.Mapping[str, str]
    kinds: t.Mapping[str, str]
    hooks: t.Sequence[str] = ("ingress", "prerouting", "input")
    protocol: int = TCP
    flags: int = 0x02
    state: t.Optional[str] = "new"
    cast: str = "host"
    connmark: t.Optional[int] = 0

    @property
    def is_reply(self) -> bool:
        return "output" in self.hooks


def request(
    family: int, ports: Interval, source: Interval, destination: t.Optional[int] = None, interface: str = ""
) -> Packet:
    """The first packet of a connection. ``destination``: None when the host's own address is not known."""
    fields = {"dport": ports, "sport": _PORTS_OF_CLIENTS, "saddr": source}
    if destination is not None:
        fields["daddr"] = (destination, destination)
    return Packet(family, fields, {"iif": interface}, {"saddr": "unicast", "daddr": "local"})


def reply(first: Packet, is_tracked: bool, marks_are_known: bool = True) -> Packet:
    """The host's answer. ``is_tracked``: False where conntrack may not know the connection."""
    fields = {_OTHER_SIDE[name]: value for name, value in first.fields.items()}
    interfaces = {"oif": first.interfaces["iif"]}
    kinds = {_OTHER_SIDE[name]: value for name, value in first.kinds.items()}
    state = "established" if is_tracked else None
    hooks, connmark = ("output", "postrouting"), 0 if marks_are_known else None
    return Packet(first.family, fields, interfaces, kinds, hooks, flags=0x12, state=state, connmark=connmark)


def later(first: Packet, marks_are_known: bool = True) -> Packet:
    """What follows after the answer."""
    return replace(first, flags=0x10, state="established", connmark=0 if marks_are_known else None)


def solicitation(first: Packet) -> Packet:
    """What a neighbour asks before the first packet, without which it cannot send that."""
    fields = {"type": (_SOLICITATION, _SOLICITATION), "daddr": _SOLICITED_NODES}
    kinds = {"saddr": "unicast", "daddr": "multicast"}
    hooks = first.hooks
    return Packet(6, fields, first.interfaces, kinds, hooks, ICMPV6, 0, "untracked", "multicast")


_OTHER_SIDE = {"dport": "sport", "sport": "dport", "saddr": "daddr", "daddr": "saddr"}
