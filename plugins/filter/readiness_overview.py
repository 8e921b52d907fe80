# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: readiness_overview
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Which guests could leave a host, where to, and what would let the others
description:
  - Turns what M(virtops.live_migration.migration_readiness_info) found for each guest and destination into one entry
    for each guest.
  - For a guest that can go nowhere it names the destination with the fewest failed checks, and those checks with what
    to do. That is the least that would let it leave.
positional: _input
options:
  _input:
    description:
      - The return value RV(virtops.live_migration.migration_readiness_info#module:domains). At least the statuses
        V(fail) and V(warn) have to be in it.
    type: list
    elements: dict
    required: true
  host:
    description: Name of the host that the guests are on.
    type: str
    required: true
seealso:
  - module: virtops.live_migration.migration_readiness_info
  - plugin: virtops.live_migration.readiness_table
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Which guests could not leave this host now?
  ansible.builtin.debug:
    msg: "{{ guests | rejectattr('can_go_to') | map(attribute='name') }}"
  vars:
    guests: "{{ readiness.domains | virtops.live_migration.readiness_overview(host=inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: One entry for each guest.
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: erp01
    uuid:
      description: UUID of the guest.
      type: str
      sample: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
    host:
      description: Where it is.
      type: str
      sample: kvm01
    can_go_to:
      description: Destinations for which no check failed.
      type: list
      elements: str
      sample: []
    cannot_go_to:
      description: For each other destination, why not.
      type: dict
      sample:
        kvm02: >-
          erp01 cannot go to kvm02: The destination cannot reach all disks: vda: /var/lib/libvirt/images is a local file
          system (tmpfs) of the source.
    warnings:
      description: Ids of the checks that warn of a destination it can go to.
      type: list
      elements: str
      sample: []
    nearest:
      description: For a guest that can go nowhere, the destination with the fewest failed checks, and those.
      type: dict
      sample:
        destination: kvm02
        checks:
          - id: disks_reachable
            summary: >-
              The destination cannot reach all disks: vda: /var/lib/libvirt/images is a local file system (tmpfs) of the
              source.
            remedy: >-
              Copy them with the guest (copy_storage), or put them on storage that both hosts have, at the same path.
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.overview import overview
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def readiness_overview(domains: t.Any, host: t.Any) -> list[dict[str, t.Any]]:
    return overview(plain(domains), str(plain(host)))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"readiness_overview": readiness_overview}
