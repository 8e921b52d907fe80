# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: parse_domjobinfo
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Turn the text of virsh domjobinfo into a job document
description:
  - Reads what C(virsh domjobinfo) printed about a migration, and returns it in the form in which
    M(virtops.live_migration.migration_job_info) returns a job, with its diagnosis.
  - The text may come from C(virsh domjobinfo) with or without C(--rawstats) and C(--completed), have one field a line
    or be folded into one line, be wrapped or quoted by a mail program, and carry prompts or time stamps. A field that
    is not known is passed over.
  - If there are several reports in the text, the last one counts.
  - Text in another language than English, or with a decimal comma, is refused, as well as one in which a field is
    missing that C(virsh) always prints. Run C(virsh) with C(LC_ALL=C).
positional: _input
options:
  _input:
    description: The text.
    type: str
    required: true
  name:
    description:
      - Name of the domain, which is not in the text.
      - It is used in the document and in the commands of the remedies.
    type: str
    default: ""
seealso:
  - module: virtops.live_migration.migration_job_info
    description: Reads the job from libvirt itself, with its limits, and can watch it for a while.
  - plugin: virtops.live_migration.migration_diagnosis
    plugin_type: filter
    description: The diagnosis under limits of your own.
"""

EXAMPLES = r"""
---
- name: Look at a job with virsh
  ansible.builtin.command:
    cmd: virsh domjobinfo erp01
  environment:
    LC_ALL: C
  register: domjobinfo
  changed_when: false

- name: Show how much is left
  ansible.builtin.debug:
    msg: "{{ (domjobinfo.stdout | virtops.live_migration.parse_domjobinfo(name='erp01')).memory.remaining_bytes }}"

- name: Show what a text from a ticket means
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'ticket.txt') | virtops.live_migration.parse_domjobinfo }}"
"""

RETURN = r"""
_value:
  description:
    - The job document. See RV(virtops.live_migration.migration_job_info#module:jobs[]) for its fields.
    - The limits in force are not in the text, and therefore V(null).
  type: dict
  sample:
    name: erp01
    uuid: ""
    phase: precopy
    operation: outgoing
    elapsed_ms: 168286974
    pass: null
    memory:
      total_bytes: 11639430091637
      processed_bytes: 28703850554720
      remaining_bytes: 36053189
      bandwidth_bytes_per_s: 30467424
      dirty_pages_per_s: 17225
      page_size_bytes: 4096
      dirty_bytes_per_s: 70553600
      normal_pages: null
    disk:
      total_bytes: 0
      processed_bytes: 0
      remaining_bytes: 0
    expected_downtime_ms: null
    limits:
      max_downtime_ms: null
      bandwidth_mib_per_s: null
      postcopy_bandwidth_mib_per_s: null
    throttle_percent: 0
    postcopy_requests: 0
    xbzrle: null
    diagnosis:
      verdict: stuck
      reason: DIRTY_RATE
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domjobinfo import (
    parse_domjobinfo as parse,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    plain,
    reported_to_the_user,
    text_of,
)


@reported_to_the_user
def parse_domjobinfo(text: t.Any, name: t.Any = "") -> dict[str, t.Any]:
    sample = parse(text_of(text)).named(str(plain(name)), "")
    return sample.document(diagnose([sample]).document())


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"parse_domjobinfo": parse_domjobinfo}
