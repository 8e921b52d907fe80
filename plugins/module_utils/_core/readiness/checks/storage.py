# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: the guest's disks."""

from __future__ import annotations

import typing as t

from ...host.features import feature, version_of
from ...host.guest import Disk
from ...units import human_bytes
from . import disk_images
from .check_types import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned
from .disk_location import EMPTY, LOCAL, MISSING, SHARED, UNKNOWN, DiskLocation, can_be_copied, place_of, place_of_file
from .shared_storage import filesystem_of

_THEME = "storage"
_SAFE_CACHES = ("", "none", "directsync")
_LOCKABLE = ("file", "block", "volume")
_CHOSEN_BY_ITSELF = ("file", "dir", "network")
_ROOM_TO_SPARE = 1.05  # times the size, a choice: file systems keep some for themselves


def _writable(disk: Disk) -> bool:
    """What libvirt copies when it is told to: all that may be written to and is not shared among guests."""
    return not disk.readonly and not disk.shareable


def _place(disk: Disk, case: Case) -> DiskLocation:
    return place_of(disk, case.source, case.destination, _path_there(disk, case))


def _path_there(disk: Disk, case: Case) -> str:
    """Empty where it is the same."""
    if case.arriving.disks is case.guest.disks:
        return ""
    there = case.arriving_paths.get(disk.target, "")
    return there if there != disk.source else ""


def _copied(disk: Disk, place: DiskLocation, case: Case) -> bool:
    """As the module migration chooses: what is named, or else what is surely the source's own."""
    if case.options.copy_storage == "none":
        return False
    named = case.options.copy_disks
    return disk.target in named if named is not None else _writable(disk) and place.kind == LOCAL


def _copied_disks(case: Case) -> list[Disk]:
    return [disk for disk in case.guest.disks if _copied(disk, _place(disk, case), case)]


def _reachable(case: Case) -> Finding:
    places = [(disk, _place(disk, case)) for disk in case.guest.disks]
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
    still = [disk.target for disk, place in stay if place.kind in (LOCAL, MISSING) and not _writable(disk)]
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
    found = [(disk, place) for disk, place in places if _writable(disk) and disk.type not in _CHOSEN_BY_ITSELF]
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
    if all(place.kind == LOCAL and _writable(disk) and disk.type != "nvme" for disk, place in gone):
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
        there = filesystem_of(_path_there(disk, case) or disk.source, case.destination)
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


def _cache(case: Case) -> Finding:
    """Before QEMU 4.0 the destination could read what the source still had in its cache."""
    if version_of(case.destination.versions.qemu) >= feature("disk_caches_dropped").qemu:
        return passed("This QEMU lets go of its caches at the switch-over.")
    unsafe = [
        f"{disk.target} ({disk.cache})"
        for disk in case.guest.disks
        if disk.cache not in _SAFE_CACHES and _writable(disk) and _place(disk, case).kind == SHARED
    ]
    if unsafe:
        return failed(
            f"With QEMU before 4.0 disks on shared storage need the cache mode none or directsync: {listed(unsafe)}.",
            "Change the cache mode and start the guest anew, or update QEMU.",
            disks=unsafe,
        )
    return passed("The cache modes of its disks are safe.")


def _kind(case: Case) -> Finding:
    transient = [disk.target for disk in case.guest.disks if disk.transient]
    nvme = [disk.target for disk in case.guest.disks if disk.type == "nvme"]
    if transient or nvme:
        words = [f"{listed(transient)} thrown away after use"] if transient else []
        words += [f"{listed(nvme)} on an NVMe device of the host"] if nvme else []
        return failed(
            f"The guest has disks that cannot be migrated: {listed(words)}.",
            "Detach them, or give the guest other disks.",
            transient=transient,
            nvme=nvme,
        )
    opened = [disk.target for disk in case.guest.disks if disk.by_descriptor]
    if opened:
        return failed(
            f"{listed(opened)} were opened by a program that handed them to libvirt, which it cannot do for the"
            " destination.",
            "Start the guest anew with disks that libvirt opens itself.",
            disks=opened,
        )
    luns = [disk.target for disk in case.guest.disks if disk.device == "lun"]
    if luns:
        return warned(
            f"{listed(luns)} are passed to the guest as SCSI devices: reservations that it holds stay with the source.",
            "See that the guest holds none, or that the persistent reservations helper runs on both hosts.",
            disks=luns,
        )
    return passed("All of its disks are of a kind that can be migrated.")


