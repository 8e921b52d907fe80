# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What libvirt's errors mean to the person at the console: a table to extend.

An error is matched by its code first, because texts are translated by the daemon and by the client. Among the rows of
one code those with a text come first, in the order below; a row without a text takes what is left of its codes, and
with it every translation. Names of flags and texts of QEMU stay English in every language.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

# Where an error leaves things. Each sentence must hold for every error of its row.
_REFUSED = "The request was refused and changed nothing."
_ON_SOURCE = "The guest goes on where it was."
_UNSURE = "Whether the request took effect is not known: look at the guest before the next step."
_LOOK_AT_BOTH = "Where the guest runs now is not known: check both hosts."


@dataclass(frozen=True)
class Meaning:
    """One row: the error codes it covers (VIR_ERR_*), which texts among them (a regular expression; empty: any)."""

    codes: tuple[int, ...]
    reason: str
    remedy: str
    state: str
    text: str = ""

    def says(self, message: str) -> bool:
        return re.search(self.text, message, re.IGNORECASE) is not None


FALLBACK = Meaning(
    codes=(),
    reason="LIBVIRT_ERROR",
    state=_UNSURE,
    remedy="Look at the daemon's log, and at 'virsh domstate --reason' on both hosts.",
)

MEANINGS: t.Sequence[Meaning] = (
    # Who, where, and whether it may
    Meaning(
        codes=(42,),
        reason="GUEST_NOT_FOUND",
        state=_REFUSED,
        remedy="Check the name or UUID with 'virsh list --all' on this host; the guest may already run on another "
        "host.",
    ),
    Meaning(
        codes=(55, 9),
        text="domain is not running",
        reason="GUEST_NOT_RUNNING",
        state=_REFUSED,
        remedy="Start the guest first; a guest that is off needs no live migration.",
    ),
    Meaning(
        codes=(29,),
        reason="READ_ONLY",
        state=_REFUSED,
        remedy="Use a URI that may write, and run as root or as a member of group libvirt.",
    ),
    Meaning(
        codes=(45, 88, 94),
        reason="NOT_PERMITTED",
        state=_REFUSED,
        remedy="Run as root or as a member of group libvirt (become: true), or allow it in polkit.",
    ),
    # Other work on the guest
    Meaning(
        codes=(68,),
        text="MigratePrepare",
        reason="INCOMING",
        state=_REFUSED,
        remedy="The guest is arriving on this host; run this on the host that it comes from.",
    ),
    Meaning(
        codes=(68,),
        text="state change lock",
        reason="BUSY",
        state=_REFUSED,
        remedy="Another operation holds the guest (backup, snapshot, migration): look with 'virsh domjobinfo', let "
        "it end, and run this again.",
    ),
    Meaning(
        codes=(68,),
        reason="BUSY",
        state=_UNSURE,
        remedy="Another operation holds the guest (backup, snapshot, migration): look with 'virsh domjobinfo', let "
        "it end, and run this again.",
    ),
    Meaning(
        codes=(9,),
        text="max_queued",
        reason="BUSY",
        state=_REFUSED,
        remedy="Too many requests wait for the guest already (max_queued in qemu.conf); see what holds it with "
        "'virsh domjobinfo', and run this again later.",
    ),
    Meaning(
        codes=(55,),
        text="another migration job is already running",
        reason="ALREADY_MIGRATING",
        state=_REFUSED,
        remedy="Watch the migration that runs instead of starting another.",
    ),
    Meaning(
        codes=(1,),
        text="already being measured",
        reason="ALREADY_MEASURING",
        state=_REFUSED,
        remedy="Wait for the measurement that runs.",
    ),
    # The job is not what was thought
    Meaning(
        codes=(84,),
        text="only on the source host",
        reason="INCOMING",
        state=_REFUSED,
        remedy="The guest is arriving on this host; ask the host that it comes from.",
    ),
    Meaning(
        codes=(55, 68),
        text="cannot abort incoming migration",
        reason="INCOMING",
        state=_REFUSED,
        remedy="The guest is arriving on this host; abort it on the host that it comes from.",
    ),
    Meaning(
        codes=(55,),
        text="no job is active",
        reason="NO_JOB",
        state=_REFUSED,
        remedy="There is nothing to stop; see where the guest runs with 'virsh domstate --reason'.",
    ),
    Meaning(
        codes=(55,),
        text="while outgoing migration is in progress",
        reason="NO_JOB",
        state=_REFUSED,
        remedy="Start the migration first.",
    ),
    Meaning(
        codes=(78,),
        reason="CANCELLED",
        state="The guest runs on the source as before.",
        remedy="Somebody aborted the job; start it again when they are done.",
    ),
    Meaning(
        codes=(93,),
        reason="COMPLETED",
        state="The guest runs on the destination.",
        remedy="Nothing to do: the migration has completed.",
    ),
    # Post-copy
    Meaning(
        codes=(55,),
        text="VIR_MIGRATE_POSTCOPY",
        reason="POSTCOPY_NOT_ENABLED",
        state=_REFUSED,
        remedy="Post-copy cannot be added to a running job: give it more downtime or bandwidth, or abort it and "
        "start it again with --postcopy.",
    ),
    Meaning(
        codes=(55,),
        text="cannot abort migration in post-?copy",
        reason="POSTCOPY_RUNNING",
        state="The guest runs on the destination and still needs the source.",
        remedy="Let it finish: nothing has to be stopped.",
    ),
    Meaning(
        codes=(55,),
        text="not outgoing migration in post-copy",
        reason="NOT_IN_POSTCOPY",
        state=_REFUSED,
        remedy="It is still in pre-copy and can simply be aborted.",
    ),
    Meaning(
        codes=(55, 74),
        text="migration is still running",
        reason="POSTCOPY_RUNNING",
        state="The guest lives on both hosts.",
        remedy="QEMU goes on by itself; wait for it to complete.",
    ),
    Meaning(
        codes=(55, 74),
        text="not in post-copy phase|has not failed|not being migrated|actively monitored",
        reason="NOTHING_TO_RECOVER",
        state=_REFUSED,
        remedy="Look at the job again before doing anything else.",
    ),
    Meaning(
        codes=(1, 9),
        text="post-?copy phase failed|failed in post-?copy phase",
        reason="POSTCOPY_BROKEN",
        state="The guest stands still; each host holds a part of its memory.",
        remedy="Destroy neither half. Restore the network, then recover it with 'virsh migrate --postcopy "
        "--postcopy-resume'.",
    ),
    Meaning(
        codes=(1,),
        text="not yet compatible with multifd",
        reason="POSTCOPY_WITH_PARALLEL",
        state=_ON_SOURCE,
        remedy="Start the migration with either post-copy or parallel connections; only QEMU 10.1 or newer can have "
        "both.",
    ),
    Meaning(
        codes=(1,),
        text="Postcopy is not supported",
        reason="POSTCOPY_NOT_SUPPORTED",
        state=_ON_SOURCE,
        remedy="Set vm.unprivileged_userfaultfd=1 on the destination, or give QEMU access to /dev/userfaultfd.",
    ),
    # TLS, SSH, names, and the way to the other daemon
    Meaning(
        codes=(55,),
        text="VIR_MIGRATE_TLS",
        reason="TLS_REQUIRED",
        state=_REFUSED,
        remedy="This host allows migrations with TLS only: start it with --tls.",
    ),
    Meaning(
        codes=(1, 9, 38, 39, 40, 45, 55),
        text="certificate|access credentials|server verification|TLS channel",
        reason="TLS_FAILED",
        state=_ON_SOURCE,
        remedy="Check the certificates on both hosts: the files, their owner, their dates, and the names in them; the"
        " address that memory is sent to must be one of the destination's. /var/log/libvirt/qemu/ on the source says"
        " which.",
    ),
    Meaning(
        codes=(38, 85, 98),
        text="resolve (address|hostname)|name or service not known",
        reason="NAME_NOT_RESOLVED",
        state=_ON_SOURCE,
        remedy="Make the host name resolve on the machine that connects, which for a peer-to-peer migration is the "
        "source, or use an address.",
    ),
    Meaning(
        codes=(38, 45, 85, 98),
        text=r"publickey|host key|permission denied \(",
        reason="SSH_FAILED",
        state=_ON_SOURCE,
        remedy="Log in once by hand as the user who connects, which for a peer-to-peer migration is root of the "
        "source host; check its key and known_hosts.",
    ),
    Meaning(
        codes=(85, 98),
        reason="SSH_FAILED",
        state=_ON_SOURCE,
        remedy="Log in once by hand as the user who connects, which for a peer-to-peer migration is root of the "
        "source host; check its key and known_hosts.",
    ),
    Meaning(
        codes=(38,),
        text="unable to connect|failed to connect|connection refused|no route to host|connection timed out",
        reason="CONNECTION_FAILED",
        state=_ON_SOURCE,
        remedy="Check that the daemon runs and listens there, the URI, and the firewall.",
    ),
    Meaning(
        codes=(1, 9, 38, 39),
        text="connection closed|client socket|lost connection|end of file|keepalive|cannot recv data",
        reason="CONNECTION_LOST",
        state=_LOOK_AT_BOTH,
        remedy="Check the network and the daemons, then look at both hosts before the next step.",
    ),
    Meaning(
        codes=(1,),
        text="resolved to localhost",
        reason="HOSTNAME_LOCALHOST",
        state=_ON_SOURCE,
        remedy="Give the destination a name that is not localhost, or use a migration URI with its address.",
    ),
    Meaning(
        codes=(8, 1),
        text="same host",
        reason="SAME_HOST",
        state=_ON_SOURCE,
        remedy="If these are two hosts, they have one host UUID: set host_uuid in libvirtd.conf or virtqemud.conf. "
        "Else correct the URI.",
    ),
    Meaning(
        codes=(1, 38),
        text="unused port|bind socket|reserve port|address already in use|assign requested address",
        reason="PORT_UNAVAILABLE",
        state=_ON_SOURCE,
        remedy="Free a port on the destination or widen migration_port_min and migration_port_max in its qemu.conf, "
        "and check that a listen address given is its own.",
    ),
    # The destination lacks something
    Meaning(
        codes=(1, 9, 38),
        text="allocate memory|set up guest memory|backing store for guest RAM|out of memory",
        reason="DESTINATION_MEMORY",
        state=_ON_SOURCE,
        remedy="Free memory or hugepages on the destination, or choose another one.",
    ),
    Meaning(
        codes=(1, 9, 38),
        text="no space left",
        reason="STORAGE_FULL",
        state=_ON_SOURCE,
        remedy="Free space on the destination, or choose another storage there.",
    ),
    Meaning(
        codes=(1, 9, 38, 55),
        text="failed to get .{0,8}(write|consistent|shared).{0,8} lock|image lock",
        reason="STORAGE_LOCKED",
        state=_ON_SOURCE,
        remedy="Another process, perhaps another guest, uses the disk image: find it before anything else, because "
        "two writers destroy it.",
    ),
    Meaning(
        codes=(1, 9, 55, 84),
        text="different sizes|pre-creation of storage",
        reason="STORAGE_MISMATCH",
        state=_ON_SOURCE,
        remedy="Create the disk on the destination with exactly the size it has on the source, or use shared storage.",
    ),
    Meaning(
        codes=(1, 9, 38),
        text="storage file|could not open '",
        reason="STORAGE_MISSING",
        state=_ON_SOURCE,
        remedy="Make the disk reachable on the destination under the same path (mount, pool, permissions), or copy "
        "the storage too.",
    ),
    Meaning(
        codes=(49, 50),
        reason="STORAGE_MISSING",
        state=_ON_SOURCE,
        remedy="Define the storage pool or volume on the destination.",
    ),
    Meaning(
        codes=(43,),
        reason="NETWORK_MISSING",
        state=_ON_SOURCE,
        remedy="Define and start the guest's network on the destination too.",
    ),
    Meaning(
        codes=(1, 9, 38),
        text="interface MTU|network not found|no such device",
        reason="NETWORK_MISSING",
        state=_ON_SOURCE,
        remedy="Create the guest's bridge or network on the destination under the same name.",
    ),
    Meaning(
        codes=(28,),
        reason="GUEST_EXISTS",
        state=_ON_SOURCE,
        remedy="The destination has a guest of that name or UUID: make sure that it is not in use there, then "
        "undefine or rename it.",
    ),
    Meaning(
        codes=(9, 55),
        text="already exists with uuid|already defined with uuid|is already active|is already being started",
        reason="GUEST_EXISTS",
        state=_ON_SOURCE,
        remedy="The destination has a guest of that name or UUID: make sure that it is not in use there, then "
        "undefine or rename it.",
    ),
    # The two hosts do not fit together
    Meaning(
        codes=(55, 67),
        text=r"\bTSC\b|invtsc",
        reason="TSC_MISMATCH",
        state=_ON_SOURCE,
        remedy="Choose a destination whose TSC has the same frequency or can be scaled, set <timer name='tsc' "
        "frequency=...> in the definition, or leave invtsc out.",
    ),
    Meaning(
        codes=(91,),
        reason="CPU_INCOMPATIBLE",
        state=_ON_SOURCE,
        remedy="Choose a destination with this CPU, or a common CPU model for the guest.",
    ),
    Meaning(
        codes=(9, 67),
        text="guest CPU doesn't match|CPU are not compatible|target CPU|required features|(missing|extra) features",
        reason="CPU_INCOMPATIBLE",
        state=_ON_SOURCE,
        remedy="Choose a destination with this CPU, or a common CPU model for the guest.",
    ),
    Meaning(
        codes=(67,),
        text="machine type",
        reason="MACHINE_TYPE_MISSING",
        state=_ON_SOURCE,
        remedy="Update QEMU on the destination, or give the guest a machine type that both hosts have and restart it.",
    ),
    Meaning(
        codes=(67,),
        text="does not match source",
        reason="DEFINITION_MISMATCH",
        state=_ON_SOURCE,
        remedy="Leave out the changed definition, or change in it only what the guest cannot see.",
    ),
    Meaning(
        codes=(67,),
        text="is invalid",
        reason="INVALID_ARGUMENT",
        state=_REFUSED,
        remedy="Correct the option that the message names.",
    ),
    Meaning(
        codes=(67,),
        reason="INCOMPATIBLE",
        state=_ON_SOURCE,
        remedy="The hosts or the definition do not fit together; see the message.",
    ),
    # The guest cannot be moved like this
    Meaning(
        codes=(81,),
        reason="UNSAFE_STORAGE",
        state=_ON_SOURCE,
        remedy="Use shared storage, cache mode none, or copy the storage too.",
    ),
    Meaning(
        codes=(55, 84),
        text="cannot migrate|snapshots|block ?job|hostdev",
        reason="NOT_MIGRATABLE",
        state=_ON_SOURCE,
        remedy="Remove what blocks it (see the message) and run it again.",
    ),
    # What was asked for does not exist or does not go together
    Meaning(
        codes=(74,),
        text="direct migration is not supported",
        reason="DIRECT_NOT_SUPPORTED",
        state=_ON_SOURCE,
        remedy="Start it peer-to-peer (--p2p).",
    ),
    Meaning(
        codes=(8,),
        text="to tune it|only with|requires",
        reason="OPTION_NEEDS_ANOTHER",
        state=_REFUSED,
        remedy="Turn on the feature as well that the option belongs to, or leave the option out.",
    ),
    Meaning(
        codes=(8,),
        text="unsupported flags|not supported",
        reason="NOT_SUPPORTED",
        state=_REFUSED,
        remedy="One of the two hosts is too old for this option; update it, or leave the option out.",
    ),
    Meaning(
        codes=(74,),
        reason="NOT_SUPPORTED",
        state=_REFUSED,
        remedy="One of the two hosts is too old for this option or cannot combine it with the others; update it, or "
        "leave the option out.",
    ),
    Meaning(
        codes=(3, 84),
        reason="NOT_SUPPORTED",
        state=_REFUSED,
        remedy="This driver or this version of libvirt cannot do it; update libvirt.",
    ),
    Meaning(
        codes=(1,),
        text="downtime_limit",
        reason="OUT_OF_RANGE",
        state=_REFUSED,
        remedy="Use a downtime from 0 to 2000000 ms.",
    ),
    Meaning(
        codes=(82,),
        reason="OUT_OF_RANGE",
        state=_REFUSED,
        remedy="Use a smaller number.",
    ),
    Meaning(
        codes=(8,),
        reason="INVALID_ARGUMENT",
        state=_REFUSED,
        remedy="Correct the option that the message names.",
    ),
    Meaning(
        codes=(55,),
        reason="NOT_NOW",
        state=_REFUSED,
        remedy="The guest's present state does not allow it; look with 'virsh domstate --reason'.",
    ),
    # It broke on the way
    Meaning(
        codes=(1, 38),
        text="monitor|unexpectedly quit",
        reason="QEMU_DIED",
        state=_LOOK_AT_BOTH,
        remedy="Look at /var/log/libvirt/qemu/ on both hosts.",
    ),
    Meaning(
        codes=(69,),
        reason="PERSIST_FAILED",
        state="The guest runs on the destination, but is not defined there for good: it is lost when it stops.",
        remedy="Define it there from its live definition ('virsh dumpxml --migratable', 'virsh define'), and check "
        "the source.",
    ),
    Meaning(
        codes=(70,),
        reason="HOOK_FAILED",
        state=_ON_SOURCE,
        remedy="Look at the hook scripts in /etc/libvirt/hooks/ and at the daemon's log of the host that the message "
        "comes from.",
    ),
    Meaning(
        codes=(9,),
        text="(write to|read from) socket|broken pipe|channel error",
        reason="STREAM_BROKEN",
        state=_LOOK_AT_BOTH,
        remedy="In pre-copy the guest goes on on the source: check the network that the memory is sent over, and"
        " whether somebody aborted the migration, which QEMU may tell in these words too. In post-copy destroy neither"
        " half.",
    ),
    Meaning(
        codes=(9,),
        text="migration|unexpectedly failed",
        reason="MIGRATION_FAILED",
        state=_LOOK_AT_BOTH,
        remedy="See the message and /var/log/libvirt/qemu/ on both hosts for the cause. In pre-copy the guest goes "
        "on on the source; in post-copy destroy neither half.",
    ),
    Meaning(
        codes=(9,),
        reason="OPERATION_FAILED",
        state=_UNSURE,
        remedy="Look at the daemon's log, at /var/log/libvirt/qemu/ on both hosts, and at 'virsh domstate --reason'.",
    ),
    Meaning(
        codes=(38,),
        reason="SYSTEM_ERROR",
        state=_UNSURE,
        remedy="Check that the daemon runs and listens, the URI, the name resolution, the firewall, and the daemon's "
        "log.",
    ),
)
