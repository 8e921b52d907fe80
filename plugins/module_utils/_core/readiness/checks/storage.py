# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: whether the guest's disks are on both hosts, or are copied, and there is room for them."""

from __future__ import annotations

import typing as t

from ...host.guest import Disk
from ...units import human_bytes
from . import disk_images
from .check_types import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned
from .disk_location import (
    EMPTY,
    LOCAL,
    MISSING,
    SHARED,
    UNKNOWN,
    DiskLocation,
    can_be_copied,
    path_on_arrival,
    place_for,
    writable,
)
from .shared_storage import filesystem_of

_THEME = "storage"
_CHOSEN_BY_ITSELF = ("file", "dir", "network")
_ROOM_TO_SPARE = 1.05  # times the size, a choice: file systems keep some for themselves


def _copied(disk: Disk, place: DiskLocation, case: Case) -> bool:
    """As the module migration chooses: what is named, or else what is surely the source's own."""
    if case.options.copy_storage == "none":
        return False
    named = case.options.copy_disks
    return disk.target in named if named is not None else writable(disk) and place.kind == LOCAL


def _copied_disks(case: Case) -> list[Disk]:
    return [disk for disk in case.guest.disks if _copied(disk, place_for(disk, case), case)]


def _reachable(case: Case) -> Finding:
    places = [(disk, place_for(disk, case)) for disk in case.guest.disks]
    places = [(disk, place) for disk, place in places if place.kind != EMPTY]
    if not places:
        return passed("The guest has no disk.")
    doubtful = _not_chosen_by_itself(places, case)
    if doubtful is not None:
        return doubtful
    copied: list[tuple[Disk, DiskLocation]] = []
    stay: list[tuple[Disk, DiskLocation]] = []
    for disk, place in places:
        (copied if _copied(disk, place, case) else stay).append((disk, place))
    found = _out_of_reach(stay) or _must_not_be_copied(copied, case) or _data_out_of_reach(places, case)
    if found is not None:
        return found
    still = [disk.target for disk, place in stay if place.kind in (LOCAL, MISSING) and not writable(disk)]
    if still:
        return warned(
            f"The disks {listed(still)} are local and are not copied, since they are read-only or shareable.",
            "Put them at the same path on the destination, or eject them.",
            disks=still,
        )
    unknown = _words((disk, place) for disk, place in stay if place.kind == UNKNOWN)
    if unknown:
        copies = case.options.copy_storage != "none"
        more = " One that is to be copied has to be named in copy_disks." if copies else ""
        return warned(
            f"Whether the destination reaches all disks is not known: {'; '.join(unknown)}.",
            f"Look on the destination whether each is there at the same path, and is the same.{more}",
            disks=unknown,
        )
    bases = _words((disk, place) for disk, _found in stay for place in disk_images.bases(disk, case))
    if bases:
        return warned(
            f"The destination may not reach the images that disks are based on: {'; '.join(bases)}.",
            "Look on the destination whether each is there at the same path, and is the same.",
            disks=bases,
        )
    if copied:
        rest = f" Both hosts reach {listed(disk.target for disk, _found in stay)}." if stay else ""
        words = _words(copied)
        return passed(f"Its local disks are copied: {'; '.join(words)}.{rest}", disks=words)
    return passed("Both hosts reach its disks.", disks=_words(places))


def _not_chosen_by_itself(places: t.Sequence[tuple[Disk, DiskLocation]], case: Case) -> t.Optional[Finding]:
    """Disks of which the module migration cannot tell whether they are the source's own; it refuses them then."""
    if case.options.copy_storage == "none" or case.options.copy_disks is not None:
        return None
    found = [(disk, place) for disk, place in places if writable(disk) and disk.type not in _CHOSEN_BY_ITSELF]
    if not found:
        return None
    return failed(
        f"Whether these disks are to be copied has to be said: {'; '.join(_words(found))}.",
        "Name the disks that are to be copied in copy_disks.",
        disks=_words(found),
    )


def _words(places: t.Iterable[tuple[Disk, DiskLocation]]) -> list[str]:
    return [f"{disk.target}: {place.reason}" for disk, place in places]


def _out_of_reach(stay: t.Sequence[tuple[Disk, DiskLocation]]) -> t.Optional[Finding]:
    """Disks that are not copied, and are surely not there, or that libvirt refuses as unsafe."""
    gone = [(disk, place) for disk, place in stay if not disk.readonly and place.kind in (LOCAL, MISSING)]
    if not gone:
        return None
    other = "Put them on storage that both hosts have, at the same path."
    remedies = [place.remedy or other for _disk, place in gone]
    if all(place.kind == LOCAL and writable(disk) and disk.type != "nvme" for disk, place in gone):
        remedies = [
            "Copy them with the guest (copy_storage), or put them on storage that both hosts have, at the same path."
        ]
    return failed(
        f"The destination cannot reach all disks: {'; '.join(_words(gone))}.",
        " ".join(dict.fromkeys(remedies)),
        disks=_words(gone),
    )


