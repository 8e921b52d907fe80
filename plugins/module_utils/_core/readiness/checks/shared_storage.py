# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems that several hosts have: which ones libvirt takes for shared, and whether two of them are the same.

Equal texts may name two storages (``localhost:/export``), and different texts one (a Gluster volume by another of its
servers). Then the answer is "not known": to take two names of one disk for two disks would copy it onto itself.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ...addresses import is_loopback, same_address
from ...host.document import Filesystem, HostDocument
from ...host.features import Version, feature, version_of
from ...host.guest import Disk


class SharedType(t.NamedTuple):
    """A file system of /proc/mounts. ``since``: the first libvirt that takes it for shared; None for none so far."""

    fs_type: str
    family: str
    since: t.Optional[Version]
    source: str


_ANY: Version = ()
_MAGIC = "src/util/virfile.c, virFileIsSharedFSType of 7.0.0, 9.0.0 and 11.3.0"
_FUSE = "src/util/virfile.c, by the type of the mount, of 7.0.0, 9.0.0 and 11.3.0"
_SMB2 = "not in src/util/virfile.c of 11.3.0: Linux gives SMB 2 and later another magic number, fs/smb/client/smb2ops.c"
_NONE = "not in src/util/virfile.c of 7.0.0, 9.0.0 and 11.3.0"

# What is in 7.0.0 already has no version of its own, but for what the release notes name.
SHARED_TYPES = (
    SharedType("nfs", "nfs", _ANY, _MAGIC),
    SharedType("nfs4", "nfs", _ANY, _MAGIC),
    SharedType("gfs", "device", _ANY, _MAGIC),
    SharedType("gfs2", "device", _ANY, _MAGIC),
    SharedType("ocfs2", "device", _ANY, _MAGIC),
    SharedType("acfs", "device", _ANY, _MAGIC),
    SharedType("afs", "named", _ANY, _MAGIC),
    SharedType("ceph", "ceph", (5, 1, 0), f"{_MAGIC}; release notes of 5.1.0"),
    SharedType("gpfs", "named", (5, 1, 0), f"{_MAGIC}; release notes of 5.1.0"),
    SharedType("fuse.glusterfs", "gluster", _ANY, _FUSE),
    SharedType("fuse.quobyte", "named", _ANY, _FUSE),
    SharedType("beegfs", "own", (9, 6, 0), "src/util/virfile.c of 11.3.0, not of 9.0.0; release notes of 9.6.0"),
    SharedType("smbfs", "smb", _ANY, _MAGIC),
    SharedType("cifs", "smb", _ANY, f"{_MAGIC}, as far as the mount speaks SMB 1"),
    SharedType("smb2", "smb", None, _SMB2),
    SharedType("smb3", "smb", None, _SMB2),
    SharedType("fuse.ceph", "ceph", None, _NONE),
    SharedType("glusterfs", "gluster", None, _NONE),
    SharedType("lustre", "named", None, _NONE),
    SharedType("virtiofs", "own", None, _NONE),
    SharedType("9p", "own", None, _NONE),
)
_BY_TYPE = {one.fs_type: one for one in SHARED_TYPES}
# libvirt looks at a number that the kernel gives for SMB 1 only, which the type of the mount does not tell.
_DEPENDS_ON_MOUNT = ("cifs",)

