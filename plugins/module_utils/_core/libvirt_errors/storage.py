# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks, their images, pools, secrets and locks."""

from __future__ import annotations

from .codes import CARRIED, Err
from .meaning_row import ON_SOURCE, Meaning

_REACH = (
    "Make the disk reachable on the destination under the same path (mount, pool, permissions), or, where each "
    "host has storage of its own, copy it too."
)
_OWNER = (
    "The file is there, but may not be opened or handed to QEMU: check owner, mode and label on the host that the "
    "message comes from, and what its storage allows (an NFS export with root_squash, user and group in qemu.conf)."
)
_SECRET = (
    "Define the secret with the same UUID and value on the destination ('virsh secret-define', 'virsh "
    "secret-set-value'); secrets do not travel with a guest."
)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.NO_SECRET, Err.INVALID_SECRET),
        reason="STORAGE_MISSING",
        means="A secret that a disk needs is not there.",
        state=ON_SOURCE,
        remedy=_SECRET,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.INVALID_ARG, Err.SYSTEM_ERROR),
        text=(
            r"\bsecret\b.{0,60}(is of type|not found|no value|does not|missing)|(no|missing|get value of( the)?|"
            r"find) secret(?! area)|secret state driver|cannot unlock any keyslot|Parameter '' is required for cipher|"
            r"invalid password"
        ),
        reason="STORAGE_MISSING",
        means="A secret that a disk needs is missing or another one.",
        state=ON_SOURCE,
        remedy=_SECRET,
        source="storage_file/storage_source.c; QEMU: crypto/block-luks.c",
        domain="SECRET, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(*CARRIED, Err.NO_STORAGE_VOL),
        # A file that holds the guest's memory is made of memory, and speaks of space too.
        text=(
            r"^(?!.*(memfd|guest RAM|hugetlbfs|hugepages|memory devices)).*(no space left|not enough (free )?space|"
            r"disk quota exceeded)"
        ),
        reason="STORAGE_FULL",
        means="There is no room left.",
        state=ON_SOURCE,
        remedy="Free space on the destination, or choose another storage there.",
        source="storage/storage_driver.c",
        domain="STORAGE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.RESOURCE_BUSY,),
        reason="STORAGE_LOCKED",
        means="A lock on the disk image is held.",
        state=ON_SOURCE,
        remedy=(
            "Another process, perhaps another guest, uses the disk image: find it before anything else, because "
            "two writers destroy it. A lock that its owner left behind goes with the owner's virtlockd or sanlock."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.OPERATION_INVALID),
        text=(
            r"failed to get .{0,24}(write|consistent|shared|resize).{0,12} lock|image lock|another process using|"
            r"failed to lock byte|lockspace resource '' is locked|failed to acquire lock|already locked"
        ),
        reason="STORAGE_LOCKED",
        means="Another process uses the disk image.",
        state=ON_SOURCE,
        remedy=(
            "Another process, perhaps another guest, uses the disk image: find it before anything else, because "
            "two writers destroy it."
        ),
        source="util/virlockspace.c; QEMU: block/file-posix.c",
        domain="LOCKSPACE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"Setting different .{0,300}already in use",
        reason="STORAGE_LOCKED",
        means="The file is in use under another owner or label.",
        state=ON_SOURCE,
        remedy=(
            "Another guest on this host or another one uses the file under another owner or security label: find "
            "it before anything else, because two writers destroy an image. A label that a crashed host left "
            "behind is in the file's extended attributes (trusted.libvirt.security)."
        ),
        source="security/security_dac.c, security/security_selinux.c",
        domain="SECURITY",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        text=r"for metadata change",
        reason="STORAGE_LOCKED",
        means="Another daemon is changing the label of the file.",
        state=ON_SOURCE,
        remedy=(
            "Another host changes owner or label of the same file at this moment: run this again, one after the "
            "other, and see that lockd_for_metadata or virtlockd's remember_owner setting is the same on all hosts."
        ),
        source="security/security_manager.c",
        domain="SECURITY",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.CONFIG_UNSUPPORTED, Err.SYSTEM_ERROR),
        text=(
            r"\b(lock driver|lock state|disk lease mode|lockspaces?|sanlock|no leases specified|lease path)\b|"
            r"Failed to (register|release|inquire) lock|lock failure action"
        ),
        reason="INCOMPATIBLE",
        means="The lock managers of the two hosts do not fit together, or are not set up.",
        state=ON_SOURCE,
        remedy=(
            "Set the same lock_manager in qemu.conf of both hosts, and the same lockspace directory or sanlock "
            "host ID as the message asks for; then restart the daemons."
        ),
        source="qemu/qemu_migration.c, qemu/qemu_migration_cookie.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.OPERATION_INVALID,
            Err.OPERATION_UNSUPPORTED,
            Err.CONFIG_UNSUPPORTED,
        ),
        text=(
            r"different sizes|pre-?creation of storage|precreate storage|create volume XML|"
            r"must be resized to its actual size|non-shared storage migration into|disk target '' for non-shared|"
            r"malformed disk|NBD is not set up|disk capacity"
        ),
        reason="STORAGE_MISMATCH",
        means="The disk to copy into cannot be made.",
        state=ON_SOURCE,
        remedy="Create the disk on the destination with exactly the size it has on the source, or use shared storage.",
        source="qemu/qemu_migration.c, qemu/qemu_migration_cookie.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_UNSUPPORTED,),
        text=r"empty or read-only disk",
        reason="NOT_MIGRATABLE",
        means="A disk that was named for copying has nothing to copy.",
        state=ON_SOURCE,
        remedy="Leave out of the list of disks to copy what is empty or read-only.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.STORAGE_VOL_EXIST,),
        reason="STORAGE_MISMATCH",
        means="The destination has a volume of that name already.",
        state=ON_SOURCE,
        remedy=(
            "A volume of that name is in the destination's pool: make sure that nothing uses it, then remove or "
            "rename it, or use it as it is if it has the right size."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.STORAGE_PROBE_FAILED,),
        reason="STORAGE_MISMATCH",
        means="The format of a disk image could not be told.",
        state=ON_SOURCE,
        remedy=(
            "Write the format of the disk and of its backing file into the definition and the image; see the "
            "message for which file."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=(
            r"format of backing image|Image is not in|image (is|as) corrupt|Image is too small|"
            r"self-referential or too deeply nested|Unknown file format|Unknown driver|unsupported qcow2|"
            r"invalid .{0,20}backing|Could not open backing file"
        ),
        reason="STORAGE_MISMATCH",
        means="The file is not the image that the definition says.",
        state=ON_SOURCE,
        remedy=(
            "See the image that the message names with 'qemu-img info --backing-chain' on the host that the "
            "message comes from: its format, its backing files, and whether they are written down in it."
        ),
        source="storage_file/storage_source.c; QEMU: block/qcow2.c",
        domain="STORAGE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        text=(
            r"(unable to set (user and group|security context) .{0,80}on\b|(storage|"
            r"backing) file).{0,120}(permission denied|operation not permitted|read-only file system|"
            r"operation not supported)"
        ),
        reason="STORAGE_MISSING",
        means="The file cannot be given to QEMU.",
        state=ON_SOURCE,
        remedy=_OWNER,
        source="security/security_dac.c, storage_file/storage_source.c",
        domain="SECURITY, STORAGE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        quoted=(
            r"could not (open|reopen) '(?!/dev/(kvm|vhost|vfio|net|urandom|hugepages)|/usr/|/(var/)?run/|/proc/|"
            r"/sys/|[^']*(OVMF|AAVMF|edk2|nvram|_VARS|\.fd'))[^']*': (permission denied|operation not permitted|"
            r"read-only)"
        ),
        reason="STORAGE_MISSING",
        means="QEMU may not open the disk image.",
        state=ON_SOURCE,
        remedy=_OWNER,
        source="QEMU: block/file-posix.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        text=r"(storage|backing) file|unable to set (user and group|security context) .{0,40}on\b",
        reason="STORAGE_MISSING",
        means="A disk image or its backing file is not there.",
        state=ON_SOURCE,
        remedy=_REACH,
        source="security/security_dac.c, security/security_selinux.c",
        domain="SECURITY",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        quoted=(
            r"could not (open|reopen) '(?!/dev/(kvm|vhost|vfio|net|urandom|hugepages)|/usr/|/(var/)?run/|/proc/|"
            r"/sys/|[^']*(OVMF|AAVMF|edk2|nvram|_VARS|\.fd'))"
        ),
        reason="STORAGE_MISSING",
        means="QEMU does not find the disk image.",
        state=ON_SOURCE,
        remedy=_REACH,
        source="QEMU: block/file-posix.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR),
        quoted=(
            r"(open|access|stat|read|find|file|path|link|size of|probe|fd for|storage|"
            r"backing)[^/:]{0,40}:? ?'?/(?!proc|sys|etc|run|var/run|usr|bin|sbin|lib|dev/(kvm|net|vhost|vfio|tpm|"
            r"tap|hugepages|shm|userfault|mapper/control)|var/log|var/cache|var/lib/(swtpm|libvirt/(qemu|swtpm|"
            r"network|dnsmasq|lockd|sanlock)))[^']*'?[^:]{0,60}: (Permission denied|Operation not permitted|"
            r"Read-only file system)"
        ),
        reason="STORAGE_MISSING",
        means="The daemon may not open or change the file.",
        state=ON_SOURCE,
        remedy=_OWNER,
        source="qemu/qemu_domain.c, util/virfile.c",
        domain="NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR),
        quoted=(
            r"(open|access|stat|read|find|file|path|link|size of|probe|fd for|storage|"
            r"backing)[^/:]{0,40}:? ?'?/(?!proc|sys|etc|run|var/run|usr|bin|sbin|lib|dev/(kvm|net|vhost|vfio|tpm|"
            r"tap|hugepages|shm|userfault|mapper/control)|var/log|var/cache|var/lib/(swtpm|libvirt/(qemu|swtpm|"
            r"network|dnsmasq|lockd|sanlock)))[^']*'?[^:]{0,60}: (No such file or directory|No such device|"
            r"No such device or address|Stale file handle|Input/output error|Transport endpoint is not connected|"
            r"Not a directory|Invalid argument|Is a directory)"
        ),
        reason="STORAGE_MISSING",
        means="A file or device of the guest is not there.",
        state=ON_SOURCE,
        remedy=_REACH,
        source="qemu/qemu_domain.c, util/virfile.c",
        domain="NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_STORAGE_POOL, Err.NO_STORAGE_VOL),
        reason="STORAGE_MISSING",
        means="The destination does not have the storage pool or volume.",
        state=ON_SOURCE,
        remedy="Define the storage pool or volume on the destination.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"storage pool '' is (not active|starting up)|storage state driver",
        reason="STORAGE_MISSING",
        means="The storage pool is not started.",
        state=ON_SOURCE,
        remedy=(
            "Start the storage pool on the destination ('virsh pool-start'), and let it start with the host "
            "('virsh pool-autostart')."
        ),
        source="storage/storage_driver.c",
        domain="STORAGE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        text=(
            r"Failed to find (path for|device of) .{0,40}(LUN|volume)|no iSCSI|iscsiadm|multipath|devmapper|"
            r"device-mapper|NVMe namespace"
        ),
        reason="STORAGE_MISSING",
        means="A block device or network disk is not reachable.",
        state=ON_SOURCE,
        remedy=_REACH,
        source="storage/storage_backend_iscsi.c",
        domain="STORAGE",
        seen="7.0 9.0 11.3",
    ),
)
