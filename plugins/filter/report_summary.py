# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_summary
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: A report of migrations, evacuations and readiness in a few lines
description:
  - The lines that stand at the head of what P(virtops.live_migration.report_html#filter) makes, and a name for its
    file. At most a dozen lines, each without line breaks or escape sequences.
positional: _input
options:
  _input:
    description: As that of P(virtops.live_migration.report_html#filter).
    type: dict
    required: true
seealso:
  - plugin: virtops.live_migration.report_html
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Tell how it went
  ansible.builtin.debug:
    msg: "{{ ({'evacuations': [emptied]} | virtops.live_migration.report_summary).lines }}"
"""

RETURN = r"""
_value:
  description: The summary.
  type: dict
  contains:
    lines:
      description: What happened.
      type: list
      elements: str
      sample:
        - "3 of 3 guests left kvm01 in 25.3 s, 301.2 MiB sent; stood still at most 122 ms (erp01)."
    name:
      description: A name for the file, made of the kind and of the time at which the first of it began.
      type: str
      sample: evacuation-20261129T031245Z.html
    empty:
      description: Whether there is nothing to be shown.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def report_summary(documents: t.Any) -> dict[str, t.Any]:
    report = report_of(plain(documents))
    empty = not (report.stories or report.evacuations or report.hosts)
    return {"lines": report.lines, "name": report.file_name, "empty": empty}


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"report_summary": report_summary}
