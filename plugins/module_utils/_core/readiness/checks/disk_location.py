# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk of a guest is to its migration: on both hosts, to be copied, or in the way.

LOCAL is said only of a disk of which the destination surely has no other name: such a disk may be copied there.
"""

from __future__ import annotations

import re
import typing as t

from ...addresses import is_loopback, split_port
from ...host.document import Filesystem, HostDocument, StoragePool
from ...host.guest import Disk
from .check_types import Case
from .shared_storage import (
    OTHER,
    SAME,
    UNSURE,
    Relation,
    filesystem_of,
    filesystem_of_disk,
    is_local,
    relation,
    same_export,
    server_and_path,
    shared_by_configuration,
    taken_for_shared,
)

SHARED, LOCAL, MISSING, UNKNOWN, EMPTY = "shared", "local", "missing", "unknown", "empty"

# Pools whose volumes are reached over a network wherever the pool is defined.
_NETWORK_POOLS = ("rbd", "gluster", "sheepdog", "iscsi-direct")
_DIRECTORY_POOLS = ("dir", "fs", "netfs")
# Of these no document tells whether another host has the same devices.
_DEVICE_POOLS = ("iscsi", "mpath", "scsi", "logical", "disk")
_BACK_ENDS = {"vhostuser": "vhost-user", "vhostvdpa": "vDPA"}
_PORTAL = re.compile(r"/dev/disk/by-path/ip-(.+?)-iscsi-")

_SAME_STORAGE = "Put them on storage that both hosts have, at the same path."
_MOUNT = "Mount the same file system at the same place on the destination."
_LIST = (
    "Name the directory in shared_filesystems of qemu.conf on the source, if both hosts have the same one (libvirt 10.8"
    " and later), or put the disk on storage that libvirt takes for shared."
)
_POOL = "Define the pool on the destination, from the same storage, and start it."


class DiskLocation(t.NamedTuple):
    """Where a disk is, and the reason in words. ``remedy``: for one that is MISSING, which no copy would mend."""

    kind: str
    reason: str
    remedy: str = ""


def writable(disk: Disk) -> bool:
    """What libvirt copies when it is told to: all that may be written to and is not shared among guests."""
    return not disk.readonly and not disk.shareable


def place_of(disk: Disk, source: HostDocument, destination: HostDocument, path_there: str = "") -> DiskLocation:
    """Whether the destination has the same disk. ``path_there``: where it is to be at another path there."""
    if not disk.type or not (disk.source or disk.type in _BACK_ENDS):
        return DiskLocation(EMPTY, "the drive is empty")
    if disk.type == "network":
        return _network(disk)
    if disk.type == "volume":
        return _volume(disk, source, destination)
    if disk.type in ("file", "dir"):
        return _file(disk, source, destination, path_there)
    if disk.type == "block":
        return _device(disk, source, destination)
    if disk.type in _BACK_ENDS:
        words = (
            f"its {_BACK_ENDS[disk.type]} back end, {disk.source or 'of the host'}, must be there on the destination"
        )
        return DiskLocation(UNKNOWN, f"{words}, with the same contents, and it cannot be copied")
    return DiskLocation(LOCAL, f"a disk of type {disk.type} belongs to its host")


def place_for(disk: Disk, case: Case) -> DiskLocation:
    """The same, of a guest between two hosts, whose arriving definition may name another path."""
    return place_of(disk, case.source, case.destination, path_on_arrival(disk, case))


def path_on_arrival(disk: Disk, case: Case) -> str:
    """Where the arriving guest's definition has the disk; empty where it is the same."""
    if case.arriving.disks is case.guest.disks:
        return ""
    there = case.arriving_paths.get(disk.target, "")
    return there if there != disk.source else ""


def can_be_copied(disk: Disk) -> bool:
    """Whether libvirt's storage copy takes such a disk along."""
    return disk.type not in _BACK_ENDS


