#!/usr/bin/python
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
    Instead of auto-converge a guest may be slowed down by the quotas of its virtual processors, within
    O(policy_overrides.max_throttle_percent).
  - What is said of this very guest counts, in O(guest_options) and in its own metadata, and the most careful word
    holds. One that must not go by post-copy is not switched, whoever started its migration and with which flags. A
    post-copy that is broken is joined all the same, since the guest cannot go back.
  - When no migration runs there is nothing to do, which is no error.
  - Run it on the source host.
options:
  bandwidth_mib_per_s:
    description:
      - What a bandwidth limit may be raised to when it is what holds the migration back, in MiB/s. V(0) is no limit.
      - By default the limit is left alone.
    type: int
  destination_uri:
    description:
      - The libvirt connection to the destination, as the source host sees it. A post-copy that breaks is resumed only
        when this is given.
      - Without it the way between the daemons of the two hosts is not watched either, so that a guest may change hosts
        while they do not reach each other. The module warns of both. libvirt does not keep the URI that a migration was
        started with; the playbook C(virtops.live_migration.rescue) finds the host on which the guest is arriving.
    type: str
  exclusive:
    description:
      - Leave the migration alone when another process of this host looks after it already, a run of this module, of
        M(virtops.live_migration.migration) or of M(virtops.live_migration.evacuation). That is no error, and
        RV(outcome) is V(supervised).
      - For what is started by events, of which two may come at once. It is known only where the module runs on the
        source host and O(uri) leads to the daemon there.
    type: bool
    default: false
  migrate_uri:
    description:
      - The address that memory is sent to, where the migration was started with one. Used when a post-copy is resumed.
      - V(tcp://HOST) or V(rdma://HOST), with a port or without.
    type: str
notes:
  - The policy's own word for a hopeless migration is V(abort). Since somebody else started this one, it is V(leave)
    here unless O(policy_overrides.on_hopeless) says otherwise.
  - When the module is killed, the migration goes on. The next run adopts it again.
  - While a guest is slowed down by the quotas of its virtual processors, a program of this collection runs beside the
    module (C(put_back_vcpu_quota.py) below C(/run/virtops-live-migration)). It puts the quotas back when the module is
    gone, or has given no sign of life for a minute, and ends. Where both were killed the next run puts them back.
  - A guest that was made smaller for its migration, and is still here when that has ended, gets back what it had. Where
    it has arrived, the next run of M(virtops.live_migration.migration) gives it back.
  - In check mode it watches until it knows what it would do first, for at most half a minute.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._policy
  - virtops.live_migration._guest_limits
  - virtops.live_migration._guest_limits.guest_options
  - virtops.live_migration._metrics
  - virtops.live_migration._progress
  - virtops.live_migration._history
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
    - What came of it. V(completed), V(observed) for a job that was only watched and goes on, V(supervised) for one
      that was left to somebody else (O(exclusive)), or V(none) when no migration ran or none is left, the guest having
      gone from this host without a word.
  returned: success
  type: str
  choices: [completed, observed, supervised, none]
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
      because: passes do not get it down to what the policy allows
      numbers:
        bandwidth_bytes_per_s: 47251114
        remaining_bytes: 269742080
      reason: POSTCOPY_NEEDED
      value: null
destination_answered:
  description:
    - Whether the destination's daemon has answered, so that the way to it was watched. Null when it was not asked, as
      O(destination_uri) is not given or libvirt is on another machine than the module.
  returned: when a migration ran
  type: bool
  sample: true
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
    vcpu_throttle:
      description: What was taken from its virtual processors by their quotas.
      returned: when it was slowed down so
      type: dict
      contains:
        most_percent:
          description: The most that was taken, of the time that they may have otherwise.
          type: int
          sample: 60
        held_back_s:
          description:
            - For how long each of them was kept from running, on average, by the kernel's own count.
            - Null where they had a limit before, which is in that count as well.
          type: float
          sample: 5.31
        problems:
          description: Why it ended before the migration did, and what could not be put back. Each is a warning, too.
          type: list
          elements: str
          sample: []
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
      description: The policy that held for this guest.
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

from ..module_utils._ansible.argspec import (
    destination_spec,
    guest_limits_spec,
    guest_options_spec,
    metrics_spec,
    policy_spec,
)
from ..module_utils._ansible.history import history_spec
from ..module_utils._ansible.progress import ProgressFile, progress_spec
from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._ansible.transfer import policies_of
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.guest_policy import GuestPolicies
from ..module_utils._core.job.sample import JobSample, Phase
from ..module_utils._core.migration.unfinished import unfinished
from ..module_utils._core.policy import Policy
from ..module_utils._core.supervision.actions import Action
from ..module_utils._core.supervision.record import Record, supervision_facts
from ..module_utils._core.supervision.supervisor import Supervisor
from ..module_utils._core.text import printable
from ..module_utils._host.metrics_directory import metrics_directory
from ..module_utils._host.vcpu.throttle import mend
from ..module_utils._libvirt.balloon.giving import give_back_here
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import outgoing_job
from ..module_utils._libvirt.job.end import stopped
from ..module_utils._libvirt.job.source_daemon_lost import looking_after
from ..module_utils._libvirt.metadata import own_limits
from ..module_utils._libvirt.migration.driver import Driver
from ..module_utils._libvirt.migration.supervise import plan_of_running

TAKEN = "ALREADY_SUPERVISED"
FORESEE_S = 30.0  # for two boundaries of most guests


_NOT_WATCHED = (
    "the way between the daemons of the two hosts is not watched, and a post-copy that breaks is not resumed. Give it"
    " as destination_uri, as this host sees it."
)


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    params = module.params
    policies = policies_of(params, on_hopeless="leave")
    metrics = metrics_directory(params["metrics_directory"])
    nothing: Result = {"actions": [], "downtime_ms": None, "elapsed_ms": None}
    nothing.update(changed=False, diff=diff_of(Phase.NONE, Phase.NONE, []))
    job = outgoing_job(guest)
    if job is None:
        slowed = connection.local and not module.check_mode and mend(guest.uuid)
        if slowed:
            module.warn(f"{printable(guest.name)}: {slowed}.")
        return {"outcome": "none", **nothing}
    if params["destination_uri"] is None:
        module.warn(f"The destination of {printable(guest.name)} is not known: {_NOT_WATCHED}")
    policy = policy_for(module, guest, job, policies)
    plan = plan_of_running(connection, guest, params["bandwidth_mib_per_s"])
    record = Record(Supervisor(policy, plan), name=guest.name, uuid=guest.uuid)
    on_progress = ProgressFile(params["progress_file"]).report
    ends = (params["destination_uri"], params["migrate_uri"])
    metrics = None if module.check_mode else metrics
    options = {"on_progress": on_progress, "exclusive": params["exclusive"], "metrics": metrics}
    driver = Driver(connection, guest, record, *ends, **options)
    around = {"passing": (TAKEN,), "source": (connection, guest.uuid)}
    try:
        with looking_after(guest.name, lambda: supervision_facts(driver.applied, driver.last, record), **around):
            try:
                last = driver.run(foresee_s=FORESEE_S if module.check_mode else None)
            finally:
                for note in driver.notes:
                    module.warn(note)
    except MigrationError as exc:
        if exc.reason != TAKEN:
            raise
        return {"outcome": "supervised", **nothing, "diff": diff_of(job.phase, job.phase, [])}
    if driver.destination_answered is False:
        module.warn(f"The destination of {printable(guest.name)} has never answered: {_NOT_WATCHED}")
    actions = driver.proposed if module.check_mode else driver.applied
    facts = {"changed": bool(actions), **supervision_facts(actions, last, record)}
    facts["destination_answered"] = driver.destination_answered
    facts["diff"] = diff_of(job.phase, job.phase if module.check_mode else last.phase, actions)
    return ended(guest, record, facts, module.warn)


def policy_for(module: AnsibleModule, guest: Guest, job: JobSample, policies: GuestPolicies) -> Policy:
    """Of this guest, with what its metadata say; in check mode one that only observes."""
    own: Result = {}
    # In post-copy the guest cannot go back, whatever it says of itself.
    if policies.heed_metadata and not job.phase.in_postcopy:
        own, notes = own_limits(guest)
        for note in notes:
            module.warn(note)
    policy = policies.of(guest.name, guest.uuid, own)
    return replace(policy, mode="observe") if module.check_mode else policy


def ended(guest: Guest, record: Record, facts: Result, warn: t.Callable[[str], None]) -> Result:
    """The return values of a job that is where it should be, or goes on as foreseen; raises what else became of it."""
    outcome = record.supervisor.outcome or "observed"
    if outcome in ("completed", "none", "observed"):
        return {"outcome": outcome, **facts}
    if outcome == "failed" and not guest.state().active:
        raise stopped(guest, facts, split=record.supervisor.was_split)
    if outcome in ("failed", "cancelled"):
        small = give_back_here(guest)
        if small:
            warn(small)
    state = f"The guest is {guest.state_text()} on the source"
    raise unfinished(guest.name, state, record, facts, again="start it again with what it needs (--postcopy)")


def diff_of(before: Phase, after: Phase, actions: t.Sequence[Action]) -> Result:
    """What this run has done; what a migration comes to by itself is no change of ours."""
    done = [action.kind.value for action in actions]
    return {
        "before": {"phase": before.value, "actions": []},
        "after": {"phase": after.value if done else before.value, "actions": done},
    }


def main() -> None:
    run_on_guest(
        {
            **policy_spec(),
            **destination_spec(),
            "bandwidth_mib_per_s": {"type": "int"},
            "exclusive": {"type": "bool", "default": False},
            **guest_limits_spec(),
            "guest_options": guest_options_spec(),
            **metrics_spec(),
            **history_spec(),
            **progress_spec(),
        },
        work,
        events=True,
    )


if __name__ == "__main__":
    main()
