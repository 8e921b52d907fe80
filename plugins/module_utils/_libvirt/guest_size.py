# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a guest counts for its forecast: its memory, what of it is a device of the host, what post-copy cannot do."""

from __future__ import annotations

import typing as t

from .._core.host.guest import GuestDocument
from .._core.host.postcopy_obstacles import devices_on_the_way, obstacles_of
from .._core.postcopy_obstacles import Obstacle
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
    return size_in(guest.document())


def size_in(guest: GuestDocument) -> Size:
    return Size(guest.memory.total_bytes, len(devices_on_the_way(guest)), tuple(obstacles_of(guest)))
