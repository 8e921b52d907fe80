# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_policy
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say what a policy allows, with fields in the place of its own
description:
  - Takes the name of a policy and returns all its fields, as the modules of this collection understand them.
  - Limits that do not go together, or are out of range, are refused as the modules refuse them. So a play can tell
    before it looks at any host.
positional: _input, policy_overrides
options:
  _input:
    description:
      - The policy, one of V(minimal_downtime), V(suspend_workload), V(post_copy) and V(very_large). An empty text is
        V(minimal_downtime).
    type: str
    required: true
  policy_overrides:
    description:
      - Fields that are to be different, as in O(virtops.live_migration.migration#module:policy_overrides).
      - A field that is nothing or an empty text is that of the policy. V(0) is a number.
    type: dict
    default: {}
seealso:
  - module: virtops.live_migration.migration
  - plugin: virtops.live_migration.unless_blank
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: How long may a guest stand still by this policy?
  ansible.builtin.debug:
    msg: "{{ ('very_large' | virtops.live_migration.migration_policy({'max_pause_s': 0})).max_downtime_ms }} ms"
"""

RETURN = r"""
_value:
  description: The fields of the policy. C(null) where the size of the guest decides.
  type: dict
  sample:
    max_downtime_ms: 500
    postcopy: never
    max_pause_s: 0.0
    max_throttle_percent: 60
    deadline_s: null
    storage_deadline_s: null
    max_data_factor: 6.0
    max_postcopy_s: 120.0
    on_hopeless: abort
    patience_s: null
    mode: act
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    plain,
    policy_of,
    reported_to_the_user,
)


@reported_to_the_user
def migration_policy(policy: t.Any, policy_overrides: t.Any = None) -> dict[str, t.Any]:
    given = plain(policy_overrides) or {}
    if not isinstance(given, dict):
        raise MigrationError("BAD_OPTION", "policy_overrides has to be a dictionary with fields of the policy.")
    return policy_of(policy, **{str(key): value for key, value in given.items() if value != ""}).document()


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"migration_policy": migration_policy}