# On one host only, whatever they are on. All that is neither here nor above may be a network file system.
_LOCAL = (
    *(
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "zfs",
        "bcachefs",
        "f2fs",
        "jfs",
        "reiserfs",
        "tmpfs",
        "ramfs",
        "overlay",
    ),
    *("vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "iso9660", "udf", "squashfs", "erofs"),
    *("hugetlbfs", "devtmpfs"),
)

SAME, OTHER, UNSURE = "same", "other", "unsure"

# Devices that are no disk of the host alone: multipath by its own names or by WWID, DRBD, Ceph, NBD, iSCSI and FC.
_SEVERAL = re.compile(
    r"/dev/(mapper/(mpath|[23][0-9a-f]{16})|drbd|rbd\d|rbd/|nbd|disk/by-path/(ip-|\S*-fc-|fc-)|disk/by-id/(dm-uuid-mpath|wwn-))"
)


class Relation(t.NamedTuple):
    """Whether a path leads to the same file on both hosts, and the reason in words."""

    verdict: str
    reason: str


def is_local(fs_type: str) -> bool:
    """Whether a file system of this type can be mounted by one host only."""
    return fs_type in _LOCAL


@functools.lru_cache(maxsize=256)
def taken_for_shared(fs_type: str, libvirt: str) -> t.Optional[bool]:
    """By libvirt of that version; None when it depends on what no document tells."""
    row, version = _BY_TYPE.get(fs_type), version_of(libvirt)
    if row is None or row.since is None:
        return False
    if fs_type in _DEPENDS_ON_MOUNT or (row.since and not version):
        return None
    return version >= row.since


def shared_by_configuration(path: str, host: HostDocument) -> bool:
    """What the host that a guest leaves has in ``shared_filesystems`` counts for shared (qemuMigrationSrcIsSafe)."""
    version = version_of(host.versions.libvirt)
    if version and version < feature("shared_filesystems").libvirt:
        return False
    named = host.daemon.qemu_settings.get("shared_filesystems", [])
    return isinstance(named, list) and any(within(path, str(one)) for one in named)


def within(path: str, directory: str) -> bool:
    """Whether a path is that directory or below it, by its text."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def filesystem_of(path: str, host: HostDocument) -> t.Optional[Filesystem]:
    """The file system of the host that holds the path: that with the longest mount point."""
    holding = [one for one in host.storage.filesystems or [] if within(path, one.mount_point)]
    return max(holding, key=lambda one: len(one.mount_point), default=None)


def filesystem_of_disk(disk: Disk) -> Filesystem:
    """The file system of the source that the disk's file is on."""
    return Filesystem(disk.mount_point, disk.mount_source, disk.fs_type, root=disk.mount_root)


def relation(
    path: str,
    here: Filesystem,
    there: t.Optional[Filesystem],
    source: HostDocument,
    destination: HostDocument,
    path_there: str = "",
) -> Relation:
    """Of a path and the file systems that hold it on the two hosts. ``path_there``: where it has another one there."""
    path_there = path_there or path
    has = f"the source has {here.source} at {here.mount_point}, and the destination"
    if there is None:
        return _exported(here, destination) or Relation(OTHER, f"{has} has not mounted it")
    if (
        is_local(here.fs_type)
        and is_local(there.fs_type)
        and _SEVERAL.match(here.source)
        and _SEVERAL.match(there.source)
    ):
        return Relation(UNSURE, f"{has} has {there.source} there, and several hosts may reach such a device")
    if is_local(here.fs_type) and is_local(there.fs_type):
        return Relation(OTHER, f"{here.mount_point} is a local file system ({here.fs_type}) of the source")
    if is_local(there.fs_type):
        return _exported(here, destination) or Relation(OTHER, f"{has} has {there.source} there")
    if is_local(here.fs_type):
        own = _exported(there, source)
        return own or Relation(UNSURE, f"{has} has {there.source} there, which may be the same")
    found = _same_source(here, there)
    if found == SAME and here.source == there.source and _location(path, here) == _location(path_there, there):
        return Relation(SAME, f"both hosts have {here.source} at {here.mount_point}")
    full = _by_whole_path((path, path_there), here, there)
    if full == SAME:
        return Relation(SAME, f"{has} has {there.source} there, in which it is the same file")
    if found == SAME:
        return Relation(UNSURE, f"both hosts have {here.source}, but other directories of it or at another place")
    words = f"{has} has {there.source} there"
    unsure = UNSURE in (found, full)
    return Relation(UNSURE, f"{words}, which may be the same") if unsure else Relation(OTHER, words)


def _exported(mounted: Filesystem, host: HostDocument) -> t.Optional[Relation]:
    """Where one host has by NFS what the other one exports from its own disk."""
    if _family(mounted.fs_type) != "nfs":
        return None
    server, directory = server_and_path(mounted.source)
    if not _is(server, host):
        return None
    if directory == mounted.mount_point.rstrip("/") and mounted.root in ("", "/"):
        return Relation(SAME, f"{host.name} exports {directory}, and the other host has it there")
    return Relation(UNSURE, f"{host.name} exports {directory}, which the other host has at {mounted.mount_point}")


def _is(server: str, host: HostDocument) -> bool:
    names = {host.name, host.hostname, host.hostname.partition(".")[0]} - {""}
    addresses = [address for one in host.interfaces or [] for address in one.addresses]
    known = [*names, *addresses, *(host.hostname_addresses or []), host.migration.address]
    return not is_loopback(server) and any(one and same_address(server, one) for one in known)


def _location(path: str, on: Filesystem) -> str:
    """Where in the file system that is mounted a path is."""
    root, inside = (on.root or "/").rstrip("/"), path[len(on.mount_point) :].lstrip("/")
    return f"{root}/{inside}" if inside else root or "/"


def _by_whole_path(paths: tuple[str, str], here: Filesystem, there: Filesystem) -> str:
    """Of directories of one export: what is in filer:/export/vm here may be below vm in filer:/export there."""
    families = {_family(here.fs_type), _family(there.fs_type)}
    if len(families) > 1 or not families <= {"nfs", "smb", "gluster", "ceph"}:
        return OTHER
    whole = [f"{on.source.rstrip('/')}{_location(path, on)}" for path, on in zip(paths, (here, there))]
    return same_export(whole[0], whole[1], families.pop())


def _family(fs_type: str) -> str:
    row = _BY_TYPE.get(fs_type)
    return row.family if row else "own"


def _same_source(here: Filesystem, there: Filesystem) -> str:
    family = _family(here.fs_type)
    if family != _family(there.fs_type):
        return UNSURE
    if family == "device":
        return _same_device(here.source, there.source)
    if family == "own":
        # A tag, a program's own words, or beegfs_nodev, which every mount of BeeGFS is called: what is behind them only
        # the host itself knows.
        return UNSURE
    if family == "named":
        return SAME if here.source == there.source else UNSURE
    return same_export(here.source, there.source, family)


def same_export(here: str, there: str, family: str = "nfs") -> str:
    """Of ``server:/directory`` texts: SAME, OTHER or UNSURE."""
    (servers, path), (other_servers, other_path) = server_and_path(here), server_and_path(there)
    if family == "smb":
        path, other_path = path.lower(), other_path.lower()
    if path != other_path:
        # What is mounted as /vm by version 4 of NFS may be /export/vm by version 3.
        suffix = path.endswith(other_path) or other_path.endswith(path)
        return UNSURE if suffix or (family in ("ceph", "gluster") and servers != other_servers) else OTHER
    if is_loopback(servers) or is_loopback(other_servers):
        return UNSURE  # each host's own server
    if servers.startswith("."):
        return UNSURE  # the name of a Ceph file system without its cluster
    return SAME if same_address(servers, other_servers) else UNSURE


def server_and_path(text: str) -> tuple[str, str]:
    """``filer:/export``, ``[2001:db8::1]:/export``, ``//server/share``, ``mon1:6789,mon2:/``, ``user@id.name=/``."""
    if text.startswith("//"):
        server, _slash, path = text[2:].partition("/")
        return server, "/" + path.strip("/")
    if "@" in text and "=/" in text:
        server, _equals, path = text.partition("=")
        return server.partition("@")[2], path.rstrip("/")
    server, colon, path = text.rpartition(":/")
    if not colon:  # Gluster takes a volume without a slash
        server, colon, path = text.rpartition(":")
    return (server.strip("[]"), "/" + path.strip("/")) if colon else ("", text)


def _same_device(here: str, there: str) -> str:
    """Names of devices are each host's own, but for those made from what is on the device or burnt into it."""
    lasting = here.startswith(("/dev/disk/by-id/wwn-", "/dev/disk/by-id/scsi-", "/dev/disk/by-uuid/", "UUID="))
    return SAME if lasting and here == there else UNSURE
