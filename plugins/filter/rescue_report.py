# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rescue_report
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Sum up the migrations that were taken over
description:
  - Makes one document of what M(virtops.live_migration.migration_rescue) returned on several hosts, in loops over the
    jobs that M(virtops.live_migration.migration_job_info) had found, and of where the guests were seen in the end.
positional: _input
options:
  _input:
    description: By host, what was registered of the loop.
    type: dict
    required: true
  ends:
    description: By host, what M(virtops.live_migration.migration_job_info) returned in the end.
    type: dict
    required: true
  destinations:
    description: By UUID of a guest, the host that it goes to, where that is known.
    type: dict
    default: {}
  guest:
    description: Name of the one guest that was asked for. The document then has its fields, else those of all together.
    type: str
    default: ""
seealso:
  - module: virtops.live_migration.migration_rescue
"""

EXAMPLES = r"""
---
- name: Sum up
  ansible.builtin.debug:
    msg: "{{ {'kvm01': rescued} | virtops.live_migration.rescue_report({'kvm01': look, 'kvm02': other_look}) }}"
"""

RETURN = r"""
_value:
  description: >-
    V(guest), V(uuid), V(source), V(destination), V(runs_on), V(outcome), V(reason), V(remedies), V(downtime_ms),
    V(elapsed_ms), V(decisions) and V(msg), and V(guests), a list with the same for each guest in the order in which
    they were taken over.
  type: dict
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration import rescue_report as core
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def rescue_report(results: t.Any, ends: t.Any, destinations: t.Any = None, guest: t.Any = "") -> dict[str, t.Any]:
    found = [plain(one) or {} for one in (results, ends, destinations)]
    if not all(isinstance(one, dict) for one in found):
        raise MigrationError(
            "NOT_A_RESCUE",
            "The results, the ends and the destinations have to be dictionaries.",
            remedy="Give each by the name of the host, and the destinations by UUID.",
        )
    return core.rescue_report(*found, str(plain(guest) or ""))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rescue_report": rescue_report}
