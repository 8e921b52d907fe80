# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: how the guest's disks are opened and guarded, and the other files that QEMU reads for it."""

from __future__ import annotations

from ...host.features import feature, version_of
from .check_types import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned
from .disk_location import SHARED, place_for, place_of_file, writable

_THEME = "storage"
_SAFE_CACHES = ("", "none", "directsync")
_LOCKABLE = ("file", "block", "volume")


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


def _cache(case: Case) -> Finding:
    """Before QEMU 4.0 the destination could read what the source still had in its cache."""
    if version_of(case.destination.versions.qemu) >= feature("disk_caches_dropped").qemu:
        return passed("This QEMU lets go of its caches at the switch-over.")
    unsafe = [
        f"{disk.target} ({disk.cache})"
        for disk in case.guest.disks
        if disk.cache not in _SAFE_CACHES and writable(disk) and place_for(disk, case).kind == SHARED
    ]
    if unsafe:
        return failed(
            f"With QEMU before 4.0 disks on shared storage need the cache mode none or directsync: {listed(unsafe)}.",
            "Change the cache mode and start the guest anew, or update QEMU.",
            disks=unsafe,
        )
    return passed("The cache modes of its disks are safe.")


def _lock_manager(case: Case) -> Finding:
    """Before it gives a guest to another host, a lock manager lets go of its disks, and only one host gets them."""
    disks = [
        disk.target
        for disk in case.guest.disks
        if disk.type in _LOCKABLE and writable(disk) and place_for(disk, case).kind == SHARED
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


CHECKS = (
    Check(
        "disk_kind", _THEME, "Are all disks of a kind that can be migrated?",
        "libvirt refuses.", (WARN, FAIL), of_guest=_kind,
    ),
    Check(
        "disk_cache", _THEME, "Are the cache modes safe for shared storage?",
        "libvirt refuses as unsafe: both hosts may have different contents in mind.", (FAIL,), of_guest=_cache,
    ),
    Check(
        "lock_manager", _THEME, "Does a lock manager keep both hosts from writing to the guest's shared disks at once?",
        "If the network fails at the switch-over, the guest may run on both hosts and destroy its disks; hosts with"
        " different ones refuse each other.", (WARN, FAIL), of_guest=_lock_manager,
    ),
    Check(
        "boot_files", _THEME,
        "Are the files that QEMU reads when it starts on the destination (kernel, initial RAM disk, ACPI tables)?",
        "QEMU does not start there: could not load the kernel, failed to find romfile.", (WARN,),
        of_guest=_boot_files, needs_running=False,
    ),
)  # fmt: skip
