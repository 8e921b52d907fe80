# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rescue_order
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: In which order to take over the migrations of a host
description:
  - Takes the jobs of a host and returns those that leave it, in the order in which it helps most to free them, one
    after the other.
  - First come guests that stand still (a broken post-copy, or a switch-over that lasts), then those that run split,
    then the stuck ones that what is allowed frees, then those that post-copy frees, then the other stuck ones, and last
    those that need nothing. What is allowed is what may be done to that guest. Among equals the one with the least left
    comes first, since its part of the link goes to the others when it has ended.
positional: _input
options:
  _input:
    description: Job documents, as M(virtops.live_migration.migration_job_info) returns them.
    type: list
    elements: dict
    required: true
  policy:
    description: What may be done to the guests, as the option O(virtops.live_migration.migration_rescue#module:policy).
    type: str
    default: minimal_downtime
  max_downtime_ms:
    description: How long a guest may stand still at the switch-over, instead of what the policy says.
    type: int
  postcopy:
    description: Whether a guest may run split over two hosts, instead of what the policy says.
    type: str
  max_pause_s:
    description: How long a guest may stand still to finish, instead of what the policy says.
    type: float
  guest_options:
    description:
      - What holds for single guests, as the option O(virtops.live_migration.migration_rescue#module:guest_options).
      - Of what is said of one guest the most careful counts, as it does when it is taken over.
    type: list
    elements: dict
    default: []
  heed_metadata:
    description: Whether the guests' own word counts, which the job documents have as C(own_limits).
    type: bool
    default: true
seealso:
  - module: virtops.live_migration.migration_job_info
  - module: virtops.live_migration.migration_rescue
"""

EXAMPLES = r"""
---
- name: Look at the jobs of this host
  virtops.live_migration.migration_job_info:
  register: look

- name: See them to their end, one after the other
  virtops.live_migration.migration_rescue:
    uuid: "{{ item.uuid }}"
  loop: "{{ look.jobs | virtops.live_migration.rescue_order }}"
"""

RETURN = r"""
_value:
  description: The job documents of the migrations that leave the host.
  type: list
  elements: dict
"""

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.argspec import guest_options_spec
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis import rescue_order as core
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import GuestPolicies
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    plain,
    policy_fields,
    policy_of,
    reported_to_the_user,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._given_options import entries, read_options


@reported_to_the_user
def rescue_order(
    jobs: t.Any,
    policy: t.Any = None,
    max_downtime_ms: t.Any = None,
    postcopy: t.Any = None,
    max_pause_s: t.Any = None,
    guest_options: t.Any = None,
    heed_metadata: t.Any = True,
) -> list[dict[str, t.Any]]:
    documents = plain(jobs)
    limits = {
        "max_downtime_ms": _given(max_downtime_ms),
        "postcopy": _given(postcopy),
        "max_pause_s": _given(max_pause_s),
    }
    policies = GuestPolicies(
        policy_of(policy, **limits),
        policy_fields({key: value for key, value in limits.items() if value is not None}),
        read_options({"guest_options": guest_options_spec()}, {"guest_options": entries(guest_options)})[
            "guest_options"
        ],
        _yes(heed_metadata),
    )
    policies.check()
    return core.rescue_order(documents if isinstance(documents, list) else [documents], policies)


def _given(value: t.Any) -> t.Any:
    """A question that nobody answered is an empty text."""
    return None if value == "" else value


def _yes(value: t.Any) -> bool:
    try:
        return bool(boolean(plain(value)))
    except TypeError:
        raise MigrationError("BAD_OPTION", "heed_metadata has to be true or false.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rescue_order": rescue_order}
