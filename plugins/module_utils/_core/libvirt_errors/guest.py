# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest, other work on it, and the state of its migration job."""

from __future__ import annotations

from .codes import Err
from .meaning_row import LOOK_AT_BOTH, ON_SOURCE, REFUSED, UNSURE, Meaning

_HELD = (
    "Another operation holds the guest (backup, snapshot, migration): look with 'virsh domjobinfo', let it end, "
    "and run this again."
)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.NO_DOMAIN,),
        reason="GUEST_NOT_FOUND",
        means="The daemon knows no guest of that name or UUID.",
        state=REFUSED,
        remedy=(
            "Check the name or UUID with 'virsh list --all' on this host; the guest may already run on another host."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.OPERATION_FAILED),
        text=r"domain( '')? is (not|no longer) running|domain is not active",
        reason="GUEST_NOT_RUNNING",
        means="The guest is off.",
        state=REFUSED,
        remedy="Start the guest first; a guest that is off needs no live migration.",
        source="qemu/qemu_domain.c, qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_DENIED,),
        reason="READ_ONLY",
        means="The connection may only read.",
        state=REFUSED,
        remedy="Use a URI that may write, and run as root or as a member of group libvirt.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_TIMEOUT,),
        text=r"MigratePrepare",
        reason="INCOMING",
        means="The guest is being received, which holds it.",
        state=REFUSED,
        remedy="The guest is arriving on this host; run this on the host that it comes from.",
        source="qemu/qemu_domainjob.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_TIMEOUT,),
        text=r"(show|come) up",
        reason="HOST_SETUP",
        means="A helper process of the guest did not come up in time.",
        state=ON_SOURCE,
        remedy=(
            "See why the program that the message names does not start (swtpm, dbus-daemon, qemu-pr-helper): its "
            "log below /var/log, and whether it is installed on the host that the message comes from."
        ),
        source="qemu/qemu_dbus.c, qemu/qemu_process.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_TIMEOUT,),
        text=r"state change lock",
        reason="BUSY",
        means="Another operation holds the guest.",
        state=REFUSED,
        remedy=_HELD,
        source="conf/virdomainjob.c, qemu/qemu_domainjob.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_TIMEOUT,),
        reason="BUSY",
        means="Something did not answer in time, mostly because another operation holds the guest.",
        state=UNSURE,
        remedy=_HELD,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"max_queued",
        reason="BUSY",
        means="Too many requests wait for the guest.",
        state=REFUSED,
        remedy=(
            "Too many requests wait for the guest already (max_queued in qemu.conf); see what holds it with 'virsh "
            "domjobinfo', and run this again later."
        ),
        source="conf/virdomainjob.c, qemu/qemu_domainjob.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"migration of disk .{1,80} failed.{0,200}(connection (reset|timed out)|broken pipe)",
        reason="MIGRATION_FAILED",
        means="The connection that a disk was copied over broke.",
        state=LOOK_AT_BOTH,
        remedy=(
            "Check the network between the hosts and QEMU's log on the destination, then start it again. What was "
            "copied stays there and is written anew. In post-copy destroy neither half."
        ),
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=r"domain( '')? is already being removed",
        reason="BUSY",
        means="A former guest of that name or UUID is just being removed there.",
        state=REFUSED,
        remedy="Wait until it is gone from 'virsh list --all' on the host that the message comes from; run this again.",
        source="conf/virdomainobjlist.c",
        domain="DOMAIN",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"domain is already running",
        reason="ALREADY_RUNNING",
        means="The guest that was to be started runs.",
        state=REFUSED,
        remedy="Nothing has to be started here; see that the guest runs on no other host as well.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"another backup job|only one backup job",
        reason="BUSY",
        means="A backup of the guest runs.",
        state=REFUSED,
        remedy="Let the backup end, or stop it ('virsh domjobabort'), and run this again.",
        source="qemu/qemu_backup.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"another migration job is already running|resuming failed post-copy migration .{0,80}in progress",
        reason="ALREADY_MIGRATING",
        means="The guest is being migrated.",
        state=REFUSED,
        remedy="Watch the migration that runs instead of starting another.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        text=r"already being measured",
        reason="ALREADY_MEASURING",
        means="The dirty rate of the guest is being measured.",
        state=REFUSED,
        remedy="Wait for the measurement that runs.",
        source="QEMU: migration/dirtyrate.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.OPERATION_UNSUPPORTED,),
        text=r"only on the source host",
        reason="INCOMING",
        means="Only the source has statistics of a migration.",
        state=REFUSED,
        remedy="The guest is arriving on this host; ask the host that it comes from.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.OPERATION_TIMEOUT),
        text=r"cannot abort incoming migration",
        reason="INCOMING",
        means="The guest is being received.",
        state=REFUSED,
        remedy="The guest is arriving on this host; abort it on the host that it comes from.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"no job is active",
        reason="NO_JOB",
        means="The guest has no job.",
        state=REFUSED,
        remedy="There is nothing to stop; see where the guest runs with 'virsh domstate --reason'.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"while outgoing migration is in progress",
        reason="NO_JOB",
        means="The guest is not being migrated from this host.",
        state=REFUSED,
        remedy="Start the migration first.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_ABORTED,),
        reason="CANCELLED",
        means="The job was aborted.",
        state="The guest runs on the source as before.",
        remedy="Somebody aborted the job; start it again when they are done.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.MIGRATE_FINISH_OK,),
        reason="CANCELLED",
        means="The migration was aborted or failed, and the destination has let go of what it had received.",
        state="The guest runs on the source as before.",
        remedy="See the log of the source's daemon for why it ended; then start it again.",
        source="util/virerror.c, qemu/qemu_migration.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"cannot (delete inactive domain with|undefine domain with)|Refusing to undefine",
        reason="NOT_NOW",
        means="The guest has more than its definition, which would be left behind.",
        state=REFUSED,
        remedy=(
            "The guest still has snapshots, checkpoints, a saved state or NVRAM on this host: keep or delete them "
            "by hand (options of 'virsh undefine'), then run this again."
        ),
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"transient domain",
        reason="NOT_NOW",
        means="The guest is transient, and has nothing that could be changed for good.",
        state=REFUSED,
        remedy=(
            "The guest has no persistent definition here: define it first ('virsh define'), or leave out what "
            "needs one."
        ),
        source="qemu/qemu_driver.c, qemu/qemu_snapshot.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED, Err.OPERATION_UNSUPPORTED, Err.CONFIG_UNSUPPORTED),
        text=(
            r"save image|image magic|image version is not supported|managed save|saved state|"
            r"failed to read qemu header|Compression program for|from a file which belongs to domain"
        ),
        reason="SAVED_STATE_UNUSABLE",
        means="The saved state that the guest would start from cannot be read.",
        state=REFUSED,
        remedy=(
            "The guest has a saved state (managed save) on this host that this libvirt or QEMU cannot restore. "
            "Restore it where it was saved, or give it up with 'virsh managedsave-remove', which is like a power "
            "cut for the guest."
        ),
        source="qemu/qemu_driver.c, qemu/qemu_saveimage.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_DOMAIN_CHECKPOINT, Err.CHECKPOINT_INCONSISTENT, Err.INVALID_DOMAIN_CHECKPOINT),
        reason="NOT_MIGRATABLE",
        means="A checkpoint of the guest is missing, or its bitmap is.",
        state=REFUSED,
        remedy=(
            "Look at the guest's checkpoints ('virsh checkpoint-list'): one that its disk no longer has can only "
            "be deleted (--metadata), after which the next backup is a full one."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_DOMAIN_SNAPSHOT, Err.INVALID_DOMAIN_SNAPSHOT, Err.NO_DOMAIN_BACKUP, Err.NO_DOMAIN_METADATA),
        reason="NOT_NOW",
        means="The guest has no such snapshot, backup or metadata.",
        state=REFUSED,
        remedy="Look at what the guest has ('virsh snapshot-list', 'virsh backup-dumpxml', 'virsh metadata').",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.ARGUMENT_UNSUPPORTED,),
        text=r"guest agent is not configured",
        reason="NO_AGENT",
        means="The guest has no channel for a guest agent.",
        state=REFUSED,
        remedy="Add the channel org.qemu.guest_agent.0 to the guest's definition, and run qemu-guest-agent in it.",
        source="qemu/qemu_domain.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.AGENT_COMMAND_FAILED,),
        reason="AGENT_REFUSES",
        means="The guest agent does not do what was asked of it.",
        state=UNSURE,
        remedy="See the message: the agent's configuration in the guest may forbid the command, or be too old for it.",
        source="util/virerror.c",
        seen="11.3",
    ),
    Meaning(
        codes=(Err.AGENT_UNRESPONSIVE, Err.AGENT_UNSYNCED, Err.AGENT_COMMAND_TIMEOUT),
        reason="AGENT_SILENT",
        means="The guest agent does not answer.",
        state=UNSURE,
        remedy="See that qemu-guest-agent runs in the guest and that the guest is not paused.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
)
