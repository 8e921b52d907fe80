# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: evacuation_table
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Tell a person what came of an evacuation
description:
  - Turns what came of each guest into a table for the output of a play, and adds a line for each failure.
positional: _input
options:
  _input:
    description: The return value C(guests) of M(virtops.live_migration.evacuation).
    type: list
    elements: dict
    required: true
seealso:
  - module: virtops.live_migration.evacuation
"""

EXAMPLES = r"""
---
- name: Tell what came of each guest
  ansible.builtin.debug:
    msg: "{{ emptied.guests | virtops.live_migration.evacuation_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - "guest  from   to     outcome  time   downtime  data      remedies"
    - "erp01  kvm01  kvm02  moved    6.1 s  122 ms    58.9 MiB  start_postcopy"
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.table import table_lines
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def evacuation_table(guests: t.Any) -> list[str]:
    return table_lines(plain(guests))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"evacuation_table": evacuation_table}
