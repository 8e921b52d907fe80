# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way this machine's kernel takes to an address, asked of itself, and what the devices on that way carry."""

from __future__ import annotations

import os
import socket
import struct
import typing as t

from .._core.forecast.link_bandwidth import RouteDevice
from .._core.host.network import Interface, Route
from .._core.host.parse.interfaces import speed_of
from .files import names_in
from .network import NET, interface_facts
from .sockets import addresses_of

# Numbers of linux/netlink.h and linux/rtnetlink.h.
_NETLINK_ROUTE = 0
_RTM_GETROUTE, _RTM_NEWROUTE, _ERROR = 26, 24, 2
_NLM_F_REQUEST = 1
_DST, _OIF, _GATEWAY, _PREFSRC = 1, 4, 5, 7
_HEADER, _ROUTE, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBBBBBI"), struct.Struct("=HH")
_CODE = struct.Struct("=i")
_ANSWER_S = 2.0  # a choice: the kernel answers at once


def read_route(destination: str) -> Route:
    """The way to an address or a name, as the kernel would take it now."""
    address = next(iter(addresses_of(destination) or []), "").partition("%")[0]
    if not address:
        return Route(destination, problem="the name leads nowhere")
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return parse_route(destination, _ask(family, socket.inet_pton(family, address)))
    except (OSError, OverflowError, ValueError, struct.error) as exc:
        return Route(destination, problem=f"no route ({exc})")


def _ask(family: int, address: bytes) -> bytes:
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address), _DST) + address
    body = _ROUTE.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute
    request = _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as kernel:
        kernel.settimeout(_ANSWER_S)
        kernel.send(request)
        return kernel.recv(65536)


def parse_route(destination: str, answer: bytes) -> Route:
    """The kernel's answer: a route with its attributes, or an error."""
    length, kind, _flags, _sequence, _port = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        return Route(destination, problem=f"no route ({os.strerror(-_CODE.unpack_from(answer, _HEADER.size)[0])})")
    found = dict(_attributes(answer, length)) if kind == _RTM_NEWROUTE else {}
    if _OIF not in found:
        return Route(destination, problem="no route")
    name = socket.if_indextoname(struct.unpack("=I", found[_OIF][:4])[0])
    return Route(destination, name, _text(found.get(_PREFSRC)), _text(found.get(_GATEWAY)))


def _attributes(answer: bytes, length: int) -> t.Iterator[tuple[int, bytes]]:
    at = _HEADER.size + _ROUTE.size
    while at + _ATTRIBUTE.size <= length:
        size, what = _ATTRIBUTE.unpack_from(answer, at)
        yield what, answer[at + _ATTRIBUTE.size : at + size]
        at += max(_ATTRIBUTE.size, (size + 3) & ~3)


def _text(address: t.Optional[bytes]) -> str:
    if not address:
        return ""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def route_to(hosts: t.Iterable[str]) -> RouteDevice:
    """By which interface the first of these is reached that can be, and the speed of the device below it."""
    for host in hosts:
        name = read_route(host).interface if host else ""
        if name:
            speed, real = speed_of(name, _links())
            return RouteDevice(name, speed if real else None)
    return RouteDevice()


def _links() -> dict[str, Interface]:
    """What stands on what, and how fast it is; a host document has more, from a program that may be missing."""
    found = {}
    for name in names_in(NET):
        facts = interface_facts(name)
        lower = [one[len("lower_") :] for one in names_in(os.path.join(NET, name)) if one.startswith("lower_")]
        found[name] = Interface(
            name, physical=facts.physical, speed_mbit_per_s=facts.speed_mbit_per_s, lower=sorted(lower)
        )
    return found
