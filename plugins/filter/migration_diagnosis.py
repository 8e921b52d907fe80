# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_diagnosis
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say why a live migration does not finish
description:
  - Judges a migration from a single look at it, under limits of your own, and returns a verdict, the reason with its
    evidence, and what can be done.
  - One look gives a careful verdict. M(virtops.live_migration.migration_job_info) with O(ignore:observe_s) watches over
    several passes and gives a firm one.
positional: _input
options:
  _input:
    description:
      - A job document, that is an element of RV(virtops.live_migration.migration_job_info#module:jobs) or what
        P(virtops.live_migration.parse_domjobinfo#filter) returns.
      - Or the text of C(virsh domjobinfo).
    type: raw
    required: true
  max_downtime_ms:
    description: How long the guest may stand still at the switch-over, in milliseconds.
    type: int
    default: 1000
  postcopy:
    description:
      - Whether the guest may run split over two hosts for a while.
      - With V(never) it is not suggested as allowed.
    type: str
    choices: [never, if_needed, prefer]
    default: if_needed
  max_pause_s:
    description: How long the guest may be suspended to finish, in seconds. V(0) does not allow it.
    type: float
    default: 0
  link_mbit_per_s:
    description:
      - What the link between the hosts should carry, in Mbit/s.
      - If it is not given, a slow link is not noticed.
    type: float
seealso:
  - module: virtops.live_migration.migration_job_info
  - plugin: virtops.live_migration.parse_domjobinfo
    plugin_type: filter
  - plugin: virtops.live_migration.migration_report
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at the job of a guest
  virtops.live_migration.migration_job_info:
    name: erp01
  register: look

- name: Show what may be done to it if it must not stand still for more than 5 s
  ansible.builtin.debug:
    msg: "{{ diagnosis.remedies | selectattr('allowed') | map(attribute='command') }}"
  vars:
    diagnosis: "{{ look.jobs[0] | virtops.live_migration.migration_diagnosis(max_downtime_ms=5000, postcopy='never') }}"

- name: Fail if the migration in a text from a ticket is stuck
  ansible.builtin.assert:
    that: diagnosis.verdict != 'stuck'
    fail_msg: "{{ diagnosis.summary }}"
  vars:
    text: "{{ lookup('ansible.builtin.file', 'ticket.txt') }}"
    diagnosis: "{{ text | virtops.live_migration.migration_diagnosis(link_mbit_per_s=10000) }}"
"""

RETURN = r"""
_value:
  description: The diagnosis.
  type: dict
  contains:
    verdict:
      description:
        - How it stands. One of V(converging), V(stuck), V(stalled), V(finishing), V(broken), V(unknown), V(none).
      type: str
    reason:
      description: Why, as a stable code.
      type: str
    summary:
      description: One or two sentences for the person who has to act.
      type: str
    evidence:
      description: The figures behind it. The names end in their unit.
      type: dict
    remedies:
      description: What can be done, the mildest first.
      type: list
      elements: dict
      contains:
        action:
          description: A name for it.
          type: str
        command:
          description: The command for C(virsh), or empty.
          type: str
        module:
          description: The module of this collection that does it, or empty.
          type: str
        expected:
          description: What it will do, in numbers where they are known.
          type: str
        risk:
          description: What may go wrong.
          type: str
        allowed:
          description: Whether your limits and the job itself allow it.
          type: bool
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    context_from,
    reported_to_the_user,
    sample_from,
)


@reported_to_the_user
def migration_diagnosis(
    job: t.Any,
    max_downtime_ms: t.Any = None,
    postcopy: t.Any = None,
    max_pause_s: t.Any = None,
    link_mbit_per_s: t.Any = None,
) -> dict[str, t.Any]:
    context = context_from(max_downtime_ms, postcopy, max_pause_s, link_mbit_per_s)
    return diagnose([sample_from(job)], context).document()


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"migration_diagnosis": migration_diagnosis}
