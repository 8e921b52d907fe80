#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_suspend
short_description: Let a live migration finish with the guest stopped, for a bounded time
version_added: 0.1.0
description:
  - Stops the guest while its migration runs, so that it rewrites no more memory and the rest can be sent. The guest
    goes on by itself on the destination when the migration completes.
  - A plain C(virsh suspend) has no end, and C(virsh resume) is refused until the migration ends. This module waits for
    the end and acts when it does not come within O(max_pause_s).
  - A guest that a migration has stopped already is adopted, and the time counts from now. A guest in post-copy is left
    as it is, because it runs on the destination.
notes:
  - When the module itself is killed while the guest stands still, the migration goes on and ends the pause in its own
    time. Run the module again to bound it.
options:
  max_pause_s:
    description:
      - The longest time, in seconds, that the guest may stand still. More than the guest admits in its metadata is
        refused while it runs, see O(heed_metadata).
      - RV(virtops.live_migration.migration_job_info#module:jobs[].diagnosis.evidence) has an estimate of what is
        needed, as C(longest_pause_ms).
    type: float
    required: true
  on_expiry:
    description:
      - What to do when the migration has not completed in that time.
      - With V(abort) the migration is aborted, the guest resumes on the source, and the module fails.
      - With V(leave) the guest stays stopped and the migration goes on. It resumes when the migration ends, on the
        destination, or on the source if the migration fails.
    type: str
    choices: [abort, leave]
    default: abort
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._guest_limits
seealso:
  - module: virtops.live_migration.migration_job_info
  - module: virtops.live_migration.migration_abort
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Finish the migration of erp01, for which it may stand still for ten seconds
  virtops.live_migration.migration_suspend:
    name: erp01
    max_pause_s: 10
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
    - Phase of the job now. It is V(switchover) when the guest was left stopped, and V(postcopy) when there was
      nothing to do.
    - In check mode V(completed) stands for what is hoped for.
  returned: success
  type: str
  choices: [completed, switchover, postcopy, postcopy_failed]
  sample: completed
downtime_ms:
  description: How long the guest stood still, by libvirt's own measurement.
  returned: success
  type: int
  sample: 6656
elapsed_ms:
  description: How long the whole migration took.
  returned: success
  type: int
  sample: 405415
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

import math

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import guest_limits_spec
from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.job.sample import Phase
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.events import Events
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import require_job
from ..module_utils._libvirt.job.suspend import suspend_until_done
from ..module_utils._libvirt.job.wait import Outcome
from ..module_utils._libvirt.metadata import heed_own_limit


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    max_pause_s = module.params["max_pause_s"]
    if not 0 < max_pause_s < math.inf:  # "nan" and "inf" are numbers to Ansible, and would have no end
        raise MigrationError(
            "OUT_OF_RANGE",
            f"max_pause_s is {max_pause_s:g}, but must be more than 0.",
            state="Nothing was changed.",
            remedy="Say how many seconds the guest may stand still.",
        )
    before = guest.state_text()
    job = require_job(guest)
    split = job.phase.in_postcopy
    # One that stands still already is better off with any end than with none.
    if module.params["heed_metadata"] and not split and not guest.state().paused_for_migration:
        for note in heed_own_limit(guest, "max_pause_s", max_pause_s):
            module.warn(note)
    if split:
        outcome = Outcome(False, job.phase)
    elif module.check_mode:
        outcome = Outcome(True, Phase.COMPLETED)
    else:
        with Events(connection) as events:
            outcome = suspend_until_done(guest, events, max_pause_s, module.params["on_expiry"])
    after = before if not outcome.changed or module.check_mode else guest.state_text()
    return {**outcome.document(), "diff": {"before": {"state": before}, "after": {"state": after}}}


def main() -> None:
    run_on_guest(
        {
            "max_pause_s": {"type": "float", "required": True},
            **guest_limits_spec(),
            "on_expiry": {"type": "str", "choices": ["abort", "leave"], "default": "abort"},
        },
        work,
        events=True,
    )


if __name__ == "__main__":
    main()
