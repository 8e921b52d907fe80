# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: incoming_not_cancelled
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say which migrations to a host could not be cancelled
description:
  - Says which migrations to a host were not cancelled although they may not have begun to send, and why. The role
    P(virtops.live_migration.evacuate_host#role) tells it with C(evacuate_host_on_incoming=cancel).
positional: _input, senders, aborted
options:
  _input:
    description: The jobs of the host, as M(virtops.live_migration.migration_job_info) returns them.
    type: list
    elements: dict
    required: true
  senders:
    description:
      - The results of M(virtops.live_migration.migration_job_info) on the other hosts, of a loop over their names.
    type: list
    elements: dict
    required: true
  aborted:
    description:
      - The results of M(virtops.live_migration.migration_abort), of a loop over what was to be aborted, each with
        C(uuid), C(name) and C(host).
    type: list
    elements: dict
    default: []
seealso:
  - module: virtops.live_migration.migration_job_info
  - module: virtops.live_migration.migration_abort
"""

EXAMPLES = r"""
---
- name: What is on its way here although it was to be cancelled?
  ansible.builtin.debug:
    msg: "{{ here.jobs | virtops.live_migration.incoming_not_cancelled(others.results, aborted.results) }}"
"""

RETURN = r"""
_value:
  description: An entry for each of them.
  type: list
  elements: dict
  sample:
    - name: erp01
      uuid: a3a032be-0551-58b1-a8c8-62b4a067a488
      host: kvm02
      reason: JOB_NOT_TOLD
      msg: >-
        erp01 comes from kvm02, where nothing tells how far its migration is: QEMU or libvirt does not answer for it.
        'virsh domjobabort a3a032be-0551-58b1-a8c8-62b4a067a488' there cancels it once it answers. It arrives, and is
        moved on then, or fails by itself.
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run import incoming
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    documents_of,
    reported_to_the_user,
)


@reported_to_the_user
def incoming_not_cancelled(jobs: t.Any, senders: t.Any, aborted: t.Any = ()) -> list[dict[str, str]]:
    return incoming.not_cancelled(documents_of(jobs), documents_of(senders), documents_of(aborted))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"incoming_not_cancelled": incoming_not_cancelled}
