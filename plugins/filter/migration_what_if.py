# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_what_if
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say what another policy would have decided in a migration that was recorded
description:
  - Takes the record that M(virtops.live_migration.migration) or M(virtops.live_migration.migration_rescue) has
    returned, and runs the decision engine over it once more, under another policy.
  - It tells what would have been decided, up to the first decision that differs. From there on the migration would
    have gone another way, and what it would have looked like is not in the record.
  - Without options it is the policy of the record, which shows whether this version of the collection would still
    decide the same.
positional: _input
options:
  _input:
    description: RV(virtops.live_migration.migration#module:record) of a migration.
    type: dict
    required: true
  policy:
    description: The policy, one of V(minimal_downtime), V(suspend_workload), V(post_copy) and V(very_large).
    type: str
  policy_overrides:
    description:
      - Fields of the policy, as in O(virtops.live_migration.migration#module:policy_overrides).
      - Without O(policy) they are put in the place of those of the record's own policy.
    type: dict
seealso:
  - module: virtops.live_migration.migration
  - module: virtops.live_migration.migration_rescue
"""

EXAMPLES = r"""
---
- name: Move erp01
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
  register: moved

- name: Would it have finished sooner if two seconds of downtime had been allowed?
  ansible.builtin.debug:
    msg: "{{ (moved.record | virtops.live_migration.migration_what_if(policy_overrides=allowed)).lines }}"
  vars:
    allowed:
      max_downtime_ms: 2000
"""

RETURN = r"""
_value:
  description: What would have been decided.
  type: dict
  contains:
    same:
      description: Whether the same would have been done at the same moments.
      type: bool
      sample: false
    recorded:
      description: The actions that were decided, up to the first that differs.
      type: list
      elements: dict
    decisions:
      description: The actions that would have been decided, up to the first that differs.
      type: list
      elements: dict
    first_difference:
      description:
        - Where the two part, or V(null). C(recorded) and C(decided) are the actions, of which one may be V(null).
      type: dict
    lines:
      description: The same as lines of text.
      type: list
      elements: str
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import policy_from, preset
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.what_if import what_if
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def migration_what_if(record: t.Any, policy: t.Any = None, policy_overrides: t.Any = None) -> dict[str, t.Any]:
    record, overrides = plain(record), plain(policy_overrides) or {}
    if not isinstance(record, dict) or not isinstance(overrides, dict):
        wrong = "the record" if not isinstance(record, dict) else "policy_overrides"
        raise MigrationError("NOT_A_RECORD", f"Expected a dictionary for {wrong}.", remedy="Correct the expression.")
    if policy is not None:
        return what_if(record, preset(str(plain(policy)), overrides))
    own = record.get("contract")
    return what_if(record, policy_from({**own, **overrides}) if overrides and isinstance(own, dict) else None)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"migration_what_if": migration_what_if}