def _network(disk: Disk) -> DiskLocation:
    sockets = [one[len("unix:") :] for one in disk.hosts if one.startswith("unix:")]
    protocol = disk.source.partition(":")[0]
    if sockets or (protocol == "nbd" and "" in disk.hosts):
        socket = sockets[0] if sockets else "a socket"
        words = f"it is reached by {socket} of its host ({disk.source})"
        return DiskLocation(UNKNOWN, f"{words}: the destination needs a server of its own there, of the same storage")
    own = [one for one in disk.hosts if is_loopback(split_port(one)[0])]
    if own:
        words = f"its server is {own[0]}, which is each host itself ({disk.source})"
        return DiskLocation(UNKNOWN, f"{words}: the destination needs one of its own, of the same storage")
    return DiskLocation(SHARED, f"it is reached over the network ({disk.source})")


def _file(disk: Disk, source: HostDocument, destination: HostDocument, path_there: str) -> DiskLocation:
    if not disk.mount_point:
        return DiskLocation(UNKNOWN, "the file system that it is on is not known")
    return _on_filesystem(disk, disk.source, filesystem_of_disk(disk), source, destination, path_there)


def _on_filesystem(
    disk: Disk, path: str, here: Filesystem, source: HostDocument, destination: HostDocument, path_there: str = ""
) -> DiskLocation:
    """libvirt on the source decides whether it is safe; the destination, whether it is there."""
    if destination.storage.filesystems is None:
        return DiskLocation(UNKNOWN, "the file systems of the destination are not known")
    there = filesystem_of(path_there or path, destination)
    found = relation(path, here, there, source, destination, path_there)
    if shared_by_configuration(path, source):
        found = _by_word(path, here, there, found, destination)
    elif not disk.readonly:
        # Of what is only read libvirt does not ask whether it is shared.
        taken = taken_for_shared(here.fs_type, source.versions.libvirt)
        if taken is False:
            return _refused(here, found, source)
        if taken is None and found.verdict == SAME:
            return DiskLocation(
                UNKNOWN, f"whether libvirt takes {here.fs_type} for shared depends on how it was mounted"
            )
    if found.verdict == SAME and there is not None and there.read_only and not disk.readonly:
        return DiskLocation(MISSING, f"{here.mount_point} is mounted read-only on the destination", _MOUNT)
    if found.verdict == SAME:
        return DiskLocation(SHARED, found.reason)
    if found.verdict == OTHER:
        return (
            DiskLocation(LOCAL, found.reason) if is_local(here.fs_type) else DiskLocation(MISSING, found.reason, _MOUNT)
        )
    return DiskLocation(UNKNOWN, found.reason)


def _by_word(
    path: str, here: Filesystem, there: t.Optional[Filesystem], found: Relation, destination: HostDocument
) -> Relation:
    """The source's qemu.conf says that it is shared. What the destination has there is another question."""
    both = shared_by_configuration(path, destination)
    if both and there is not None and there.mount_point == here.mount_point:
        return Relation(SAME, "qemu.conf on both hosts names it in shared_filesystems")
    if there is not None and found.verdict == UNSURE and server_and_path(there.source)[1] == here.mount_point:
        # The source says that others have it, and the destination has just this directory of some server's there.
        return Relation(SAME, f"qemu.conf on the source names it in shared_filesystems, and it is {there.source} there")
    if found.verdict != OTHER or there is None or there.mount_point != here.mount_point:
        return found
    words = "qemu.conf on the source names it in shared_filesystems"
    return Relation(UNSURE, f"{words}, and whether the destination has the same there is not known")


def _refused(here: Filesystem, found: Relation, source: HostDocument) -> DiskLocation:
    """What libvirt calls unsafe. It may be copied only to where surely nothing of it is yet."""
    if is_local(here.fs_type):
        local = f"{here.mount_point} is a local file system ({here.fs_type}) of the source"
        return (
            DiskLocation(LOCAL, local)
            if found.verdict == OTHER
            else DiskLocation(MISSING, f"{local}; {found.reason}", _LIST)
        )
    version = f" {source.versions.libvirt}" if source.versions.libvirt else ""
    return DiskLocation(
        MISSING, f"libvirt{version} does not take {here.mount_point} ({here.fs_type}) for shared", _LIST
    )


