# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The host's interfaces, default routes and counters."""

from __future__ import annotations

import json
import os
import typing as t

from .._core.host_network import Interface
from .._core.network_stack import LinkFacts, interfaces
from .files import Programs, names_in, read, read_int

NET = "/sys/class/net"


def read_interfaces(programs: Programs) -> t.Optional[list[Interface]]:
    links = _json(programs.output("ip", "-j", "-d", "addr", "show"))
    if not isinstance(links, list):
        return None
    return interfaces(links, {name: interface_facts(name) for name in names_in(NET)})


def default_route_interfaces(programs: Programs) -> t.Optional[set[str]]:
    found: set[str] = set()
    for family in ("-4", "-6"):
        routes = _json(programs.output("ip", "-j", family, "route", "show", "default"))
        if routes is None:
            return None
        found |= {route["dev"] for route in routes if route.get("dev")}
        # Several ways to the default have their devices one level deeper.
        found |= {hop["dev"] for route in routes for hop in route.get("nexthops", []) if hop.get("dev")}
    return found


def read_counters() -> dict[str, tuple[int, int]]:
    """Bytes received and sent by each interface so far."""
    found = {}
    for line in (read("/proc/net/dev") or "").splitlines()[2:]:
        name, _colon, rest = line.partition(":")
        words = rest.split()
        if len(words) >= 9:
            found[name.strip()] = (int(words[0]), int(words[8]))
    return found


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
    try:
        return json.loads(text) if text and text.strip() else [] if text is not None else None
    except ValueError:
        return None
