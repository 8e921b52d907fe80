# SPDX-License-Identifier: GPL-3.0-or-later
"""Post-copy, and what QEMU cannot combine."""

from __future__ import annotations

from .codes import Err
from .meaning_row import ON_SOURCE, REFUSED, Meaning

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.INTERNAL_ERROR),
        text=r"VIR_MIGRATE_POSTCOPY|Enable postcopy with migrate_set_capability",
        reason="POSTCOPY_NOT_ENABLED",
        means="The job was started without post-copy.",
        state=REFUSED,
        remedy=(
            "Post-copy cannot be added to a running job: give it more downtime or bandwidth, or abort it and start "
            "it again with --postcopy."
        ),
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"cannot abort migration in post-?copy",
        reason="POSTCOPY_RUNNING",
        means="The guest runs on the destination already.",
        state="The guest runs on the destination and still needs the source.",
        remedy="Let it finish: nothing has to be stopped.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"not outgoing migration in post-copy",
        reason="NOT_IN_POSTCOPY",
        means="The migration is in pre-copy.",
        state=REFUSED,
        remedy="It is still in pre-copy and can simply be aborted.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.ARGUMENT_UNSUPPORTED),
        text=r"migration is still running",
        reason="POSTCOPY_RUNNING",
        means="QEMU goes on with the post-copy that libvirt took for broken.",
        state="The guest lives on both hosts.",
        remedy="QEMU goes on by itself; wait for it to complete.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.ARGUMENT_UNSUPPORTED,),
        text=r"resuming failed post-copy migration requires",
        reason="OPTION_NEEDS_ANOTHER",
        means="A recovery is asked for without the flags that it needs.",
        state=REFUSED,
        remedy="Resume it with the flags of the first start: post-copy, peer-to-peer or change protection.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.ARGUMENT_UNSUPPORTED, Err.INTERNAL_ERROR),
        text=(
            r"not in post-copy phase|has not failed|not being migrated|actively monitored|"
            r"Cannot resume if there is no paused migration"
        ),
        reason="NOTHING_TO_RECOVER",
        means="There is no broken post-copy to join.",
        state=REFUSED,
        remedy="Look at the job again before doing anything else.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=r"post-?copy phase failed|failed in post-?copy phase",
        reason="POSTCOPY_BROKEN",
        means="The post-copy broke.",
        state="The guest stands still; each host holds a part of its memory.",
        remedy=(
            "Destroy neither half. Restore the network, then recover it with the playbook"
            " virtops.live_migration.recover. 'virsh migrate --postcopy --postcopy-resume' does the same, but crashes"
            " the daemon of a destination with libvirt 11.2 or 11.3."
        ),
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        text=r"post-?copy .{0,20}compatible with multifd",
        reason="POSTCOPY_WITH_PARALLEL",
        means="QEMU cannot do post-copy with parallel connections.",
        state=ON_SOURCE,
        remedy=(
            "Start the migration with either post-copy or parallel connections. QEMU takes both from 10.1 on, but with"
            " QEMU 11.1 such a job stood still and could not be aborted."
        ),
        source="QEMU: migration/options.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=(
            r"Postcopy is not (supported|available)|Postcopy not supported|userfaultfd not available|"
            r"userfault on this host does not support|UFFDIO_API failed|open userfault fd|__NR_userfaultfd failed|"
            r"is not supported with post-?copy|Postcopy requires (RAM|shared)"
        ),
        reason="POSTCOPY_NOT_SUPPORTED",
        means="QEMU on the destination may not use userfaultfd, or a part of the guest cannot do post-copy.",
        state=ON_SOURCE,
        remedy=(
            "Set vm.unprivileged_userfaultfd=1 on the destination, or give QEMU access to /dev/userfaultfd. Where "
            "the message names something else (shared memory, a device), leave post-copy out."
        ),
        source="QEMU: migration/postcopy-ram.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=(
            r"(multifd|post-?copy( preempt)?|xbzrle|zero.copy|(?<!qcow2: )compress|mapped-ram|background-snapshot|"
            r"dirty.(page.)?limit).{0,40}(not compatible|incompatible|requires|not supported|cannot be|only (available|"
            r"support)|conflicts with|must be set before)|preempt .{0,20}requires|capability '' requires capability|"
            r"feature or command is not currently supported|"
            r"the command .{0,80}has not been found"
        ),
        reason="NOT_SUPPORTED",
        means="QEMU cannot combine what was asked for.",
        state=ON_SOURCE,
        remedy="QEMU does not do these options together; see the message, and leave one of them out.",
        source="QEMU: migration/migration.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
)
