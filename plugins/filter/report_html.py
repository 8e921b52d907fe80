# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_html
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: A report of migrations, evacuations and readiness as one HTML file
description:
  - Draws the timeline of each migration from its record, what each guest of an evacuation did when, and which guests
    of a fleet could go where.
  - The file needs nothing else, and fetches nothing. Its tables can be sorted and filtered where scripts may run. The
    documents that it was made from are in it, as JSON.
  - Texts from hosts and guests stay texts, and nothing in the result looks like a template to Ansible.
positional: _input
options:
  _input:
    description:
      - A dictionary with one or more of C(migrations), C(evacuations) and C(readiness), each a list.
      - C(migrations) are results of M(virtops.live_migration.migration), M(virtops.live_migration.migration_rescue) or
        M(virtops.live_migration.migration_recover), or the C(record) in them. One without a record is passed over.
      - C(evacuations) are results of M(virtops.live_migration.evacuation), or the C(record) in them.
      - C(readiness) are the C(readiness_result) of hosts, as P(virtops.live_migration.readiness#role) leaves it.
      - C(title) is a heading of your own.
    type: dict
    required: true
seealso:
  - plugin: virtops.live_migration.report_summary
    plugin_type: filter
  - plugin: virtops.live_migration.report
    plugin_type: role
"""

EXAMPLES = r"""
---
- name: Move erp01
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
  register: moved

- name: Draw it
  ansible.builtin.copy:
    content: "{{ {'migrations': [moved]} | virtops.live_migration.report_html }}"
    dest: /srv/reports/erp01.html
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The HTML.
  type: str
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.page import page
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def report_html(documents: t.Any) -> str:
    return page(report_of(plain(documents)))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"report_html": report_html}
