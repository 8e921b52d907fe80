# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a guest is, by its live definition: its memory, and what of it is a device of the host."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .._core.host.parse.domain_xml import domain_of
from .._core.host.postcopy_obstacles import devices_on_the_way, obstacles_of
from .._core.postcopy_obstacles import Obstacle
from .._core.units import KIB
from .guest import Guest


class Size(t.NamedTuple):
    """``memory_bytes``: all memory of the guest (0: not known); ``host_devices``: how many devices of the host go
    along, also as network interfaces. ``postcopy_obstacles``: what post-copy cannot cope with, these included."""

    memory_bytes: int
    host_devices: int
    postcopy_obstacles: tuple[Obstacle, ...] = ()

    @property
    def postcopy_possible(self) -> bool:
        return not self.postcopy_obstacles


def size_of(guest: Guest) -> Size:
    """Asks for the live definition."""
    return size_in(guest.definition())


def size_in(definition: ElementTree.Element) -> Size:
    memory = definition.findtext("./memory", "").strip()
    kib = int(memory) if memory.isascii() and memory.isdigit() else 0
    guest = domain_of(definition)
    return Size(kib * KIB, len(devices_on_the_way(guest)), tuple(obstacles_of(guest)))
