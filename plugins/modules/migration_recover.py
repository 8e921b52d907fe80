#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_recover
short_description: Bring back a guest whose post-copy migration broke
version_added: 0.1.0
description:
  - When the connection breaks in post-copy, a guest stands still with a part of its memory on each host. This module
    resumes the migration, and again when it breaks again, until the guest runs whole on the destination.
  - It never destroys either half. When the migration cannot be resumed, both halves are left as they are.
  - A migration that is not broken is left alone. One that libvirt calls broken while QEMU goes on by itself is waited
    for as long as it goes on.
  - Run it on the source host.
options:
  destination_uri:
    description:
      - The libvirt connection to the destination, as the source host sees it, the same that the migration was started
        with.
    type: str
    required: true
  migrate_uri:
    description:
      - The address that memory is sent to, where the migration was started with one, for example
        V(tcp://10.0.0.12).
      - V(tcp://HOST) or V(rdma://HOST), with a port or without.
    type: str
  attempts:
    description:
      - How many times to resume before giving up. The waits between are 10, 20, 40 and then 60 seconds. Attempts count
        anew when one of them got on.
    type: int
    default: 5
  incoming_port:
    description:
      - The TCP port at which the half on the destination waits, as
        M(virtops.live_migration.migration_recover_incoming) has returned it. The source is then resumed once, by the
        monitor of its QEMU and not by libvirt, which completes the migration.
      - Where libvirt 11.2 or 11.3 is on the destination there is no other way. libvirt marks the guest on the source as
        tainted, which it leaves.
    type: int
notes:
  - libvirt 11.2 and 11.3 crash on the destination when a post-copy migration is resumed, so it is refused where the
    destination has them, unless by O(incoming_port); the playbook C(virtops.live_migration.recover) does all that is
    needed. It needs libvirt 8.5.0 on both.
  - A post-copy that broke in its first moments may not come back with old versions of QEMU. The attempt then hangs, and
    both halves stay.
  - libvirt 9.0 may report a failure of an attempt that has joined the halves. QEMU then goes on by itself, which is
    seen, and waited for.
  - When the module itself is killed, the migration that it resumed goes on.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._progress
  - virtops.live_migration._history
seealso:
  - module: virtops.live_migration.migration_job_info
    description: Says whether a post-copy broke.
  - module: virtops.live_migration.migration_recover_incoming
    description: Prepares the destination where its libvirt cannot resume.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Join the halves of erp01 now that the network is well again
  virtops.live_migration.migration_recover:
    name: erp01
    destination_uri: qemu+tcp://kvm02/system

- name: Join them by QEMU itself, when its half on kvm02 waits at that port already
  virtops.live_migration.migration_recover:
    name: erp01
    destination_uri: qemu+tcp://kvm02/system
    incoming_port: 49152
"""

RETURN = r"""
name:
  description: Name of the guest.
  returned: success
  type: str
  sample: erp01
uuid:
  description: UUID of the guest.
  returned: success
  type: str
  sample: 6420e6ce-0f4d-4a27-83da-5e8587498451
phase:
  description:
    - Phase of the job now. It is V(completed) when the guest runs on the destination, and V(postcopy) when the
      migration was not broken and goes on.
    - In check mode V(completed) stands for what is hoped for.
  returned: success
  type: str
  choices: [completed, postcopy]
  sample: completed
attempts:
  description:
    - How many times the migration was resumed. V(0) when QEMU went on by itself.
  returned: success, and when the halves could not be joined
  type: int
  sample: 1
elapsed_ms:
  description: How long the whole migration took, where libvirt tells it.
  returned: success
  type: int
  sample: 27115
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: POSTCOPY_BROKEN
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: >-
    Its half here is paused (post-copy failed); each host holds a part of its memory, and both halves were left as they
    are.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Restore the network between the hosts and run this again. Destroy neither half, restart no host.
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
  sample:
    attempts: 5
    decision: POSTCOPY_BROKEN
    remaining_bytes: 87461888
"""

import typing as t
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.history import history_spec
from ..module_utils._ansible.progress import ProgressFile, progress_spec
from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.forecast.plan import adopted_plan
from ..module_utils._core.job.sample import JobSample, Phase
from ..module_utils._core.migration.unfinished import unfinished
from ..module_utils._core.policy import Policy
from ..module_utils._core.supervision.record import Record
from ..module_utils._core.supervision.supervisor import Supervisor
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import completed_job, outgoing_job
from ..module_utils._libvirt.job.end import stopped
from ..module_utils._libvirt.job.postcopy_resume import check_both_ends
from ..module_utils._libvirt.job.source_daemon_lost import looking_after
from ..module_utils._libvirt.migration.driver import Driver


def without_a_job(guest: Guest) -> Result:
    if guest.state().moved_away:
        return result(Phase.COMPLETED, Phase.COMPLETED, 0, completed_job(guest))
    raise MigrationError(
        "NO_JOB",
        f"{guest.name!r} is not being migrated from this host, so there is nothing to recover.",
        state=f"The guest is {guest.state_text()} here. Nothing was changed.",
        remedy="Look for the guest on the other hosts, and run this on the one that it was migrated from.",
    )


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    params = module.params
    job = outgoing_job(guest)
    if job is None:
        return without_a_job(guest)
    if job.phase is Phase.POSTCOPY:
        return result(job.phase, job.phase, 0)
    if job.phase is not Phase.POSTCOPY_FAILED:
        raise MigrationError(
            "NOTHING_TO_RECOVER",
            f"The migration of {guest.name!r} is in phase {job.phase.value}, not in a broken post-copy.",
            state=f"The guest is {guest.state_text()} here and its migration goes on. Nothing was changed.",
            remedy="Look at the job (migration_job_info) for what can be done.",
        )
    port = params["incoming_port"]
    check_both_ends(connection, guest, params["destination_uri"], by_monitor=port is not None)
    if module.check_mode:
        return result(job.phase, Phase.COMPLETED, 1)
    # QEMU's half there waits for one attempt; another needs its host to be prepared again.
    plan = replace(adopted_plan(True), join_attempts=params["attempts"] if port is None else 1)
    record = Record(Supervisor(Policy(), plan), name=guest.name, uuid=guest.uuid)
    on_progress = ProgressFile(params["progress_file"]).report
    with looking_after(guest.name):
        driver = Driver(
            connection,
            guest,
            record,
            params["destination_uri"],
            params["migrate_uri"],
            on_progress=on_progress,
            incoming_port=port,
        )
        end = driver.run()
    attempts = record.supervisor.postcopy.resumed
    if end.phase is Phase.COMPLETED:
        return result(job.phase, end.phase, attempts, end)
    if record.supervisor.outcome == "left":
        state = f"Its half here is {guest.state_text()}"
        facts = {"attempts": attempts, "elapsed_ms": end.elapsed_ms}
        raise unfinished(guest.name, state, record, facts, again="run this again")
    if end.phase is Phase.FAILED and not guest.state().active:
        raise stopped(guest, {"attempts": attempts}, split=True)
    raise MigrationError(
        "OUTCOME_UNKNOWN",
        f"The migration of {guest.name!r} is over, but libvirt did not report success.",
        state=f"The guest is {guest.state_text()} here.",
        remedy="Look for it on the destination before the next step.",
    )


def result(before: Phase, after: Phase, attempts: int, sample: t.Optional[JobSample] = None) -> Result:
    return {
        "changed": before is not after,
        "phase": after.value,
        "attempts": attempts,
        "elapsed_ms": sample.elapsed_ms if sample else None,
        "diff": {"before": {"phase": before.value}, "after": {"phase": after.value}},
    }


def main() -> None:
    run_on_guest(
        {
            "destination_uri": {"type": "str", "required": True},
            "migrate_uri": {"type": "str"},
            "attempts": {"type": "int", "default": 5},
            "incoming_port": {"type": "int"},
            **history_spec(),
            **progress_spec(),
        },
        work,
        events=True,
    )


if __name__ == "__main__":
    main()
