# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: required_bandwidth
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say how much bandwidth the live migration of a guest needs
description:
  - Computes the least bandwidth at which a guest is expected to be moved within a policy and a time.
  - It is the same forecast that M(virtops.live_migration.migration_forecast_info) makes, run backwards. It needs no
    connection to a host, so that it can be used in templates and for sizing a network.
positional: _input
options:
  deadline_s:
    description: How long the migration may take, in seconds.
    type: float
    default: 3600
extends_documentation_fragment:
  - virtops.live_migration._sizing
seealso:
  - module: virtops.live_migration.migration_dirty_rate_info
  - module: virtops.live_migration.migration_forecast_info
  - plugin: virtops.live_migration.expected_transfer
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Measure what erp01 rewrites
  virtops.live_migration.migration_dirty_rate_info:
    name: erp01
  register: measured

- name: Tell the bandwidth at which it can be moved within ten minutes
  ansible.builtin.debug:
    msg: "{{ measured.dirty_rate | virtops.live_migration.required_bandwidth(deadline_s=600) }} MiB/s"

- name: Size the network for a database server of 1 TiB on paper
  ansible.builtin.debug:
    msg: "{{ guest | virtops.live_migration.required_bandwidth(max_downtime_ms=2000, max_throttle_percent=0) }} MiB/s"
  vars:
    guest:
      memory_bytes: "{{ '1T' | ansible.builtin.human_to_bytes }}"
      working_set_bytes: "{{ '40G' | ansible.builtin.human_to_bytes }}"
      dirty_bytes_per_s: "{{ '800M' | ansible.builtin.human_to_bytes }}"
"""

RETURN = r"""
_value:
  description:
    - The bandwidth in MiB/s, which is what O(virtops.live_migration.migration_bandwidth#module:bandwidth_mib_per_s)
      takes. V(null) if no bandwidth would do.
  type: int
  sample: 46
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.sizing import (
    least_bandwidth_bytes_per_s,
    whole_mib_per_s,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    facts_from,
    policy_of,
    reported_to_the_user,
)


@reported_to_the_user
def required_bandwidth(
    dirty_rate: t.Any,
    policy: t.Any = None,
    touched_bytes: t.Any = None,
    deadline_s: t.Any = 3600,
    host_devices: t.Any = None,
    **limits: t.Any,
) -> t.Optional[int]:
    policy = policy_of(policy, deadline_s=deadline_s, **limits)
    # The bandwidth of these facts does not matter, since the policy has a deadline.
    facts = facts_from(dirty_rate, 1, touched_bytes, host_devices)
    return whole_mib_per_s(least_bandwidth_bytes_per_s(policy, facts), up=True)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"required_bandwidth": required_bandwidth}
