# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Over which interface this machine reaches an address, and what that interface carries.

The kernel is asked for the route, as it would route a packet now. Virtual interfaces report made-up speeds (veth: 10
Gbit/s), so a speed counts only when it is a device's; below a bridge, a bond or a VLAN the devices are looked for.
"""

from __future__ import annotations

import socket
import struct
import typing as t
from pathlib import Path

INTERFACES = Path("/sys/class/net")
_NETLINK_ROUTE = 0
_RTM_GETROUTE, _RTM_NEWROUTE = 26, 24
_NLM_F_REQUEST = 1
_RTA_DST, _RTA_OIF = 1, 4
_HEADER, _ROUTE, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBBBBBI"), struct.Struct("=HH")
_ANSWER_S = 2.0
_DEEPEST = 4


def interface_to(host: str) -> t.Optional[str]:
    """The name of the interface, or None when the host cannot be resolved or there is no route."""
    try:
        family, _kind, _protocol, _name, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        index = _index_to(family, socket.inet_pton(family, str(address[0]).split("%", maxsplit=1)[0]))
        return socket.if_indextoname(index) if index is not None else None
    except (OSError, UnicodeError, struct.error):
        return None


def _index_to(family: int, address: bytes) -> t.Optional[int]:
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address), _RTA_DST) + address
    body = _ROUTE.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute
    request = _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.settimeout(_ANSWER_S)
        kernel.send(request)
        return outgoing_index(kernel.recv(65536))


def outgoing_index(answer: bytes) -> t.Optional[int]:
    """The outgoing interface in the kernel's answer; None when it is an error."""
    length, kind, _flags, _sequence, _port = _HEADER.unpack_from(answer)
    if kind != _RTM_NEWROUTE:
        return None
    at = _HEADER.size + _ROUTE.size
    while at + _ATTRIBUTE.size <= length:
        size, what = _ATTRIBUTE.unpack_from(answer, at)
        if what == _RTA_OIF:
            return int(struct.unpack_from("=I", answer, at + _ATTRIBUTE.size)[0])
        at += max(_ATTRIBUTE.size, (size + 3) & ~3)
    return None


def speed_mbit_per_s(interface: str, interfaces: Path = INTERFACES) -> t.Optional[int]:
    """What the device below an interface carries: of several the fastest, since a stream uses one. None: not known."""
    speeds = [_own_speed(path) for path in _devices(interfaces / interface, interfaces, _DEEPEST)]
    return max((speed for speed in speeds if speed is not None), default=None)


def _devices(interface: Path, interfaces: Path, depth: int) -> t.Iterator[Path]:
    if (interface / "device").exists():
        yield interface
    elif depth > 0:
        for lower in sorted(interface.glob("lower_*")):
            yield from _devices(interfaces / lower.name[len("lower_") :], interfaces, depth - 1)


def _own_speed(interface: Path) -> t.Optional[int]:
    try:
        speed = int((interface / "speed").read_text())
    except (OSError, ValueError):
        return None
    return speed if speed > 0 else None
