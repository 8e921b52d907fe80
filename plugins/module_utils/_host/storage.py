# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""File systems of the host, and the files of guests' disks on them.

Nothing here waits for a file system whose server is gone: each one is asked in a thread of its own.
"""

from __future__ import annotations

import os
import stat
import struct
import typing as t
from dataclasses import replace

from .._core.domain_document import Disk, Domain
from .._core.host_document import Filesystem
from .._core.proc_text import Mount, mount_of, parse_mounts
from .files import at_once, read

_LIMIT_S = 3.0
_QCOW2_MAGIC = b"QFI\xfb"


class DiskFile(t.NamedTuple):
    """Sizes of a disk: as the guest sees it, and on the host."""

    size_bytes: t.Optional[int]
    allocated_bytes: t.Optional[int]


def read_storage(
    paths: t.Iterable[str], disk_paths: t.Iterable[str]
) -> tuple[t.Optional[list[Filesystem]], dict[str, DiskFile], list[Mount], list[str]]:
    """File systems under these paths and all shared ones; sizes of disks; the mounts; and who does not answer."""
    text = read("/proc/self/mountinfo")
    if text is None:
        return None, {}, [], []
    mounts = parse_mounts(text)
    disk_paths = sorted(set(disk_paths))
    wanted = {one.mount_point: one for one in mounts if one.shared and one.storage}
    for path in {*paths, *disk_paths}:
        found = mount_of(path, mounts)
        if found is not None and found.storage:
            wanted[found.mount_point] = found
    on = {point: [path for path in disk_paths if mount_of(path, mounts) == mount] for point, mount in wanted.items()}
    answers = at_once({point: _asker(mount, on[point]) for point, mount in wanted.items()}, _LIMIT_S)
    silent = [f"The file system at {point} does not answer." for point in wanted if point not in answers]
    filesystems = [answers[point][0] if point in answers else _filesystem(wanted[point]) for point in sorted(wanted)]
    sizes = {path: size for answer in answers.values() for path, size in answer[1].items()}
    return filesystems, sizes, mounts, silent


def with_storage(domain: Domain, mounts: t.Sequence[Mount], sizes: t.Mapping[str, DiskFile]) -> Domain:
    """The guest with what its disks are on, and how large they are."""
    return replace(domain, disks=[_with_file(disk, mounts, sizes) for disk in domain.disks])


def _with_file(disk: Disk, mounts: t.Sequence[Mount], sizes: t.Mapping[str, DiskFile]) -> Disk:
    if not disk.source.startswith("/"):
        return disk
    mount, size = mount_of(disk.source, mounts), sizes.get(disk.source, DiskFile(None, None))
    # A device node is on devtmpfs, which says nothing about the device.
    on_file_system = mount is not None and disk.type in ("file", "dir")
    return replace(
        disk,
        size_bytes=size.size_bytes,
        allocated_bytes=size.allocated_bytes,
        fs_type=mount.fs_type if mount and on_file_system else "",
        mount_point=mount.mount_point if mount and on_file_system else "",
        mount_source=mount.source if mount and on_file_system else "",
        mount_root=mount.root if mount and on_file_system else "",
    )


def _asker(mount: Mount, paths: t.Sequence[str]) -> t.Callable[[], tuple[Filesystem, dict[str, DiskFile]]]:
    def ask() -> tuple[Filesystem, dict[str, DiskFile]]:
        state = os.statvfs(mount.mount_point)
        filesystem = replace(
            _filesystem(mount),
            size_bytes=state.f_blocks * state.f_frsize,
            free_bytes=state.f_bavail * state.f_frsize,
        )
        return filesystem, {path: size for path in paths for size in [_size(path)] if size is not None}

    return ask


def _filesystem(mount: Mount) -> Filesystem:
    return Filesystem(mount.mount_point, mount.source, mount.fs_type, mount.shared, mount.read_only, root=mount.root)


def _size(path: str) -> t.Optional[DiskFile]:
    try:
        state = os.stat(path)
        if stat.S_ISBLK(state.st_mode):
            with open(path, "rb") as device:
                size = device.seek(0, os.SEEK_END)
            return DiskFile(size, size)
        return DiskFile(_qcow2_size(path) or state.st_size, state.st_blocks * 512)
    except OSError:
        return None


def _qcow2_size(path: str) -> t.Optional[int]:
    """The size that the guest sees stands in the header, which never changes place."""
    try:
        with open(path, "rb") as file:
            head = file.read(32)
    except OSError:
        return None
    if len(head) < 32 or head[:4] != _QCOW2_MAGIC:
        return None
    return int(struct.unpack(">Q", head[24:32])[0])
