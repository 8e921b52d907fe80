# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: installed_collections
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say which of some collections are installed where Ansible runs
description:
  - A task with a module of a collection that is not there ends a playbook with an error that says little. With this
    filter a role can look first, and use whichever of several collections is there.
positional: _input
options:
  _input:
    description: Names of collections.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
---
- name: Which collection for AWX is there?
  ansible.builtin.debug:
    msg: "{{ wanted | virtops.live_migration.installed_collections | first | default('none') }}"
  vars:
    wanted: [awx.awx, ansible.controller]
"""

RETURN = r"""
_value:
  description: Those that are installed, in the same order.
  type: list
  elements: str
  sample: [awx.awx]
"""

import importlib.util
import re
import typing as t

from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user

_NAME = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


@reported_to_the_user
def installed_collections(names: t.Any) -> list[str]:
    given = plain(names)
    wanted = given if isinstance(given, list) else [given]
    return [one for one in wanted if isinstance(one, str) and _NAME.fullmatch(one) and _is_there(one)]


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(f"ansible_collections.{name}") is not None
    except ImportError:  # not even its namespace
        return False


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"installed_collections": installed_collections}
