# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_of_pattern
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say which hosts of the inventory a pattern matches, and fail when that is none
description:
  - Of a play whose pattern matches nothing Ansible says that it is skipped, and ends well. With this filter in C(hosts)
    of a play it fails.
  - A C(localhost) that is not in the inventory is not matched either.
  - With an inventory that has no hosts at all there are none, without a failure, and so it is when nothing will be run
    (C(--syntax-check), C(--list-tasks), C(--list-tags), C(--list-hosts)).
positional: _input, groups, limit
options:
  _input:
    description:
      - The pattern, or a list of patterns. Of an empty text nothing comes, which is a failure only with a limit.
    type: raw
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  limit:
    description: The variable C(ansible_limit), if the play is not to be skipped where the limit leaves none of them.
    type: str
    default: ""
"""

EXAMPLES = r"""
---
- name: A play that fails when it has no hosts
  hosts: "{{ wanted | virtops.live_migration.hosts_of_pattern(groups, ansible_limit | default('')) }}"
  vars:
    wanted: hypervisors:!kvm07
"""

RETURN = r"""
_value:
  description: The names of the hosts, in the order of the inventory.
  type: list
  elements: str
  sample: [kvm01, kvm02]
"""

import typing as t

from ansible import context

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user
from ansible_collections.virtops.live_migration.plugins.plugin_utils._inventory import groups_from, matched

_NOTHING_IS_RUN = ("syntax", "listtasks", "listtags", "listhosts")


@reported_to_the_user
def hosts_of_pattern(pattern: t.Any, groups: t.Any, limit: t.Any = "") -> list[str]:
    given = plain(pattern) or ""
    text = ",".join(str(one) for one in given) if isinstance(given, list) else str(given).strip()
    limited = str(plain(limit) or "")
    if not groups_from(groups).get("all") or not (text or limited):
        return []
    found = matched(text, groups) if text else []
    if any(context.CLIARGS.get(option) for option in _NOTHING_IS_RUN):
        return found
    if not found:
        raise _nobody(f"No host of the inventory matches {text!r}")
    # A limit may be a file, which Ansible alone reads.
    if not limited or "@" in limited or set(found) & set(matched(limited, groups)):
        return found
    raise _nobody(f"The limit {limited!r} leaves none of the hosts that match {text!r}")


def _nobody(problem: str) -> MigrationError:
    return MigrationError(
        "NO_HOSTS",
        f"{problem}.",
        state="Nothing was changed.",
        remedy="Check the names, the inventory and the limit. localhost has to be in the inventory to be taken.",
    )


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"hosts_of_pattern": hosts_of_pattern}
