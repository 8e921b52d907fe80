# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a guest post-copy cannot cope with, by its document."""

from __future__ import annotations

from ..postcopy_obstacles import Obstacle, by_host_devices
from .guest import GuestDocument, HostDevice


def devices_on_the_way(guest: GuestDocument) -> list[HostDevice]:
    """Devices of the host whose state has to be sent: a failover pair's is unplugged before the migration begins."""
    return [one for one in guest.host_devices if not one.teaming]


def obstacles_of(guest: GuestDocument) -> list[Obstacle]:
    """All of it; empty where there is nothing.

    Shared files would do on tmpfs, but where they lie is not in the definition. From QEMU 8.1 on the destination
    refuses others at the start, and before that the guest would be lost at the switch.
    """
    found = by_host_devices(len(devices_on_the_way(guest)))
    if guest.memory.nvdimm:
        found.append(Obstacle("NVDIMM", "it has an NVDIMM"))
    if any(one.driver == "virtiofs" for one in guest.shared_directories):
        found.append(Obstacle("VIRTIOFS", "it shares directories by virtiofs"))
    if guest.memory.source == "file" and guest.memory.shared and not guest.memory.hugepages:
        found.append(Obstacle("SHARED_FILE_MEMORY", "its memory is in shared files"))
    return found
