# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's interfaces, default routes and counters."""

from __future__ import annotations

import os
import typing as t

from .._core.host.network import Interface
from .._core.host.parse.interfaces import LinkFacts, devices_of_routes, interfaces
from .._core.host.parse.procfs import parse_counters
from .._core.json_text import read_json
from .._core.unreadable_text import odd
from .files import Programs, names_in, read, read_int

NET = "/sys/class/net"


def read_interfaces(programs: Programs) -> t.Optional[list[Interface]]:
    """None when ip gives no answer. Raises ODD_TEXT."""
    links = _json(programs.output("ip", "-j", "-d", "addr", "show"))
    return None if links is None else interfaces(links, {name: interface_facts(name) for name in names_in(NET)})


def default_route_interfaces(programs: Programs) -> t.Optional[set[str]]:
    """None when ip gives no answer. Raises ODD_TEXT."""
    found: set[str] = set()
    for family in ("-4", "-6"):
        routes = _json(programs.output("ip", "-j", family, "route", "show", "default"))
        if routes is None:
            return None
        found |= devices_of_routes(routes)
    return found


def read_counters() -> dict[str, tuple[int, int]]:
    """Bytes received and sent by each interface so far; not of those whose line is odd."""
    return parse_counters(read("/proc/net/dev") or "")


def interface_facts(name: str) -> LinkFacts:
    base = os.path.join(NET, name)
    speed = read_int(os.path.join(base, "speed"))  # fails while the interface is down, and is -1 where there is none
    try:
        driver = os.path.basename(os.readlink(os.path.join(base, "device", "driver")))
    except OSError:
        driver = ""
    return LinkFacts(
        # A virtual device may have a parent in the tree (virtio in a guest does): that is hardware for this host.
        physical=os.path.exists(os.path.join(base, "device")),
        speed_mbit_per_s=speed if speed and speed > 0 else None,
        duplex=(read(os.path.join(base, "duplex")) or "").strip(),
        driver=driver,
    )


def _json(text: t.Optional[str]) -> t.Any:
    """None for no answer; a program that has nothing to say prints nothing, or an empty list."""
    if text is None:
        return None
    try:
        return read_json(text) if text.strip() else []
    except ValueError as exc:
        raise odd("What ip prints", str(exc)) from None
