# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, QEMUs, processors or definitions that do not fit together, and what keeps a guest from being moved at all."""

from __future__ import annotations

from .codes import Err
from .meaning_row import CORRECT_OPTION, IN_PRECOPY, ON_SOURCE, REFUSED, Meaning

_CPU = "Choose a destination with this CPU, or a common CPU model for the guest."
_MACHINE = "Update QEMU on the destination, or give the guest a machine type that both hosts have and restart it."
_CHANGED = "Leave out the changed definition, or change in it only what the guest cannot see."
_BLOCKER = "Remove what blocks it (see the message) and run it again."
_TSC = (
    "Choose a destination whose TSC has the same frequency or can be scaled, set <timer name='tsc' frequency=...> "
    "in the definition, or leave invtsc out."
)
_BLOCK_JOB = (
    "Let the guest's block job (copy, commit, pull, backup) end, or stop it ('virsh blockjob'), and run this again."
)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.NO_SUPPORT, Err.ARGUMENT_UNSUPPORTED),
        text=r"swtpm.{0,80}(does not support|no support)|shared storage.{0,40}swtpm",
        reason="NOT_SUPPORTED",
        means="The swtpm there is too old for a state on shared storage.",
        state=REFUSED,
        remedy=(
            "Update swtpm on both hosts (0.8 or newer), start the guest anew with it, or put its state on local "
            "storage."
        ),
        source="qemu/qemu_migration.c, qemu/qemu_tpm.c",
        domain="NONE, QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED,),
        text=(
            r"(not supported|not available|unsupported|doesn't support|does not support|unavailable) .{0,20}(by|"
            r"with|in|for) (this |the )?(version of )?QEMU|this QEMU (binary )?(does not|doesn't)|"
            r"QEMU does not support"
        ),
        reason="INCOMPATIBLE",
        means="The destination's QEMU or libvirt is too old for something in the guest's definition.",
        state=ON_SOURCE,
        remedy=(
            "Update QEMU and libvirt on the destination, or take what the message names out of the guest's definition."
        ),
        source="qemu/qemu_command.c, qemu/qemu_domain.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.OPERATION_UNSUPPORTED, Err.ARGUMENT_UNSUPPORTED),
        text=r"not supported (by|with) (this |the )?QEMU|by QEMU binary|QEMU does not support|QEMU NBD server does not",
        reason="NOT_SUPPORTED",
        means="QEMU is too old for this.",
        state=REFUSED,
        remedy="Update QEMU on the host that the message comes from, or leave the option out.",
        source="qemu/qemu_driver.c, qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED, Err.OPERATION_FAILED),
        text=r"^[^:]*: ?Target CPU|^Target CPU",
        reason="CPU_INCOMPATIBLE",
        means="The definition for the destination has another CPU than the guest runs with.",
        state=ON_SOURCE,
        remedy=(
            "Leave the CPU in a changed definition as it is in the running guest ('virsh dumpxml --migratable'): "
            "the guest sees it."
        ),
        source="conf/cpu_conf.c",
        domain="CPU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED, Err.OPERATION_FAILED, Err.INTERNAL_ERROR),
        text=(
            r"Target .{1,160}((does not|doesn't|do not|don't) match|is not compatible with source)|"
            r"differs between source and destination|cookie data had unexpected|doesn't match source"
        ),
        reason="DEFINITION_MISMATCH",
        means="The definition for the destination differs from the running guest in what the guest sees.",
        state=ON_SOURCE,
        remedy=_CHANGED,
        source="qemu/qemu_domain.c, qemu/qemu_migration_cookie.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.OPERATION_INVALID,
            Err.CONFIG_UNSUPPORTED,
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.SYSTEM_ERROR,
        ),
        text=r"\bTSC\b",
        reason="TSC_MISMATCH",
        means="The time stamp counters of the two processors do not fit.",
        state=ON_SOURCE,
        remedy=_TSC,
        source="qemu/qemu_migration.c, qemu/qemu_process.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.CONFIG_UNSUPPORTED),
        quoted=r"invtsc",
        reason="TSC_MISMATCH",
        means="The time stamp counters of the two processors do not fit.",
        state=ON_SOURCE,
        remedy=_TSC,
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CPU_INCOMPATIBLE,),
        reason="CPU_INCOMPATIBLE",
        means="The destination's processor lacks what the guest uses.",
        state=ON_SOURCE,
        remedy=_CPU,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED, Err.CONFIG_UNSUPPORTED, Err.INTERNAL_ERROR, Err.OPERATION_UNSUPPORTED),
        text=(
            r"guest CPU doesn't match|CPU are not compatible|required features|(missing|extra) features|CPU (model|"
            r"mode|feature) .{0,80}(not supported|unknown|not available)|unknown (host )?CPU|"
            r"doesn't support (requested feature|hyperv|paravirtual)|unable to find CPU (definition|model)|"
            r"Unknown CPU model|(not|any) (support .{0,10})?CPU models?|set MSR|buf_set_msrs|requested features|"
            r"host CPU (does not|doesn't|lacks)|supported by the host CPU|unknown host CPU"
        ),
        reason="CPU_INCOMPATIBLE",
        means="The destination's processor or its QEMU lacks what the guest's CPU has.",
        state=ON_SOURCE,
        remedy=_CPU,
        source="qemu/qemu_process.c, cpu/cpu_x86.c; QEMU: target/i386",
        domain="CPU, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED, Err.INVALID_ARG, Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=(
            r"does not support machine type|machine '' is not supported by|unsupported machine type|"
            r"list supported machines|Machine type received is|could not get preferred machine"
        ),
        reason="MACHINE_TYPE_MISSING",
        means="The destination's QEMU does not have the guest's machine type.",
        state=ON_SOURCE,
        remedy=_MACHINE,
        source="qemu/qemu_capabilities.c, qemu/qemu_validate.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=(
            r"Unknown (ramblock|savevm section|section)|Length mismatch|Missing section footer|Size mismatch|"
            r"^(?!.*tpm-emulator).*error while loading state|"
            r"Unsupported (migration )?(stream )?version|(incoming )?version_id|"
            r"is too (new|old)\b.{0,40}(local|version)|Features 0x|Configuration section missing|"
            r"received capability is|savevm|Not a migration stream|Illegal RAM offset|Expected vmdescription|"
            r"can't apply global|Property '' not found(?! on)|is not a valid device model|invalid option|"
            r"Invalid parameter ''|guest features|virtio: .{0,60}features"
        ),
        reason="INCOMPATIBLE",
        means="The destination's QEMU does not understand what the source's sends.",
        state=IN_PRECOPY,
        remedy=(
            "The two QEMUs differ too much for this guest: update the older one (a guest may move to a newer QEMU, "
            "not always back), use a machine type with a version, and give both sides the same definition. "
            "/var/log/libvirt/qemu/ on the destination names the part."
        ),
        source="QEMU: migration/savevm.c, migration/ram.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_INVALID),
        text=(
            r"migration cookie|in migration data|migration data already|(lockstate|graphics|"
            r"persistent) data already|migrate v2 protocol|migration protocol going|did not set uri|"
            r"unexpected cookie"
        ),
        reason="INCOMPATIBLE",
        means="The two libvirts do not understand each other's data about the migration.",
        state=ON_SOURCE,
        remedy=(
            "Update the older libvirt of the two, so that both hosts have the same; it also happens when two "
            "migrations of one guest cross each other: look at both hosts."
        ),
        source="qemu/qemu_driver.c, qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"does not support peer-to-peer",
        reason="NOT_SUPPORTED",
        means="The destination's libvirt cannot be migrated to by the source's.",
        state=REFUSED,
        remedy="Update libvirt on the destination.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.OPERATION_UNSUPPORTED, Err.BLOCK_COPY_ACTIVE),
        text=r"(?<!no )active block ?job|in active block job|block job on disk",
        reason="NOT_MIGRATABLE",
        means="A block job of the guest runs.",
        state=ON_SOURCE,
        remedy=_BLOCK_JOB,
        source="qemu/qemu_domain.c, qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.BLOCK_COPY_ACTIVE,),
        reason="NOT_MIGRATABLE",
        means="A block job of the guest runs.",
        state=ON_SOURCE,
        remedy=_BLOCK_JOB,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"with \d+ (snapshots|checkpoints)",
        reason="NOT_MIGRATABLE",
        means="The guest has snapshots.",
        state=ON_SOURCE,
        remedy=(
            "Delete the guest's snapshots, or their metadata ('virsh snapshot-delete --metadata') where the images "
            "stay as they are; then run it again."
        ),
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"with I/O error",
        reason="NOT_MIGRATABLE",
        means="A disk of the guest has an I/O error.",
        state=ON_SOURCE,
        remedy="Repair the storage and resume the guest ('virsh domblkerror'), then run it again.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"due to I/O error",
        reason="NOT_MIGRATABLE",
        means="A disk of the guest had an I/O error on the way, and the migration was to end then.",
        state="The guest stands still where it was, as QEMU paused it at the error.",
        remedy="Repair the storage and resume the guest ('virsh domblkerror'), then run it again.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=r"Mismatched RAM page size|Non-same host page detected",
        reason="INCOMPATIBLE",
        means="The guest's memory is in pages of another size on the destination, which post-copy cannot send.",
        state=IN_PRECOPY,
        remedy=(
            "Give the guest hugepages of the same size on both hosts ('virsh freepages --all', the mount points of "
            "hugetlbfs), or send it without post-copy."
        ),
        source="QEMU: migration/ram.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"no memory hard limit",
        reason="OPTION_NEEDS_ANOTHER",
        means="RDMA needs a memory limit in the definition.",
        state=ON_SOURCE,
        remedy="Set <memtune><hard_limit> in the guest's definition, or migrate over TCP.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.OPERATION_UNSUPPORTED, Err.ARGUMENT_UNSUPPORTED),
        text=(
            r"tunnell?ed|offline migration|NBD migration with TLS|TLS (transport|migration)|RDMA migration|"
            r"Explicit destination hostname"
        ),
        reason="NOT_SUPPORTED",
        means="Tunnelled, offline or encrypted migration cannot do that.",
        state=REFUSED,
        remedy="Leave the option out, or use a direct connection between the QEMUs instead of a tunnel.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.OPERATION_INVALID,
            Err.OPERATION_UNSUPPORTED,
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.NO_SUPPORT,
        ),
        text=(
            r"cannot migrate|cannot be migrated|can't migrate|can't be migrated|"
            r"migration with .{1,80} is not supported|migration (is )?(currently )?(disabled|not supported|blocked|"
            r"unsupported)|not (yet )?migratable|have migration support|migration is supported only|"
            r"inhibits migration|migration is not (possible|supported|allowed)|auto destroy|dbus-vmstate|"
            r"non-migratable|does not support (live )?migration|doesn't support (live )?migration|unmigratable|"
            r"lacks slot ID or base address|migration statistics of|shmem device|Cannot migrate bitmap|"
            r"transient disk|migration is not implemented|prevents migration|VFIO device doesn't support|"
            r"Migration couldn't be initialized|slirp-helper"
        ),
        reason="NOT_MIGRATABLE",
        means="Something in the guest cannot be moved while it runs.",
        state=ON_SOURCE,
        remedy=_BLOCKER,
        source="qemu/qemu_migration.c; QEMU: hw/vfio/migration.c, block/vmdk.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"\bvDPA\b",
        reason="NOT_MIGRATABLE",
        means="Something in the guest cannot be moved while it runs.",
        state=ON_SOURCE,
        remedy=_BLOCKER,
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED,),
        text=r"is invalid, please choose",
        reason="INVALID_ARGUMENT",
        means="An option has a value that is not possible.",
        state=REFUSED,
        remedy=CORRECT_OPTION,
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.XML_ERROR,
            Err.XML_DETAIL,
            Err.XML_INVALID_SCHEMA,
            Err.OS_TYPE,
            Err.INVALID_MAC,
            Err.INVALID_DOMAIN,
        ),
        reason="DEFINITION_INVALID",
        means="A definition (XML) cannot be read.",
        state=REFUSED,
        remedy=(
            "Correct the definition at the place that the message names. Where it is the guest's own one, the "
            "destination's libvirt is older than the source's and does not know that element: update it, or leave "
            "the element out."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.MIGRATE_UNSAFE,),
        text=r"cache other than",
        reason="UNSAFE_STORAGE",
        means="A disk has a cache mode with which the destination may read old data.",
        state=ON_SOURCE,
        remedy="Give the guest's disks cache mode none or directsync and start it anew.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.MIGRATE_UNSAFE,),
        reason="UNSAFE_STORAGE",
        means=(
            "A move of the disks is taken for unsafe: storage that is not shared for all that libvirt knows, or a "
            "cache mode."
        ),
        state=ON_SOURCE,
        remedy=(
            "Where both hosts reach the same storage, and libvirt only does not know its file system, say so in "
            "the source's qemu.conf (shared_filesystems): copying would copy a disk onto itself. Where each host "
            "has storage of its own, copy it too. Disks want cache mode none."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED,),
        reason="INCOMPATIBLE",
        means="The hosts or the definition do not fit together.",
        state=ON_SOURCE,
        remedy="The hosts or the definition do not fit together; see the message.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
)