def _volume(disk: Disk, source: HostDocument, destination: HostDocument) -> DiskLocation:
    name, _slash, volume = disk.source.partition("/")
    here, there = _pool(name, source), _pool(name, destination)
    for host in (source, destination):
        if host.storage.pools is None:
            return DiskLocation(UNKNOWN, f"which storage pools {host.name} has is not known")
    if there is None or there.active is False:
        return DiskLocation(MISSING, f"the destination has no running pool {name!r}", _POOL)
    same = here is not None and here.source != "" and (here.type, here.source) == (there.type, there.source)
    if here is not None and here.type == there.type == "netfs":
        found = same_export(here.source, there.source)
        if found == OTHER:
            words = f"the pool {name!r} is {here.source} on the source and {there.source} on the destination"
            return DiskLocation(MISSING, words, _POOL)
        return _by_pool(found == SAME, here, name)
    if there.type in _NETWORK_POOLS and (here is None or here.type == there.type):
        return _by_pool(same or here is None or not here.source, there, name)
    if there.type in _DEVICE_POOLS:
        return _by_pool(same and there.type in ("iscsi", "mpath"), there, name)
    on = filesystem_of(here.path, source) if here is not None and here.path else None
    if here is not None and on is not None and here.path == there.path and there.type in _DIRECTORY_POOLS:
        return _on_filesystem(disk, f"{here.path.rstrip('/')}/{volume}", on, source, destination)
    own = f"the pool {name!r} (type {there.type}) belongs to each host"
    if here is None or (here.type in ("dir", "fs", "zfs") and not _on_network(there, destination)):
        return DiskLocation(LOCAL, own)
    return DiskLocation(MISSING, own, _POOL)


def _by_pool(same: bool, pool: StoragePool, name: str) -> DiskLocation:
    if pool.type in _NETWORK_POOLS and same:
        return DiskLocation(SHARED, f"the pool {name!r} is reached over the network")
    if same and not is_loopback(pool.source.partition(":")[0]):
        return DiskLocation(SHARED, f"both hosts have {pool.source} as pool {name!r}")
    return DiskLocation(
        UNKNOWN, f"whether the pool {name!r} (type {pool.type}) is of the same storage on both is not known"
    )


def _on_network(pool: StoragePool, host: HostDocument) -> bool:
    found = filesystem_of(pool.path, host) if pool.path else None
    return found is not None and not is_local(found.fs_type)


def _device(disk: Disk, source: HostDocument, destination: HostDocument) -> DiskLocation:
    """A device may be a LUN that both hosts see, which no document shows unless a pool says so."""
    for here in source.storage.pools or []:
        if here.path and disk.source.startswith(here.path.rstrip("/") + "/"):
            there = _pool(here.name, destination)
            same = there is not None and here.source != "" and there.source == here.source
            if here.type in ("iscsi", "mpath") and same and not is_loopback(here.source.partition(":")[0]):
                return DiskLocation(SHARED, f"both hosts have {here.source} as pool {here.name!r}")
    portal = _PORTAL.match(disk.source)
    own_portal = portal is not None and is_loopback(split_port(portal[1])[0])
    if disk.source.startswith("/dev/disk/by-path/ip-") and not own_portal:
        return DiskLocation(SHARED, "it is reached by iSCSI")
    return DiskLocation(UNKNOWN, f"whether the destination sees the same device as {disk.source} is not known")


def place_of_file(path: str, source: HostDocument, destination: HostDocument) -> DiskLocation:
    """Of a file that is only read, for example a base image."""
    on = filesystem_of(path, source)
    if on is None:
        return DiskLocation(UNKNOWN, "the file system that it is on is not known")
    disk = Disk("", type="file", source=path, readonly=True)
    return _on_filesystem(disk, path, on, source, destination)


def _pool(name: str, host: HostDocument) -> t.Optional[StoragePool]:
    return next((one for one in host.storage.pools or [] if one.name == name), None)
