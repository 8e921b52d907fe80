# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems of the host, and the files of guests' disks on them.

Nothing here waits for a file system whose server is gone: each one is asked in a thread of its own.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import typing as t
from dataclasses import replace

from .._core.dataclass_json import changed
from .._core.errors import MigrationError
from .._core.host.document import Filesystem
from .._core.host.guest import Disk, GuestDocument
from .._core.host.parse.procfs import Mount, MountTable, parse_mounts
from .files import at_once, read, read_bytes

_LIMIT_S = 3.0  # for each file system; a choice
_QCOW2_MAGIC = b"QFI\xfb"
_OCTAL = re.compile(r"\\([0-7]{3})")
_MOST_BYTES = 2**63 - 1  # what a file can have


class DiskFile(t.NamedTuple):
    """Sizes of a disk: as the guest sees it, and on the host. Both None: of a directory or a socket."""

    size_bytes: t.Optional[int]
    allocated_bytes: t.Optional[int]


def read_storage(
    paths: t.Iterable[str], disk_paths: t.Iterable[str]
) -> tuple[t.Optional[list[Filesystem]], dict[str, DiskFile], MountTable, list[str]]:
    """File systems under these paths and all shared ones; sizes of disks; the mounts; and problems: what does not
    answer, or is no disk."""
    text = read("/proc/self/mountinfo")
    try:
        mounts = parse_mounts(text) if text is not None else []
    except MigrationError as exc:
        return None, {}, MountTable([]), [f"File systems: {exc.problem}"]
    if text is None:
        return None, {}, MountTable([]), []
    paths, disk_paths = set(paths), sorted(set(disk_paths))
    table = _with_links(mounts, paths, disk_paths)
    wanted = {one.mount_point: one for one in mounts if one.shared and one.storage}
    on: dict[str, list[str]] = {}
    for path in {*paths, *disk_paths}:
        found = table.of(path)
        if found is not None and found.storage:
            wanted[found.mount_point] = found
            on.setdefault(found.mount_point, []).append(path)
    disks = set(disk_paths)
    jobs = {
        point: _asker(mount, sorted(path for path in on.get(point, []) if path in disks))
        for point, mount in wanted.items()
    }
    answers = at_once(jobs, _LIMIT_S)
    problems = [f"The file system at {point} does not answer." for point in wanted if point not in answers]
    filesystems = [answers[point][0] if point in answers else _filesystem(wanted[point]) for point in sorted(wanted)]
    sizes = {path: size for answer in answers.values() for path, size in answer[1].items() if size is not None}
    odd = sorted(path for answer in answers.values() for path, size in answer[1].items() if size is None)
    return filesystems, sizes, table, problems + [f"{path!r} is neither a file nor a block device." for path in odd]


def _with_links(mounts: t.Sequence[Mount], paths: t.Collection[str], disk_paths: t.Collection[str]) -> MountTable:
    """With each link to another file system as if that were mounted there: a directory of images may be a link to NFS,
    and by its name it would be on the disk of the host."""
    table, directories = MountTable(mounts), {*paths, *map(os.path.dirname, disk_paths)}
    names: dict[str, set[str]] = {}
    for path in {*directories, *disk_paths}:
        on = table.of(path)
        if on is not None and on.storage:
            names.setdefault(on.mount_point, set()).add(path)
    jobs = {point: _link_reader(sorted(wanted), directories) for point, wanted in names.items()}
    found = [pair for pairs in at_once(jobs, _LIMIT_S).values() for pair in pairs]
    linked = [_as_mounted(path, real, table) for path, real in found]
    return MountTable([*mounts, *(one for one in linked if one is not None)])


def _link_reader(paths: t.Sequence[str], directories: t.Collection[str]) -> t.Callable[[], list[tuple[str, str]]]:
    """Of directories all links on the way to them are followed, of a disk's file only its own."""

    def read_links() -> list[tuple[str, str]]:
        followed = (path for path in paths if path in directories or os.path.islink(path))
        return [(path, real) for path, real in ((one, os.path.realpath(one)) for one in followed) if path != real]

    return read_links


