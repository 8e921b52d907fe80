# SPDX-License-Identifier: GPL-3.0-or-later
"""What QEMU itself says of a migration, in libvirt's words around it: of a command, of a job, or as its last words.

Texts are those of QEMU 7.2, and hold what newer ones say, whose words around the fixed part differ.
"""

from __future__ import annotations

from .codes import Err
from .meaning_row import IN_PRECOPY, LOOK_AT_BOTH, ON_SOURCE, REFUSED, Meaning

_FROM_QEMU = (Err.INTERNAL_ERROR, Err.OPERATION_FAILED)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        # What does not fit ends as "Invalid argument" or "Operation not permitted"; a TPM's state may end so, too.
        codes=_FROM_QEMU,
        text=r"^(?!.*tpm).*error while loading state.{0,300}load of migration failed: Input/output error",
        reason="STREAM_BROKEN",
        means="The connection that memory is sent over broke while the destination read from it.",
        state=IN_PRECOPY,
        remedy=(
            "Check the network that the memory is sent over, and whether somebody aborted the migration or ended the "
            "source's QEMU; then run this again."
        ),
        source="QEMU: migration/savevm.c, migration/vmstate.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"there's a migration process in progress",
        reason="ALREADY_MIGRATING",
        means="The guest is being migrated.",
        state=REFUSED,
        remedy="Watch the migration that runs instead of starting another.",
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"paused due to previous migration",
        reason="NOT_NOW",
        means="This QEMU has sent the guest away already, and keeps what is left of it.",
        state=LOOK_AT_BOTH,
        remedy=(
            "See on both hosts where the guest runs ('virsh domstate --reason'), and do not resume it here before "
            "it is sure that it runs nowhere else."
        ),
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"waiting for an incoming migration|incoming migration has already been started",
        reason="INCOMING",
        means="This QEMU waits for the guest, or receives it.",
        state=REFUSED,
        remedy="The guest is arriving on this host; run this on the host that it comes from.",
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"recover can only be run when postcopy is paused",
        reason="NOTHING_TO_RECOVER",
        means="There is no broken post-copy to join.",
        state=REFUSED,
        remedy="Look at the job again before doing anything else.",
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"migrate-pause is currently only supported",
        reason="NOT_IN_POSTCOPY",
        means="The migration is not in post-copy, which alone can be paused.",
        state=REFUSED,
        remedy="In pre-copy it can simply be aborted.",
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"can't lock enough memory",
        reason="HOST_SETUP",
        means="QEMU may not lock the memory that sending without copies needs.",
        state=IN_PRECOPY,
        remedy=(
            "Leave zero copy out, or let QEMU lock more memory on the source: the guest's <memtune> hard_limit, or "
            "max_locked memory of the daemon's unit."
        ),
        source="QEMU: io/channel-socket.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"zero copy feature is not available",
        reason="NOT_SUPPORTED",
        means="The source's kernel cannot send without copies over this connection.",
        state=IN_PRECOPY,
        remedy="Leave zero copy out.",
        source="QEMU: io/channel.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"parameter '' does not accept value ''",
        reason="NOT_SUPPORTED",
        means="QEMU does not know a value of an option, such as a way of compression.",
        state=REFUSED,
        remedy=(
            "Update QEMU on the host that the message comes from, or build it with that, or choose another value "
            "for the option that the message names."
        ),
        source="QEMU: qapi/qapi-util.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"postcopy needs matching .{0,20}page sizes",
        reason="POSTCOPY_NOT_SUPPORTED",
        means="The guest's memory is in pages of other sizes on the destination, which post-copy cannot do.",
        state=ON_SOURCE,
        remedy=(
            "Give the guest the same hugepages on both hosts (<hugepages> in its definition, and their mounts), or "
            "do without post-copy."
        ),
        source="QEMU: migration/savevm.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"multifd: received packet (magic|version|with size|size)",
        reason="INCOMPATIBLE",
        means="The destination's QEMU does not understand what comes in over parallel connections.",
        state=IN_PRECOPY,
        remedy=(
            "Update the older of the two QEMUs, or migrate without parallel connections. Where both are the same, "
            "see that nothing else connects to the migration ports."
        ),
        source="QEMU: migration/multifd.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"bad config data: i=0x|: failed to load [\w./-]+:[\w./-]+",
        reason="INCOMPATIBLE",
        means="The destination's QEMU cannot take the state of a device.",
        state=IN_PRECOPY,
        remedy=(
            "The device that the message names differs on the destination: update the older of the two QEMUs, use a "
            "machine type with a version, and give both sides the same definition. /var/log/libvirt/qemu/ on the "
            "destination says more."
        ),
        source="QEMU: hw/pci/pci.c, migration/vmstate.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=r"bitmap '' is currently in use by another operation",
        reason="BUSY",
        means="A backup or another block job uses a dirty bitmap of the guest's disk.",
        state=ON_SOURCE,
        remedy="Let the backup end, or stop it ('virsh domjobabort'), and run this again.",
        source="QEMU: block/dirty-bitmap.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=_FROM_QEMU,
        text=(
            r"failed (to set|setting) device (state|in recover)|vfio_(mig|save|load)\w*\W.{0,80}fail|"
            r"failed to (save|load) device config"
        ),
        reason="MIGRATION_FAILED",
        means="The driver of a device that is passed through did not do its part of the migration.",
        state=LOOK_AT_BOTH,
        remedy=(
            "Look at the kernel's log on both hosts for the device that the message names; give its driver and its "
            "firmware the same version there, or take the device out of the guest for the migration."
        ),
        source="QEMU: hw/vfio/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"migration of disk .{1,80} failed",
        reason="MIGRATION_FAILED",
        means="A disk could not be copied along.",
        state=LOOK_AT_BOTH,
        remedy=(
            "Look at the storage of that disk on both hosts: room, errors of the kernel's log, and whether the port "
            "for disks is reachable on the destination. What was copied stays there and is written anew."
        ),
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
)
