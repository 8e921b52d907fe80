#!/usr/bin/python
# Copyright (c) 2026, The virtops maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_rescue
short_description: Take over a live migration that runs, and see it to its end
version_added: 0.1.0
description:
  - Adopts the outgoing migration of a guest, whoever started it, and supervises it until it has ended.
  - It decides at the moments when a pass over the guest's memory begins, because only then can what is left be
    compared. It does nothing while passes get it down. When they no longer do, it sets the downtime that is needed, if
    that is allowed, or switches to post-copy behind a guard, or allows the guest a longer pause.
  - What cannot be added to a running job (post-copy, auto-converge) is only used when the job was started with it.
  - When no migration runs there is nothing to do, which is no error.
  - Run it on the source host.
options:
  policy:
    description:
      - What may be done to the guest. The names are those of oVirt's migration policies.
      - V(minimal_downtime) allows 500 ms of downtime and no post-copy.
      - V(suspend_workload) allows a pause of 5 s as well, when nothing shorter finishes.
      - V(post_copy) switches to post-copy whenever that is faster.
      - V(very_large) allows 1500 ms of downtime and a pause of 5 s.
    type: str
    choices: [minimal_downtime, suspend_workload, post_copy, very_large]
    default: minimal_downtime
  policy_overrides:
    description: Fields of the policy that are to be different.
    type: dict
    default: {}
    suboptions:
      max_downtime_ms:
        description: How long the guest may stand still at the switch-over, in milliseconds.
        type: int
      postcopy:
        description: Whether the guest may run split over two hosts.
        type: str
        choices: [never, if_needed, prefer]
      max_postcopy_s:
        description: How long it may depend on both hosts, in seconds.
        type: float
      max_pause_s:
        description: How long it may stand still to finish when nothing shorter does, in seconds. V(0) is not at all.
        type: float
      max_throttle_percent:
        description: How much of its processor time auto-converge may take.
        type: int
      deadline_s:
        description:
          - How long its memory may take from now on, in seconds. By default six times what it takes once, and at
            least a minute.
        type: float
      max_data_factor:
        description: How many times its memory may be sent from now on.
        type: float
      patience_s:
        description: How long a finish that is possible may be put off for a shorter downtime, in seconds.
        type: float
      on_hopeless:
        description:
          - What to do when the deadline or the data limit is reached.
          - With V(leave) the migration goes on as it is, with V(abort) it is aborted, and with V(pause) the guest is
            suspended for as long as O(policy_overrides.max_pause_s) allows, and the migration aborted after that.
        type: str
        choices: [abort, leave, pause]
      mode:
        description:
          - With V(observe) everything is decided and recorded, and nothing is touched. Watching ends when the migration
            does, or at the deadline or the data limit.
        type: str
        choices: [act, observe]
  bandwidth_mib_per_s:
    description:
      - What a bandwidth limit may be raised to when it is what holds the migration back, in MiB/s. V(0) is no limit.
      - By default the limit is left alone.
    type: int
  destination_uri:
    description:
      - The libvirt connection to the destination, as the source host sees it. A post-copy that breaks is resumed only
        when this is given.
    type: str
  migrate_uri:
    description:
      - The address that memory is sent to, where the migration was started with one. Used when a post-copy is resumed.
    type: str
notes:
  - The policy's own word for a hopeless migration is V(abort). Since somebody else started this one, it is V(leave)
    here unless O(policy_overrides.on_hopeless) says otherwise.
  - When the module is killed, the migration goes on. The next run adopts it again.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_job_info
    description: Only looks.
  - module: virtops.live_migration.migration_recover
    description: For a post-copy that is broken already.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: See the migration of erp01 to its end
  virtops.live_migration.migration_rescue:
    name: erp01
    policy_overrides:
      max_downtime_ms: 2000
      postcopy: if_needed

- name: What would be done?
  virtops.live_migration.migration_rescue:
    name: erp01
    policy_overrides:
      mode: observe
      deadline_s: 60
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
outcome:
  description:
    - What came of it. V(completed), V(observed) for a job that was only watched and goes on, or V(none) when no
      migration ran or none is left, the guest having gone from this host without a word.
  returned: success
  type: str
  choices: [completed, observed, none]
  sample: completed
actions:
  description: What was done, in order. In check mode what would be done now.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: What it was.
      type: str
    reason:
      description: Why, as a stable code.
      type: str
    because:
      description: Why, in words.
      type: str
    value:
      description: The value set, if any.
      type: float
    numbers:
      description: The figures it rests on.
      type: dict
    apply:
      description: Whether it was to be done.
      type: bool
  sample:
    - action: start_postcopy
      apply: true
      because: passes do not get it down to what the contract allows
      numbers:
        bandwidth_bytes_per_s: 47251114
        remaining_bytes: 269742080
      reason: POSTCOPY_NEEDED
      value: null
downtime_ms:
  description: How long the guest stood still, where libvirt tells it.
  returned: success
  type: int
  sample: 29
elapsed_ms:
  description: How long the whole migration took, where libvirt tells it.
  returned: success
  type: int
  sample: 32364
