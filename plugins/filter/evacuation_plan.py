# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: evacuation_plan
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Read a plan that is to be carried out
description:
  - Takes the plan of M(virtops.live_migration.evacuation_plan_info), from a file or as the answer to a question, and
    returns it.
  - A plan that could not be carried out is refused, with everything that is wrong in it. So a play knows it before a
    host takes no guests any more. Limits that no policy can have, such as C(.nan) milliseconds, are among that, and so
    are rules by which no other plan could be made, for when a destination fails.
positional: _input
options:
  _input:
    description: The plan.
    type: dict
    required: true
seealso:
  - module: virtops.live_migration.evacuation_plan_info
"""

EXAMPLES = r"""
---
- name: Refuse a file that is no plan
  ansible.builtin.set_fact:
    plan: "{{ lookup('ansible.builtin.file', 'plan.json') | from_json | virtops.live_migration.evacuation_plan }}"
"""

RETURN = r"""
_value:
  description: The plan, as it was given.
  type: dict
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.plan_options import plan_rules_spec
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.given_plan import (
    not_a_plan,
    read_plan,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user
from ansible_collections.virtops.live_migration.plugins.plugin_utils._given_options import read_options


@reported_to_the_user
def evacuation_plan(plan: t.Any) -> dict[str, t.Any]:
    found = read_plan(plain(plan))
    spec = {**plan_rules_spec(), "destinations": {"type": "list", "elements": "str"}}
    rules = found.get("rules", {})
    try:
        read_options(spec, {name: value for name, value in rules.items() if name in spec})
    except MigrationError as exc:
        raise not_a_plan([f"in rules: {exc.problem.rstrip('.')}"]) from None
    return found


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"evacuation_plan": evacuation_plan}
