# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: readiness_table
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Tell a person which guests could leave their hosts
description:
  - Turns the entries of P(virtops.live_migration.readiness_overview#filter), of one host or of several, into a table
    for the output of a play. Below it stands what is to be done for each guest that can go nowhere.
positional: _input
options:
  _input:
    description: The entries.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: virtops.live_migration.readiness_overview
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Tell which guests could leave
  ansible.builtin.debug:
    msg: "{{ readiness_result.guests | virtops.live_migration.readiness_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - "guest  on     can go to  to be done first"
    - "erp01  kvm01  nowhere    disks_reachable"
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.overview import overview_lines
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def readiness_table(guests: t.Any) -> list[str]:
    return overview_lines(plain(guests))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"readiness_table": readiness_table}
