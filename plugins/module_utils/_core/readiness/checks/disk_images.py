# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that a disk is made of beside its own: those that it is based on, and a file with its data."""

from __future__ import annotations

from dataclasses import replace

from ...host.guest import BASE, DATA, Disk, DiskImage
from .check_types import Case
from .disk_location import LOCAL, MISSING, UNKNOWN, DiskLocation, place_of, place_of_file
from .shared_storage import filesystem_of


def bases(disk: Disk, case: Case) -> list[DiskLocation]:
    """Of a disk that is not copied, images that it is based on and that are surely elsewhere, or may be."""
    files = [place_of_file(path, case.source, case.destination) for path in _files(disk)]
    found = [place for place in files if place.kind in (LOCAL, MISSING)]
    others = (_place(disk, one, case) for one in disk.images if one.purpose == BASE)
    return found + [place for place in others if place.kind in (LOCAL, MISSING, UNKNOWN)]


def _files(disk: Disk) -> list[str]:
    others = {one.source for one in disk.images}
    return [path for path in disk.backing_chain if path.startswith("/") and path not in others]


def data(disk: Disk, case: Case) -> list[DiskLocation]:
    """Where the data of a disk are that has them in a file of their own (``dataStore``)."""
    return [_place(disk, one, case) for one in disk.images if one.purpose == DATA]


def _place(disk: Disk, image: DiskImage, case: Case) -> DiskLocation:
    alone = Disk(
        disk.target,
        type=image.type,
        source=image.source,
        hosts=image.hosts,
        readonly=image.purpose == BASE or disk.readonly,
    )
    on = filesystem_of(image.source, case.source) if image.type in ("file", "dir") else None
    if on is not None:
        alone = replace(
            alone, mount_point=on.mount_point, mount_source=on.source, fs_type=on.fs_type, mount_root=on.root
        )
    place = place_of(alone, case.source, case.destination)
    return place._replace(reason=f"{image.source}: {place.reason}")
