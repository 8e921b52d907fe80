#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_postcopy
short_description: Switch a running live migration to post-copy
version_added: 0.1.0
description:
  - Makes the guest run on the destination at once and fetch the rest of its memory from the source. A migration that
    was stuck always ends that way. It is the module for C(virsh migrate-postcopy).
  - Until the last page has arrived, the guest lives on both hosts. If the network or one of the hosts fails in that
    time, the guest stops and may be lost. The switch cannot be undone.
  - That is why the job is watched for three seconds first, and the switch is refused while the network stands still or
    is not steady, while the first pass is not over, when the rest would take longer than O(max_postcopy_s), for a guest
    with host devices, an NVDIMM, directories shared by virtiofs or memory in shared files, and for one that stands
    still already. See O(guard).
  - A guest that says in its metadata that it must not go by post-copy is not switched. See O(heed_metadata).
  - A job that is in post-copy already, or has completed while this module watched it, is left as it is.
notes:
  - Post-copy must be enabled when the migration is started (C(virsh migrate --postcopy)). It cannot be added later.
  - The guard cannot know how critical a guest is. Do not use post-copy for a guest that must not be lost whatever
    happens to the network.
options:
  guard:
    description:
      - Whether to watch the job first and to refuse when something speaks against the switch.
      - With V(false) only what libvirt itself refuses is refused.
    type: bool
    default: true
  max_postcopy_s:
    description:
      - The longest time, in seconds, that the guest may depend on both hosts, as estimated by the guard. A shorter time
        that the guest says in its metadata holds.
    type: float
    default: 120
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
    description: Can pause a post-copy that runs.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Free the stuck migration of erp01
  virtops.live_migration.migration_postcopy:
    name: erp01

- name: Switch without looking, because the first pass may take longer than there is time
  virtops.live_migration.migration_postcopy:
    name: erp01
    guard: false
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
    - Phase of the job now. It is V(completed) when the migration ended while this module looked.
    - In check mode V(postcopy) stands for the switch that would be made.
  returned: success
  type: str
  choices: [postcopy, postcopy_failed, completed]
  sample: postcopy
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
  description:
    - The facts behind a failure, for example the code and the text of the error of libvirt.
    - With reason C(GUARD_REFUSED) it has C(objections), a list of what speaks against the switch, each with a stable
      C(id), for example C(FIRST_PASS), and a C(message).
  returned: failure
  type: dict
  sample:
    libvirt_code: 42
    libvirt_domain: 10
    libvirt_message: "Domain not found: no domain with matching name 'erp01'"
"""

import math
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import guest_limits_spec
from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.guest_policy import require_within
from ..module_utils._core.job.sample import Phase
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.events import Events
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import require_job
from ..module_utils._libvirt.job.postcopy_calls import (
    outcome_of_ended,
    postcopy_objections,
    refuse_postcopy_that_cannot_be,
    start_postcopy,
)
from ..module_utils._libvirt.metadata import own_limits


def refuse(guest: Guest, objections: t.Sequence[t.Any]) -> MigrationError:
    return MigrationError(
        "GUARD_REFUSED",
        f"{guest.name!r} was not switched to post-copy: " + "; ".join(one.message for one in objections) + ".",
        state="The guest runs on the source and its migration goes on. Nothing was changed.",
        remedy="Wait until that has changed, choose another remedy, or set guard: false if you accept the risk.",
        evidence={"objections": [{"id": one.id, "message": one.message} for one in objections]},
    )


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    max_postcopy_s = module.params["max_postcopy_s"]
    if not 0 < max_postcopy_s < math.inf:  # "nan" and "inf" are numbers to Ansible
        raise MigrationError(
            "OUT_OF_RANGE",
            f"max_postcopy_s is {max_postcopy_s:g}, but must be more than 0.",
            state="Nothing was changed.",
            remedy="Say how many seconds the guest may depend on both hosts, or set guard: false.",
        )
    before = require_job(guest).phase
    if before.in_postcopy:
        return result(before, before, changed=False)
    refuse_postcopy_that_cannot_be(connection, guest)
    own, notes = own_limits(guest) if module.params["heed_metadata"] else ({}, [])
    require_within(guest.name, own, "postcopy", "if_needed")
    for note in notes:
        module.warn(note)
    max_postcopy_s = min(max_postcopy_s, own.get("max_postcopy_s", max_postcopy_s))
    if module.params["guard"]:
        objections, last = postcopy_objections(connection, guest, max_postcopy_s)
        if last is None or not last.phase.running:
            return result(before, outcome_of_ended(connection, guest, last).phase, changed=False)
        if last.phase not in (Phase.PRECOPY, Phase.SETUP, Phase.SWITCHOVER):
            return result(before, last.phase, changed=False)
        if objections:
            raise refuse(guest, objections)
    if module.check_mode:
        return result(before, Phase.POSTCOPY, changed=True)
    with Events(connection) as events:
        outcome = start_postcopy(guest, events)
    return result(before, outcome.phase, changed=True)


def result(before: Phase, after: Phase, *, changed: bool) -> Result:
    return {
        "changed": changed,
        "phase": after.value,
        "diff": {"before": {"phase": before.value}, "after": {"phase": after.value}},
    }


def main() -> None:
    run_on_guest(
        {
            "guard": {"type": "bool", "default": True},
            "max_postcopy_s": {"type": "float", "default": 120},
            **guest_limits_spec(),
        },
        work,
        events=True,
    )


if __name__ == "__main__":
    main()
