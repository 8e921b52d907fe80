#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_abort
short_description: Cancel a live migration and verify that the guest runs on the source
version_added: 0.1.0
description:
  - Cancels the outgoing migration of a guest in pre-copy, and waits until its job has ended and the guest is on the
    source as it was before. It is the module for C(virsh domjobabort).
  - When no migration runs there is nothing to do, which is no error.
  - A guest that was made smaller for its migration (O(virtops.live_migration.migration#module:policy_overrides.shrink))
    gets back what it had.
  - A migration in post-copy cannot be cancelled, because the guest runs on the destination already. With O(postcopy)
    it can be paused.
options:
  postcopy:
    description:
      - Pause a migration that is in post-copy instead of cancelling one in pre-copy. It is never cancelled.
      - The guest stops as soon as it needs a page that has not arrived. Both halves are kept, and the migration must be
        recovered with M(virtops.live_migration.migration_recover).
      - Needs libvirt 8.5.0.
    type: bool
    default: false
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_job_info
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Give up the migration of erp01
  virtops.live_migration.migration_abort:
    name: erp01

- name: Pause a post-copy before work on the network
  virtops.live_migration.migration_abort:
    name: erp01
    postcopy: true
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
  sample: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
phase:
  description:
    - What became of the job. It is V(none) when there was none, V(cancelled) when it was aborted, and
      V(postcopy_failed) when a post-copy was paused.
    - In check mode it is what would become of it.
  returned: success
  type: str
  choices: [none, cancelled, postcopy_failed]
  sample: cancelled
guest_state:
  description: State of the guest on this host, with its reason.
  returned: success
  type: str
  sample: running (booted)
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: GUEST_NOT_FOUND
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: >-
    Check the name or UUID with 'virsh list --all' on this host; the guest may already run on another host.
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
  sample:
    libvirt_code: 42
    libvirt_domain: 10
    libvirt_message: "Domain not found: no domain with matching name 'erp01'"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.job.sample import JobSample, Phase
from ..module_utils._libvirt.balloon.giving import give_back_here
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.events import Events
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.abort import abort
from ..module_utils._libvirt.job.current import outgoing_job
from ..module_utils._libvirt.job.postcopy_calls import pause_postcopy, require_pausing


def check_wanted_is_possible(guest: Guest, job: JobSample, postcopy: bool) -> None:
    if job.phase is Phase.POSTCOPY_FAILED and not postcopy:
        raise MigrationError(
            "POSTCOPY_BROKEN",
            f"The post-copy migration of {guest.name!r} is broken and cannot be cancelled:"
            " a part of the guest's memory is on each host.",
            state=f"The guest is {guest.state_text()} here. Nothing was changed.",
            remedy="Restore the network, then recover it (migration_recover). Destroy neither half.",
        )
    if job.phase.in_postcopy and not postcopy:
        raise MigrationError(
            "POSTCOPY_RUNNING",
            f"The migration of {guest.name!r} is in post-copy and cannot be cancelled:"
            " a part of the guest's memory is on each host.",
            state=f"The guest is {guest.state_text()} here. Nothing was changed.",
            remedy="Let it finish. To stop it for a while set postcopy: true; then it must be recovered.",
        )
    if not job.phase.in_postcopy and postcopy:
        raise MigrationError(
            "NOT_IN_POSTCOPY",
            f"The migration of {guest.name!r} is not in post-copy, so there is no post-copy to pause.",
            state=f"The guest is {guest.state_text()} here and its migration goes on. Nothing was changed.",
            remedy="Leave postcopy out to cancel it.",
        )


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    postcopy = module.params["postcopy"]
    job = outgoing_job(guest)
    if job is None:
        return result(guest, Phase.NONE, Phase.NONE)
    check_wanted_is_possible(guest, job, postcopy)
    if job.phase is Phase.POSTCOPY_FAILED:
        return result(guest, job.phase, job.phase)
    if postcopy:
        require_pausing(connection)
    wanted = Phase.POSTCOPY_FAILED if postcopy else Phase.CANCELLED
    if module.check_mode:
        return result(guest, job.phase, wanted)
    with Events(connection) as events:
        outcome = pause_postcopy(guest, events) if postcopy else abort(guest, events)
    if outcome.phase is Phase.COMPLETED:
        raise MigrationError(
            "ALREADY_COMPLETED",
            f"The migration of {guest.name!r} completed before it could be stopped.",
            state="The guest runs on the destination.",
            remedy="Migrate it back if it should be here.",
        )
    if not postcopy:
        small = give_back_here(guest)
        if small:
            module.warn(small)
    return result(guest, job.phase, wanted)


def result(guest: Guest, before: Phase, after: Phase) -> Result:
    return {
        "changed": before is not after,
        "phase": after.value,
        "guest_state": guest.state_text(),
        "diff": {"before": {"phase": before.value}, "after": {"phase": after.value}},
    }


def main() -> None:
    run_on_guest({"postcopy": {"type": "bool", "default": False}}, work, events=True)


if __name__ == "__main__":
    main()
