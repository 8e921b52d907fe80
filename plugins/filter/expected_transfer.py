# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: expected_transfer
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say how the live migration of a guest will go at a bandwidth
description:
  - Computes whether the migration of a guest will finish within a policy, by which way, how long it takes, how much it
    sends and how long the guest stands still. If it does not finish, it says what it would need.
  - It is the same forecast that M(virtops.live_migration.migration_forecast_info) makes, for figures that are known
    already. It needs no connection to a host.
positional: _input
options:
  bandwidth_mib_per_s:
    description: What reaches the destination, in MiB/s.
    type: float
    required: true
  link_mib_per_s:
    description:
      - What the link carries, in MiB/s, if O(bandwidth_mib_per_s) is a limit below that. The last bytes are not kept to
        the limit, so the guest stands still for less, and pages of zeros cost such a migration no time.
    type: float
  deadline_s:
    description: How long it may take. By default six times what its memory takes once, and at least a minute.
    type: float
extends_documentation_fragment:
  - virtops.live_migration._sizing
seealso:
  - module: virtops.live_migration.migration_dirty_rate_info
  - module: virtops.live_migration.migration_forecast_info
  - plugin: virtops.live_migration.required_bandwidth
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Measure what erp01 rewrites
  virtops.live_migration.migration_dirty_rate_info:
    name: erp01
  register: measured

- name: Tell what moving it over a link of 10 Gb/s will be like
  ansible.builtin.debug:
    msg: "{{ (measured.dirty_rate | virtops.live_migration.expected_transfer(bandwidth_mib_per_s=1100)).summary }}"
"""

RETURN = r"""
_value:
  description:
    - The forecast. See RV(virtops.live_migration.migration_forecast_info#module:forecast) for its fields.
  type: dict
  sample:
    way: postcopy
    will_finish: true
    sure: true
    summary: >-
      It finishes by post-copy, 9.2 s of it dependent on both hosts: about 12.7 s, 566.8 MiB sent, 60 ms of downtime.
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.sizing import prospect
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    facts_from,
    policy_of,
    reported_to_the_user,
)


@reported_to_the_user
def expected_transfer(
    dirty_rate: t.Any,
    bandwidth_mib_per_s: t.Any,
    policy: t.Any = None,
    touched_bytes: t.Any = None,
    host_devices: t.Any = None,
    link_mib_per_s: t.Any = None,
    **limits: t.Any,
) -> dict[str, t.Any]:
    facts = facts_from(dirty_rate, bandwidth_mib_per_s, touched_bytes, host_devices, link_mib_per_s)
    return prospect(policy_of(policy, **limits), facts)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"expected_transfer": expected_transfer}
