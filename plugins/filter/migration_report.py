# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_report
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Tell a person how migrations stand
description:
  - Turns job documents into lines of text for the output of a play or for a mail. For each guest it tells how far its
    migration is, why it does not finish, and what can be done, with commands, effects and risks.
  - No line is longer than 110 columns, except for commands, which stay whole so that they can be copied.
positional: _input
options:
  _input:
    description:
      - Job documents, as M(virtops.live_migration.migration_job_info) returns them.
      - A single one can be given without a list.
    type: list
    elements: dict
    required: true
seealso:
  - module: virtops.live_migration.migration_job_info
  - plugin: virtops.live_migration.parse_domjobinfo
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Watch the jobs of a host
  virtops.live_migration.migration_job_info:
    observe_s: 20
  register: look

- name: Tell how they stand
  ansible.builtin.debug:
    msg: "{{ look.jobs | virtops.live_migration.migration_report }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - "erp01: stuck, DIRTY_RATE"
    - "  erp01 rewrites its memory as fast as the link carries it, so it never finishes on its own: 67.3 MiB/s of"
    - "  memory is rewritten while 29.1 MiB/s is sent, and it would have to stand still for about 1.2 s to finish. It"
    - "  has sent its memory 2.47 times over."
    - ""
    - "  Migration  outgoing, precopy, for 46 h 44 min"
    - "  Memory     34.4 MiB left of 10.6 TiB, 26.1 TiB sent (2.47 times over)"
    - "  Rates      29.1 MiB/s sent, 67.3 MiB/s rewritten (17225 pages/s)"
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.report import report_lines
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def migration_report(jobs: t.Any) -> list[str]:
    documents = plain(jobs)
    return report_lines(documents if isinstance(documents, list) else [documents])


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"migration_report": migration_report}
