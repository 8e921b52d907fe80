# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What a disk of a guest is to its migration: on both hosts, to be copied, or in the way."""

from __future__ import annotations

import typing as t

from .domain_document import Disk
from .host_document import Filesystem, HostDocument, Pool
from .proc_text import SHARED_FS_TYPES

SHARED, LOCAL, UNKNOWN, EMPTY = "shared", "local", "unknown", "empty"

# Pools whose volumes are reached over a network wherever the pool is defined.
_NETWORK_POOLS = ("rbd", "gluster", "sheepdog", "iscsi-direct")
_SHARED_DEVICE_POOLS = ("iscsi", "mpath")


class Place(t.NamedTuple):
    """Where a disk is, and the reason in words."""

    kind: str
    reason: str


def place_of(disk: Disk, source: HostDocument, destination: HostDocument) -> Place:
    """Whether the destination has the same disk."""
    if not disk.type or not disk.source:
        return Place(EMPTY, "the drive is empty")
    if disk.type == "network":
        return Place(SHARED, f"it is reached over the network ({disk.source})")
    if disk.type == "volume":
        return _volume(disk, source, destination)
    if disk.type in ("file", "dir"):
        return _file(disk, destination)
    if disk.type == "block":
        return _device(disk, source, destination)
    return Place(LOCAL, f"a disk of type {disk.type} belongs to its host")


def _file(disk: Disk, destination: HostDocument) -> Place:
    if not disk.mount_point:
        return Place(UNKNOWN, "the file system that it is on is not known")
    if destination.storage.filesystems is None:
        return Place(UNKNOWN, "the file systems of the destination are not known")
    here = Filesystem(disk.mount_point, disk.mount_source, disk.fs_type)
    there = filesystem_of(disk.source, destination)
    listed = shared_by_configuration(disk.source, destination)
    if disk.fs_type not in SHARED_FS_TYPES and not listed:
        return Place(LOCAL, f"{here.mount_point} is a local file system ({here.fs_type}) of the source")
    if there is None or (there.mount_point, there.source) != (here.mount_point, here.source):
        if listed:
            return Place(SHARED, "qemu.conf on the destination names it in shared_filesystems")
        mounted = f"has {there.source} there" if there else "has not mounted it"
        return Place(LOCAL, f"the source has {here.source} at {here.mount_point}, and the destination {mounted}")
    if there.read_only and not disk.readonly:
        return Place(LOCAL, f"{here.mount_point} is mounted read-only on the destination")
    return Place(SHARED, f"both hosts have {here.source} at {here.mount_point}")


def _volume(disk: Disk, source: HostDocument, destination: HostDocument) -> Place:
    name = disk.source.partition("/")[0]
    here, there = _pool(name, source), _pool(name, destination)
    if there is None or not there.active:
        return Place(LOCAL, f"the destination has no running pool {name!r}")
    if there.type in _NETWORK_POOLS:
        return Place(SHARED, f"the pool {name!r} is reached over the network")
    same = here is not None and here.source != "" and (here.type, here.source) == (there.type, there.source)
    if here is not None and same and here.type in ("netfs", *_SHARED_DEVICE_POOLS):
        return Place(SHARED, f"both hosts have {here.source} as pool {name!r}")
    return Place(LOCAL, f"the pool {name!r} (type {there.type}) belongs to each host")


def _device(disk: Disk, source: HostDocument, destination: HostDocument) -> Place:
    """A device may be a LUN that both hosts see, which no document shows unless a pool says so."""
    for here in source.storage.pools:
        if here.path and disk.source.startswith(here.path.rstrip("/") + "/"):
            there = _pool(here.name, destination)
            if here.type in _SHARED_DEVICE_POOLS and there is not None and there.source == here.source:
                return Place(SHARED, f"both hosts have {here.source} as pool {here.name!r}")
    if disk.source.startswith("/dev/disk/by-path/ip-"):
        return Place(SHARED, "it is reached by iSCSI")
    return Place(UNKNOWN, f"whether the destination sees the same device as {disk.source} is not known")


def filesystem_of(path: str, host: HostDocument) -> t.Optional[Filesystem]:
    holding = [
        one
        for one in host.storage.filesystems or []
        if path == one.mount_point or path.startswith(one.mount_point.rstrip("/") + "/")
    ]
    return max(holding, key=lambda one: len(one.mount_point), default=None)


def shared_by_configuration(path: str, host: HostDocument) -> bool:
    """libvirt 10.8 and later take a host's word for it, for the host that exports the file system."""
    named = host.daemon.qemu_settings.get("shared_filesystems", [])
    return isinstance(named, list) and any(path.startswith(str(one).rstrip("/") + "/") for one in named)


def _pool(name: str, host: HostDocument) -> t.Optional[Pool]:
    return next((one for one in host.storage.pools if one.name == name), None)