def _as_mounted(path: str, real: str, table: MountTable) -> t.Optional[Mount]:
    by_name, on = table.of(path), table.of(real)
    if on is None or by_name is None or not on.storage or on.mount_point == by_name.mount_point:
        return None
    inside = real[len(on.mount_point.rstrip("/")) :].strip("/")
    return Mount(path, on.source, on.fs_type, on.read_only, f"{on.root.rstrip('/')}/{inside}")


def with_storage(domain: GuestDocument, mounts: MountTable, sizes: t.Mapping[str, DiskFile]) -> GuestDocument:
    """The guest with what its disks are on, and how large they are."""
    return changed(domain, disks=[_with_file(disk, mounts, sizes) for disk in domain.disks])


def type_of_file_system(path: str) -> str:
    """Of the one that a file is on, links followed; empty when that is not known."""
    text = read("/proc/self/mountinfo")
    try:
        found = MountTable(parse_mounts(text)).of(os.path.realpath(path)) if text is not None else None
    except MigrationError:
        return ""
    return found.fs_type if found is not None else ""


def exported_directories() -> list[str]:
    """What this host exports by NFS at the moment, as the kernel's server keeps it."""
    text = read("/var/lib/nfs/etab") or ""
    lines = (line.split() for line in text.splitlines())
    # Blanks and the like are written as octal numbers.
    return [_OCTAL.sub(lambda found: chr(int(found[1], 8)), words[0]) for words in lines if words]


def _with_file(disk: Disk, mounts: MountTable, sizes: t.Mapping[str, DiskFile]) -> Disk:
    if not disk.source.startswith("/"):
        return disk
    size = sizes.get(disk.source, DiskFile(None, None))
    disk = changed(disk, size_bytes=size.size_bytes, allocated_bytes=size.allocated_bytes)
    # A device node is on devtmpfs, which says nothing about the device.
    mount = mounts.of(disk.source) if disk.type in ("file", "dir") else None
    if mount is None:
        return disk
    return changed(
        disk,
        fs_type=mount.fs_type,
        mount_point=mount.mount_point,
        mount_source=mount.source,
        mount_root=mount.root,
    )


def _asker(mount: Mount, paths: t.Sequence[str]) -> t.Callable[[], tuple[Filesystem, dict[str, t.Optional[DiskFile]]]]:
    """Asks a file system, and for the disks on it: None for what can be none, nothing for what cannot be looked at."""

    def ask() -> tuple[Filesystem, dict[str, t.Optional[DiskFile]]]:
        state = os.statvfs(mount.mount_point)
        filesystem = replace(
            _filesystem(mount),
            size_bytes=state.f_blocks * state.f_frsize,
            free_bytes=state.f_bavail * state.f_frsize,
        )
        sizes: dict[str, t.Optional[DiskFile]] = {}
        for path in paths:
            try:
                sizes[path] = _size(path)
            except (OSError, ValueError):
                continue
        return filesystem, sizes

    return ask


def _filesystem(mount: Mount) -> Filesystem:
    return Filesystem(mount.mount_point, mount.source, mount.fs_type, mount.shared, mount.read_only, root=mount.root)


def _size(path: str) -> t.Optional[DiskFile]:
    """None for a pipe, a terminal and their like, which are not opened: that would wait, or do something."""
    state = os.stat(path)
    if stat.S_ISDIR(state.st_mode) or stat.S_ISSOCK(state.st_mode):
        return DiskFile(None, None)
    if stat.S_ISREG(state.st_mode):
        return DiskFile(_qcow2_size(path) or state.st_size, state.st_blocks * 512)
    return _block_size(path) if stat.S_ISBLK(state.st_mode) else None


def _block_size(path: str) -> t.Optional[DiskFile]:
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISBLK(os.fstat(number).st_mode):
            return None
        size = os.lseek(number, 0, os.SEEK_END)
        return DiskFile(size, size)
    finally:
        os.close(number)


def _qcow2_size(path: str) -> t.Optional[int]:
    """The size that the guest sees stands in the header, which never changes place; None for another format."""
    head = read_bytes(path, 32) or b""
    if len(head) < 32 or head[:4] != _QCOW2_MAGIC:
        return None
    size = int(struct.unpack(">Q", head[24:32])[0])
    return size if size <= _MOST_BYTES else None