record:
  description:
    - The account of it, with every look, boundary and decision. The same looks give the same decisions again.
  returned: when a migration ran
  type: dict
  contains:
    outcome:
      description: Phase in which it ended, V(left), or V(none) for a job that was only watched.
      type: str
      sample: completed
    sent_bytes:
      description: Memory sent in all.
      type: int
      sample: 1452910622
    boundaries:
      description: Pass, bytes left and time of each boundary that was seen.
      type: list
      elements: list
      sample: [[3, 269702302, 7503.48], [4, 266575872, 7507.87], [5, 284344144, 7513.52]]
    decisions:
      description: What was decided, with the time, the pass and the figures. It includes what was not to be done.
      type: list
      elements: dict
    contract:
      description: What was allowed.
      type: dict
    plan:
      description: How the job was started, as far as that is known, and what was expected of it.
      type: dict
    columns:
      description: Names of the fields of a look.
      type: list
      elements: str
    looks:
      description: Every look, or a part of them when RV(record.thinned).
      type: list
      elements: list
    thinned:
      description: Whether looks were left out.
      type: bool
      sample: false
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: LEFT
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: The guest is running (booted) on the source and its migration goes on.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Allow more in policy_overrides (max_downtime_ms, postcopy, max_pause_s), or abort it.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

import typing as t
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run_on_domain
from ..module_utils._core.actions import Action
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.job import JobSample
from ..module_utils._core.plan import Plan, adopted_plan
from ..module_utils._core.policy import DEFAULT_PRESET, HOPELESS_CHOICES, MODES, POSTCOPY_CHOICES, PRESETS, preset
from ..module_utils._core.record import Record
from ..module_utils._core.supervisor import Supervisor
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.domain import Guest
from ..module_utils._libvirt.driver import Driver
from ..module_utils._libvirt.job import outgoing_job
from ..module_utils._libvirt.limits import limits_of
from ..module_utils._libvirt.postcopy import host_devices
from ..module_utils._libvirt.status_file import start_flags

OVERRIDES: dict[str, t.Any] = {
    "max_downtime_ms": {"type": "int"},
    "postcopy": {"type": "str", "choices": list(POSTCOPY_CHOICES)},
    "max_postcopy_s": {"type": "float"},
    "max_pause_s": {"type": "float"},
    "max_throttle_percent": {"type": "int"},
    "deadline_s": {"type": "float"},
    "max_data_factor": {"type": "float"},
    "patience_s": {"type": "float"},
    "on_hopeless": {"type": "str", "choices": list(HOPELESS_CHOICES)},
    "mode": {"type": "str", "choices": list(MODES)},
}


def plan_for(connection: Connection, guest: Guest, bandwidth_mib_per_s: t.Optional[int]) -> Plan:
    flags = start_flags(guest.name, guest.uuid) if connection.local else None
    postcopy, auto_converge = (flags.postcopy, flags.auto_converge) if flags else (None, None)
    plan = adopted_plan(postcopy, auto_converge, host_devices=host_devices(guest))
    return replace(plan, bandwidth_mib_per_s=bandwidth_mib_per_s)


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    params = module.params
    overrides = {key: value for key, value in params["policy_overrides"].items() if value is not None}
    contract = preset(params["policy"], {"on_hopeless": "leave", **overrides})
    job = outgoing_job(guest)
    if job is None:
        return {"changed": False, "outcome": "none", "actions": [], "downtime_ms": None, "elapsed_ms": None}
    plan = plan_for(connection, guest, params["bandwidth_mib_per_s"])
    record = Record(Supervisor(contract, plan), name=guest.name, uuid=guest.uuid)
    if module.check_mode:
        actions = [one for one in record.observe(replace(job, limits=limits_of(guest))) if one.apply]
        return {"changed": bool(actions), "outcome": "none", **told(actions, job, record)}
    driver = Driver(connection, guest, record, params["destination_uri"], params["migrate_uri"])
    last = driver.run()
    facts = {"changed": bool(driver.applied), **told(driver.applied, last, record)}
    outcome = record.supervisor.outcome or "observed"
    if outcome in ("completed", "none", "observed"):
        return {"outcome": outcome, **facts}
    raise unfinished(guest, record, facts)


def told(actions: t.Sequence[Action], last: JobSample, record: Record) -> Result:
    return {
        "actions": [action.document() for action in actions],
        "downtime_ms": last.downtime_ms,
        "elapsed_ms": last.elapsed_ms or None,
        "record": record.document(),
    }


def unfinished(guest: Guest, record: Record, facts: Result) -> MigrationError:
    """The error of a job that was left, or ended on the source."""
    decisions = [one for one in record.document()["decisions"] if one["action"] in ("abort", "leave", "suspend")]
    why = f" {decisions[-1]['because'].rstrip('.')}." if decisions else ""
    more = "Allow more in policy_overrides (max_downtime_ms, postcopy, max_pause_s), or abort it."
    if record.supervisor.outcome == "left":
        return MigrationError(
            "LEFT",
            f"The migration of {guest.name!r} did not finish within what its policy allows.{why}",
            state=f"The guest is {guest.told()} on the source and its migration goes on.",
            remedy=more,
            facts=facts,
        )
    return MigrationError(
        "GIVEN_UP" if decisions else "MIGRATION_FAILED",
        f"The migration of {guest.name!r} ended without success.{why}",
        state=f"The guest is {guest.told()} on the source.",
        remedy="Allow more in policy_overrides, and start it again with what it needs (--postcopy)."
        if decisions
        else "The error is told to whoever started it, and stands in the daemons' logs of both hosts.",
        facts=facts,
    )


def main() -> None:
    run_on_domain(
        {
            "policy": {"type": "str", "choices": list(PRESETS), "default": DEFAULT_PRESET},
            "policy_overrides": {"type": "dict", "default": {}, "options": OVERRIDES},
            "bandwidth_mib_per_s": {"type": "int"},
            "destination_uri": {"type": "str"},
            "migrate_uri": {"type": "str"},
        },
        work,
        events=True,
    )


if __name__ == "__main__":
    main()
