# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bandwidth_shares
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Share the bandwidth of a link among migrations
description:
  - Says how much of a link each of several migrations should get.
  - By default they share it equally. A migration that is stuck, and would finish with more, gets that, as long as each
    of the others keeps a quarter of an equal part. Of several stuck ones the one that needs least comes first.
  - A migration in post-copy takes what it needs, and has no limit here. An equal part is kept free for it.
  - The role P(virtops.live_migration.bandwidth#role) sets these limits.
positional: _input
options:
  _input:
    description:
      - Job documents, as M(virtops.live_migration.migration_job_info) returns them. Jobs that arrive or have ended do
        not count.
      - Or guests that are to be migrated, each with C(name), C(uuid) and, where it is known, the
        C(least_bandwidth_mib_per_s) that it needs.
    type: list
    elements: dict
    required: true
  link_mib_per_s:
    description: What the link carries, or as much of it as migrations may use, in MiB/s.
    type: float
    required: true
seealso:
  - module: virtops.live_migration.migration_bandwidth
  - module: virtops.live_migration.migration_job_info
"""

EXAMPLES = r"""
---
- name: See what migrates, and how it gets on
  virtops.live_migration.migration_job_info:
    observe_s: 20
  register: look

- name: Give each migration its part of 1100 MiB/s
  virtops.live_migration.migration_bandwidth:
    uuid: "{{ item.uuid }}"
    bandwidth_mib_per_s: "{{ item.bandwidth_mib_per_s }}"
  loop: "{{ look.jobs | virtops.live_migration.bandwidth_shares(link_mib_per_s=1100) }}"
"""

RETURN = r"""
_value:
  description: The migrations that have a limit, in the order in which they were given.
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
    uuid:
      description: UUID of the guest.
      type: str
    bandwidth_mib_per_s:
      description: Its part in MiB/s.
      type: int
  sample:
    - name: erp01
      uuid: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
      bandwidth_mib_per_s: 550
    - name: crm01
      uuid: 6420e6ce-0f4d-4a27-83da-5e8587498451
      bandwidth_mib_per_s: 550
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.bandwidth_shares import (
    shares,
    stream_from,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    documents_of,
    number,
    reported_to_the_user,
)


@reported_to_the_user
def bandwidth_shares(jobs: t.Any, link_mib_per_s: t.Any) -> list[dict[str, t.Any]]:
    found = [stream_from(one, f"jobs[{position}]") for position, one in enumerate(documents_of(jobs))]
    streams = [stream for stream in found if stream is not None]
    parts = shares(number("link_mib_per_s", link_mib_per_s, float) or 0, streams)
    return [
        {"name": one.name, "uuid": one.uuid, "bandwidth_mib_per_s": parts[one.uuid]}
        for one in streams
        if one.uuid in parts
    ]


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"bandwidth_shares": bandwidth_shares}
