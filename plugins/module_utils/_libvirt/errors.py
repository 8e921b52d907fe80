# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What libvirt's errors mean to the person at the console.

Matched by error code first, because texts are translated by the daemon and by the client; a text decides only among
errors that share a code. The text is always kept as evidence.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._core.errors import MigrationError

_NOTHING = "Nothing was changed."
_ON_SOURCE = "The guest goes on where it was."


@dataclass(frozen=True)
class Meaning:
    """One row: which errors it covers and what they mean. An empty ``codes`` covers every code."""

    codes: tuple[int, ...]
    text: str
    reason: str
    remedy: str
    state: str = _NOTHING

    def covers(self, code: int, message: str) -> bool:
        return (not self.codes or code in self.codes) and re.search(self.text, message, re.IGNORECASE) is not None


# Rows of a code go from the special to the general; the last one of a code takes any text.
MEANINGS: tuple[Meaning, ...] = (
    Meaning((42,), "", "GUEST_NOT_FOUND", "Check the name or UUID with 'virsh list --all' on this host; the guest may"
            " already run on another host."),
    Meaning((29,), "", "READ_ONLY", "Use a URI that may write, and run as root or as a member of group libvirt."),
    Meaning((45, 88, 94), "", "NOT_PERMITTED", "Run as root or as a member of group libvirt (become: true), or allow"
            " it in polkit."),
    Meaning((84,), "migration statistics are available only on the source", "INCOMING", "Ask the host that the guest"
            " comes from."),
    Meaning((55, 68), "cannot abort incoming migration", "INCOMING", "Abort it on the host that the guest comes from."),
    Meaning((68,), "", "BUSY", "Another operation holds the guest (backup, snapshot, migration): look with 'virsh"
            " domjobinfo', let it end, and run this again."),
    Meaning((55,), "no job is active", "NO_JOB", "There is nothing to stop; see where the guest runs with 'virsh"
            " domstate'."),
    Meaning((55,), "cannot abort migration in post-copy", "POSTCOPY_RUNNING", "Let it finish: the guest already runs"
            " on the destination.", "The guest runs on the destination and still needs the source."),
    Meaning((55,), "not outgoing migration in post-copy", "NOT_IN_POSTCOPY", "It is still in pre-copy and can simply"
            " be aborted."),
    Meaning((55,), "VIR_MIGRATE_POSTCOPY flag", "POSTCOPY_NOT_ENABLED", "Post-copy cannot be added to a running job:"
            " give it more downtime or bandwidth, or abort it and start it again with --postcopy."),
    Meaning((55,), "while outgoing migration is in progress", "NO_JOB", "Start the migration first."),
    Meaning((55,), "another migration job is already running", "ALREADY_MIGRATING", "Watch the running one instead of"
            " starting another."),
    Meaning((55, 9), "domain is not running", "GUEST_NOT_RUNNING", "Start the guest first; a guest that is off needs"
            " no live migration."),
    Meaning((55, 84), "cannot migrate.* domain|with \\d+ snapshots|block job|hostdev", "NOT_MIGRATABLE", "Remove what"
            " blocks it (see the message) and run it again."),
    Meaning((55,), "only with VIR_MIGRATE_TLS", "TLS_REQUIRED", "This host allows migrations with TLS only."),
    Meaning((55, 74), "still running", "POSTCOPY_RUNNING", "QEMU goes on by itself; wait for it to complete.",
            "The guest lives on both hosts."),
    Meaning((55, 74), "not in post-copy phase|has not failed|not being migrated|actively monitored",
            "NOTHING_TO_RECOVER", "Look at the job again before doing anything else.", _ON_SOURCE),
    Meaning((55,), "", "NOT_NOW", "The guest's present state does not allow it; look with 'virsh domstate --reason'."),
    Meaning((78,), "", "CANCELLED", "Somebody aborted the job; start it again when they are done.",
            "The guest runs on the source as before."),
    Meaning((81,), "", "UNSAFE_STORAGE", "Use shared storage, cache mode none, or copy the storage too."),
    Meaning((82,), "", "OUT_OF_RANGE", "Use a smaller number."),
    Meaning((91,), "", "CPU_INCOMPATIBLE", "Choose a destination with this CPU, or a common CPU model for the guest."),
    Meaning((3,), "", "NOT_SUPPORTED", "This driver or this version of libvirt cannot do it; update libvirt."),
    Meaning((74, 8), "unsupported flags|not supported", "NOT_SUPPORTED", "One of the two hosts is too old for this"
            " option; update it, or leave the option out."),
    Meaning((8, 1), "same host", "SAME_HOST", "The two hosts have one host UUID; set host_uuid in libvirtd.conf."),
    Meaning((8, 74), "", "INVALID_ARGUMENT", "Correct the option that the message names."),
    Meaning((1, 38, 39, 45), "certificate|credentials", "TLS_FAILED", "Check the certificates, their names and dates"
            " on both hosts."),
    Meaning((1,), "downtime_limit", "OUT_OF_RANGE", "Use a downtime from 0 to 2000000 ms."),
    Meaning((1,), "Postcopy is not supported", "POSTCOPY_NOT_SUPPORTED", "Set vm.unprivileged_userfaultfd=1 on the"
            " destination, or give QEMU access to /dev/userfaultfd."),
    Meaning((1,), "already being measured", "ALREADY_MEASURING", "Wait for the measurement that runs."),
    Meaning((1,), "unused port", "PORTS_EXHAUSTED", "Widen migration_port_min/max on the destination, or wait."),
    Meaning((1,), "localhost", "HOSTNAME_LOCALHOST", "Give the destination a name that is not localhost, or use a"
            " migration URI with its address."),
    Meaning((1, 38), "monitor", "QEMU_DIED", "Look at /var/log/libvirt/qemu/ on both hosts.",
            "Where the guest runs now is not known: check both hosts."),
    Meaning((1, 9, 38), "connection closed|client socket|lost connection|end of file|keepalive", "CONNECTION_LOST",
            "Check the network and the daemons, then look at both hosts before the next step.",
            "Where the guest runs now is not known: check both hosts."),
    Meaning((38,), "", "CONNECTION_FAILED", "Check that the daemon runs and listens, the URI, the name resolution and"
            " the firewall."),
    Meaning((67,), "is invalid", "INVALID_ARGUMENT", "Correct the option that the message names."),
    Meaning((67,), "", "INCOMPATIBLE", "The hosts or the definition do not fit together; see the message."),
    Meaning((), "", "LIBVIRT_ERROR", "Look at the daemon's log, and at 'virsh domstate --reason' on both hosts.",
            "Look at the guest before the next step."),
)  # fmt: skip


def meaning_of(code: int, message: str) -> Meaning:
    return next(row for row in MEANINGS if row.covers(code, message))


def translate(exc: t.Any, doing: str, *, guest_state: str = "") -> MigrationError:
    """The error of a ``libvirtError``; ``doing`` is a sentence that says what could not be done."""
    code, domain = int(exc.get_error_code() or 0), int(exc.get_error_domain() or 0)
    message = str(exc.get_error_message() or exc)
    row = meaning_of(code, message)
    return MigrationError(
        row.reason,
        f"{doing} libvirt says: {message.rstrip('.')}.",
        state=f"{row.state} The guest is {guest_state} here." if guest_state else row.state,
        remedy=row.remedy,
        evidence={"libvirt_code": code, "libvirt_domain": domain, "libvirt_message": message},
    )