def _backing(case: Case) -> Finding:
    """With an incremental copy the base is not copied, and must be there."""
    bases = {
        path
        for disk in case.guest.disks
        for path in disk.backing_chain
        if path.startswith("/") and _place(disk, case).kind == LOCAL
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


def _boot_files(case: Case) -> Finding:
    """QEMU reads them when it starts, also to receive a guest."""
    needed = case.arriving.boot_files
    if not needed:
        return passed("It starts from its own disks, with no files of the host.")
    firmware = case.destination.firmware_files or []
    same = case.guest.boot_files  # at another path nothing tells what is there
    elsewhere = [path for path in needed if path not in firmware and not (path in same and _on_shared(path, case))]
    if elsewhere:
        return warned(
            f"Files that QEMU reads when it starts must be on the destination: {listed(elsewhere)}.",
            "Put the same files there at the same paths.",
            files=elsewhere,
        )
    return passed("The files that QEMU reads when it starts are on storage that both hosts have.")


def _on_shared(path: str, case: Case) -> bool:
    return place_of_file(path, case.source, case.destination).kind == SHARED


def _lock_manager(case: Case) -> Finding:
    """Before it gives a guest to another host, a lock manager lets go of its disks, and only one host gets them."""
    disks = [
        disk.target
        for disk in case.guest.disks
        if disk.type in _LOCKABLE and _writable(disk) and _place(disk, case).kind == SHARED
    ]
    if not disks:
        return passed("The guest has no disk that both hosts could write to.")
    hosts = (case.source, case.destination)
    if not all(host.local for host in hosts):
        return skipped("Whether the hosts have a lock manager is not known.")
    named = {host.name: str(host.daemon.qemu_settings.get("lock_manager") or "nop") for host in hosts}
    found = sorted(set(named.values()))
    remedy = "Set the same lock_manager in qemu.conf on all hosts (role prerequisites), while no guest runs on them."
    if len(found) == 1 and found != ["nop"]:
        return passed(f"Both hosts lock its disks by {found[0]}.", lock_manager=named)
    if len(found) > 1 and "nop" not in found:
        return failed(f"The hosts have different lock managers: {listed(found)}.", remedy, lock_manager=named)
    if len(found) > 1:
        with_one = next(host for host, name in named.items() if name != "nop")
        return warned(
            f"Only {with_one} has a lock manager for the disks {listed(disks)}: a lock that the other host does not"
            " know of stays, and keeps the guest from coming back.",
            remedy,
            lock_manager=named,
        )
    return warned(
        f"No lock manager looks after the disks {listed(disks)}: if the hosts lose sight of each other at the"
        " switch-over, libvirt may let the guest run on both.",
        remedy,
        lock_manager=named,
    )


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
        "disk_cache", _THEME, "Are the cache modes safe for shared storage?",
        "libvirt refuses as unsafe: both hosts may have different contents in mind.", (FAIL,), of_guest=_cache,
    ),
    Check(
        "disk_kind", _THEME, "Are all disks of a kind that can be migrated?",
        "libvirt refuses.", (WARN, FAIL), of_guest=_kind,
    ),
    Check(
        "backing_images", _THEME, "Are base images there for disks of which only the rest is copied?",
        "The guest arrives with a disk in pieces.", (WARN,), of_guest=_backing,
    ),
    Check(
        "boot_files", _THEME,
        "Are the files that QEMU reads when it starts on the destination (kernel, initial RAM disk, ACPI tables)?",
        "QEMU does not start there: could not load the kernel, failed to find romfile.", (WARN,),
        of_guest=_boot_files, needs_running=False,
    ),
    Check(
        "lock_manager", _THEME, "Does a lock manager keep both hosts from writing to the guest's shared disks at once?",
        "If the network fails at the switch-over, the guest may run on both hosts and destroy its disks; hosts with"
        " different ones refuse each other.", (WARN, FAIL), of_guest=_lock_manager,
    ),
)  # fmt: skip
