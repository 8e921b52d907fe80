# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as it is to be on the destination, where the names of bridges, devices and paths are others there."""

from __future__ import annotations

from dataclasses import replace

from ..destination_changes import DestinationChanges
from ..host.guest import Disk, Graphics, GuestDocument, Nic


def arriving(guest: GuestDocument, changes: DestinationChanges) -> GuestDocument:
    """The guest's document with the names that the destination has. ``rewritten`` of
    :mod:`_core.migration.destination_xml` does the same to its definition, and a test holds the two together."""
    if not changes:
        return guest
    return replace(
        guest,
        emulator=changes.path(guest.emulator) if guest.emulator else "",
        loader=changes.path(guest.loader) if guest.loader else "",
        nvram=changes.path(guest.nvram) if guest.nvram else "",
        nvram_template=changes.path(guest.nvram_template) if guest.nvram_template else "",
        boot_files=[changes.path(one) for one in guest.boot_files],
        host_files=[changes.path(one) for one in guest.host_files],
        disks=[_disk(one, changes) for one in guest.disks],
        interfaces=[_nic(one, changes) for one in guest.interfaces],
        graphics=[_console(one, changes) for one in guest.graphics],
        endpoints=[replace(one, address=changes.listen_address(one.address)) for one in guest.endpoints],
    )


def _nic(nic: Nic, changes: DestinationChanges) -> Nic:
    if nic.network:
        return replace(nic, network=changes.network(nic.network))
    if nic.type == "bridge":
        return replace(nic, bridge=changes.bridge(nic.bridge))
    return replace(nic, device=changes.device(nic.device)) if nic.type in ("direct", "user", "vhostuser") else nic


def _console(console: Graphics, changes: DestinationChanges) -> Graphics:
    return replace(console, listen=changes.listen_address(console.listen), network=changes.network(console.network))


def _disk(disk: Disk, changes: DestinationChanges) -> Disk:
    """Of a disk the file or device; what it is on is looked for on the destination."""

    def there(path: str) -> str:
        return changes.path(path) if path.startswith("/") else path

    return replace(
        disk,
        source=there(disk.source),
        backing_chain=[there(one) for one in disk.backing_chain],
        images=[replace(one, source=there(one.source)) for one in disk.images],
    )