def _data_out_of_reach(places: t.Sequence[tuple[Disk, DiskLocation]], case: Case) -> t.Optional[Finding]:
    """libvirt looks at the image only, and makes none with its data elsewhere on the destination."""
    found = [(disk, place) for disk, _place in places for place in disk_images.data(disk, case)]
    gone = [(disk, place) for disk, place in found if place.kind in (LOCAL, MISSING)]
    if gone:
        return failed(
            f"The destination cannot reach the data of all disks: {'; '.join(_words(gone))}.",
            "Put the files with the data (dataStore) on storage that both hosts have, at the same paths.",
            disks=_words(gone),
        )
    unknown = _words((disk, place) for disk, place in found if place.kind == UNKNOWN)
    if unknown:
        return warned(
            f"Whether the destination reaches the data of all disks is not known: {'; '.join(unknown)}.",
            "Look on the destination whether each is there at the same path, and is the same.",
            disks=unknown,
        )
    return None


def _must_not_be_copied(copied: t.Sequence[tuple[Disk, DiskLocation]], case: Case) -> t.Optional[Finding]:
    """What is named to be copied, and would be copied onto itself, or cannot be copied."""
    unknown_names = set(case.options.copy_disks or ()) - {disk.target for disk in case.guest.disks}
    never = [disk.target for disk, _found in copied if not can_be_copied(disk) or disk.type == "nvme"]
    if never:
        return failed(
            f"The disks {listed(never)} cannot be copied.",
            "Name others in copy_disks, or put them on shared storage.",
            disks=never,
        )
    shared = [disk.target for disk, place in copied if place.kind == SHARED]
    if shared:
        return failed(
            f"The disks {listed(shared)} are on both hosts, and would be copied onto themselves.",
            "Leave them out of copy_disks.",
            disks=shared,
        )
    unknown = _words((disk, place) for disk, place in copied if place.kind in (UNKNOWN, MISSING))
    if unknown:
        return warned(
            f"Whether the destination has some of the disks already is not known: {'; '.join(unknown)}. A disk that"
            " both hosts have would be copied onto itself.",
            "Look on the destination whether each is there at the same path. Copy it only if it is another one.",
            disks=unknown,
        )
    if unknown_names and case.options.copy_storage != "none":
        return failed(
            f"The guest has no disk {listed(sorted(unknown_names))}.",
            "Name disks by their targets, as 'virsh domblklist' shows them.",
            disks=sorted(unknown_names),
        )
    return None


def _room(case: Case) -> Finding:
    if case.options.copy_storage == "none":
        return skipped("No disk is to be copied.")
    needed: dict[str, int] = {}
    unknown: list[str] = []
    short: list[str] = []
    for disk in _copied_disks(case):
        there = filesystem_of(path_on_arrival(disk, case) or disk.source, case.destination)
        if there is None or there.free_bytes is None or disk.size_bytes is None:
            unknown.append(disk.target)
        else:
            needed[there.mount_point] = needed.get(there.mount_point, 0) + disk.size_bytes
    for mount_point, size in needed.items():
        there = filesystem_of(mount_point, case.destination)
        free = there.free_bytes if there else None
        if free is not None and size * _ROOM_TO_SPARE > free:
            short.append(f"{human_bytes(size)} are needed in {mount_point} and {human_bytes(free)} are free")
    if short:
        return failed(
            f"There is no room for the guest's disks on the destination: {listed(short)}.",
            "Make room there, or choose another host.",
            needed_bytes=needed,
        )
    if unknown:
        return warned(
            f"Whether there is room for {listed(unknown)} on the destination is not known.",
            "Look there before the migration: a copy that does not fit fails after hours.",
            disks=unknown,
        )
    return passed("There is room for all disks that are copied.", needed_bytes=needed)


def _backing(case: Case) -> Finding:
    """With an incremental copy the base is not copied, and must be there."""
    bases = {
        path
        for disk in case.guest.disks
        for path in disk.backing_chain
        if path.startswith("/") and place_for(disk, case).kind == LOCAL
    }
    mode = case.options.copy_storage
    if not bases or mode == "none":
        return skipped("No disk with a base image is to be copied.")
    if mode == "incremental":
        return warned(
            f"Only what differs from the base images is copied: {listed(sorted(bases))} must be on the destination.",
            "Put identical base images there at the same paths before.",
            bases=sorted(bases),
        )
    return passed("The disks are copied whole, with what is in their base images.")


CHECKS = (
    Check(
        "disks_reachable", _THEME, "Does the destination reach the guest's disks, or are they copied?",
        "libvirt refuses as unsafe, or the guest arrives without its disk.", (WARN, FAIL),
        of_guest=_reachable, needs_running=False,
    ),
    Check(
        "disk_room", _THEME, "Is there room on the destination for disks that are copied?",
        "The copy fails when the file system is full.", (WARN, FAIL), of_guest=_room,
    ),
    Check(
        "backing_images", _THEME, "Are base images there for disks of which only the rest is copied?",
        "The guest arrives with a disk in pieces.", (WARN,), of_guest=_backing,
    ),
)  # fmt: skip
