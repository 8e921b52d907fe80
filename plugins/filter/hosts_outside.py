# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_outside
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say which names are not those of hosts that may take part
description:
  - Ansible connects to whatever is named in C(delegate_to), in the inventory or not, with the credential of the play.
    With this filter names that others have given can be refused before that.
  - A name counts as it stands. Patterns and addresses of hosts are no names of hosts.
positional: _input, groups, allowed
options:
  _input:
    description: The names.
    type: list
    elements: raw
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
  allowed:
    description: A pattern of the inventory for the hosts that may take part.
    type: str
    default: all
"""

EXAMPLES = r"""
---
- name: Refuse hosts that are not hypervisors
  ansible.builtin.assert:
    that: outside | length == 0
    fail_msg: "These may not take part: {{ outside | join(', ') }}"
  vars:
    outside: "{{ pool | virtops.live_migration.hosts_outside(groups, 'hypervisors') }}"
"""

RETURN = r"""
_value:
  description:
    - Those that are no host of the inventory which the pattern matches. What is no text is told as Python has it.
  type: list
  elements: str
  sample: [root@192.0.2.1]
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user
from ansible_collections.virtops.live_migration.plugins.plugin_utils._inventory import matched


@reported_to_the_user
def hosts_outside(names: t.Any, groups: t.Any, allowed: t.Any = "all") -> list[str]:
    given = plain(names)
    wanted = given if isinstance(given, list) else [given]
    inside = set(matched(str(plain(allowed) or "all"), groups))
    found = [one for one in wanted if not (isinstance(one, str) and one in inside)]
    return list(dict.fromkeys(one if isinstance(one, str) and one.isprintable() else repr(one) for one in found))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"hosts_outside": hosts_outside}
