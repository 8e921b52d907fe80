# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a guest of this host, and whether they are on it alone."""

from __future__ import annotations

import os
import typing as t

from ..._core.host.guest import Disk
from ..._core.host.parse.domain_xml import parse_domain
from ..._core.migration.copied_disks import SourceDisk
from ..._core.readiness.checks.shared_storage import is_local, within
from ..._host.storage import exported_directories, type_of_file_system


def source_disks(xml: str, moved: t.Collection[str], *, local: bool) -> list[SourceDisk]:
    """From a running guest's definition. ``local``: whether this is its host, whose file systems can be looked at;
    ``moved``: targets of those that are to be at another path."""
    return [_source_disk(one, one.target in moved, local) for one in parse_domain(xml).disks if one.source]


def _source_disk(disk: Disk, moved: bool, local: bool) -> SourceDisk:
    writable = not disk.readonly and not disk.shareable
    own, words = _own(disk, local)
    return SourceDisk(disk.target, writable, own, moved, words)


def _own(disk: Disk, local: bool) -> tuple[t.Optional[bool], str]:
    if disk.type == "network":
        return False, f"{disk.source} over the network"
    if disk.type not in ("file", "dir") or not local:
        return None, disk.source
    fs_type = type_of_file_system(disk.source)
    if not fs_type:
        return None, disk.source
    if not is_local(fs_type):
        return False, f"{disk.source} on {fs_type}"
    names = {disk.source, os.path.realpath(disk.source)}
    if any(within(name, one) for one in exported_directories() for name in names):
        return None, f"{disk.source}, which this host exports"
    return True, disk.source
