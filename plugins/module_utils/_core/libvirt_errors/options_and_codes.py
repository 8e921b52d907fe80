# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are refused, and what an error code alone says where no row knows the text."""

from __future__ import annotations

from .codes import Err
from .meaning_row import CORRECT_OPTION, LOOK_AT_BOTH, LOOK_AT_LOGS, REFUSED, UNSURE, Meaning

_CAUSE_IN_LOGS = (
    "See the message and /var/log/libvirt/qemu/ on both hosts for the cause. In pre-copy the guest goes on on the "
    "source; in post-copy destroy neither half."
)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.ARGUMENT_UNSUPPORTED,),
        text=r"direct migration is not supported",
        reason="DIRECT_NOT_SUPPORTED",
        means="QEMU guests have no migration that the client directs.",
        state=REFUSED,
        remedy="Start it peer-to-peer (--p2p).",
        source="libvirt-domain.c",
        domain="DOMAIN",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INVALID_ARG, Err.OPERATION_INVALID, Err.OPERATION_UNSUPPORTED),
        text=(
            r"to tune it|only (with|supported with|available for)|requires|must be specified with|"
            r"No compression algorithm selected"
        ),
        reason="OPTION_NEEDS_ANOTHER",
        means="An option needs another one.",
        state=REFUSED,
        remedy="Turn on the feature as well that the option belongs to, or leave the option out.",
        source="qemu/qemu_driver.c, qemu/qemu_migration_params.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INVALID_ARG,),
        text=r"unsupported flags|not supported",
        reason="NOT_SUPPORTED",
        means="One side does not know the option.",
        state=REFUSED,
        remedy="One of the two hosts is too old for this option; update it, or leave the option out.",
        source="qemu/qemu_driver.c, remote/remote_driver.c",
        domain="QEMU, REMOTE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.ARGUMENT_UNSUPPORTED,),
        reason="NOT_SUPPORTED",
        means="One side does not know the option, or cannot combine it.",
        state=REFUSED,
        remedy=(
            "One of the two hosts is too old for this option or cannot combine it with the others; update it, or "
            "leave the option out."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_SUPPORT, Err.OPERATION_UNSUPPORTED),
        reason="NOT_SUPPORTED",
        means="This libvirt or QEMU cannot do that.",
        state=REFUSED,
        remedy=(
            "This driver or this version of libvirt or QEMU cannot do it; update it, or leave out what the message "
            "names."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        quoted=r"downtime.limit",
        reason="OUT_OF_RANGE",
        means="QEMU refuses a downtime of that length.",
        state=REFUSED,
        remedy="Use a downtime from 0 to 2000000 ms.",
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.OVERFLOW,),
        reason="OUT_OF_RANGE",
        means="A number is too large.",
        state=REFUSED,
        remedy="Use a smaller number.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INVALID_ARG,),
        reason="INVALID_ARGUMENT",
        means="An argument is not valid.",
        state=REFUSED,
        remedy=CORRECT_OPTION,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        reason="NOT_NOW",
        means="It is not allowed as things are.",
        state=REFUSED,
        remedy=(
            "What stands against it the message says: the state of the guest, its definition, or how one of the "
            "hosts is set up. In another language see the daemon's log on that host."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        text=(
            r"qemu .{0,20}monitor|the monitor|monitor( IO| condition|$| reply)|unexpectedly (quit|closed)|"
            r"process exited|guest crashed"
        ),
        reason="QEMU_DIED",
        means="QEMU ended, or its monitor broke.",
        state=LOOK_AT_BOTH,
        remedy=LOOK_AT_LOGS,
        source="qemu/qemu_driver.c, qemu/qemu_hotplug.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.MIGRATE_PERSIST_FAILED,),
        reason="PERSIST_FAILED",
        means="The guest moved, but was not defined for good.",
        state="The guest runs on the destination, but is not defined there for good: it is lost when it stops.",
        remedy=(
            "Define it there from its live definition ('virsh dumpxml --migratable', 'virsh define'), and check "
            "the source."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"unexpectedly failed",
        reason="MIGRATION_FAILED",
        means=(
            "The migration failed, and QEMU tells no cause. It has none to tell when the connection breaks, or the "
            "destination's QEMU ends, in the last pass."
        ),
        state=LOOK_AT_BOTH,
        remedy=(
            "Check the network that the memory is sent over, and /var/log/libvirt/qemu/ on the destination; then run "
            "this again. In post-copy destroy neither half."
        ),
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"migration|\bjob ''|migrate",
        reason="MIGRATION_FAILED",
        means="The migration failed.",
        state=LOOK_AT_BOTH,
        remedy=_CAUSE_IN_LOGS,
        source="qemu/qemu_driver.c, qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        quoted=r"'migration (out|in)'",
        reason="MIGRATION_FAILED",
        means="The migration failed.",
        state=LOOK_AT_BOTH,
        remedy=_CAUSE_IN_LOGS,
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        reason="OPERATION_FAILED",
        means="Something failed on the way.",
        state=UNSURE,
        remedy="Look at the daemon's log, at /var/log/libvirt/qemu/ on both hosts, and at 'virsh domstate --reason'.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        reason="SYSTEM_ERROR",
        means="The operating system refused something to a daemon.",
        state=UNSURE,
        remedy=(
            "The end of the message is what the operating system said, the beginning to what: a file, a device, a "
            "name, a connection. Correct that on the host that the message comes from; its daemon's log has more."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
)
