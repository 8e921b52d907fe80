# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: guest_options
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Read what is said of single guests
description:
  - Takes a list of what holds for single guests and returns it as the modules read it.
  - What they would refuse is refused. So a play knows it before a host takes no guests any more.
positional: _input, of
options:
  _input:
    description: The list. Nothing, or an empty text, is an empty one.
    type: list
    elements: dict
    required: true
  of:
    description:
      - Which list it is. V(guest_options) is the option of that name of the modules, as
        O(virtops.live_migration.migration#module:guest_options).
      - V(evacuation) is O(virtops.live_migration.evacuation#module:guests).
    type: str
    choices: [guest_options, evacuation]
    default: guest_options
seealso:
  - module: virtops.live_migration.migration
  - module: virtops.live_migration.evacuation
"""

EXAMPLES = r"""
---
- name: How many guests have limits of their own?
  ansible.builtin.debug:
    msg: "{{ live_migration_guest_options | virtops.live_migration.guest_options | length }}"
"""

RETURN = r"""
_value:
  description: The entries, as the modules read them. What was not said of a guest is not in its entry.
  type: list
  elements: dict
  sample:
    - name: erp01
      policy_overrides:
        postcopy: never
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.argspec import (
    evacuated_guests_spec,
    guest_options_spec,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import said_by
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user
from ansible_collections.virtops.live_migration.plugins.plugin_utils._given_options import entries, read_options

_LISTS = {"guest_options": ("guest_options", guest_options_spec), "evacuation": ("guests", evacuated_guests_spec)}


@reported_to_the_user
def guest_options(given: t.Any, of: t.Any = "guest_options") -> list[dict[str, t.Any]]:
    which = plain(of)
    if not isinstance(which, str) or which not in _LISTS:
        raise MigrationError("BAD_OPTION", f"of has to be one of {', '.join(_LISTS)}.")
    name, spec = _LISTS[which]
    found: list[dict[str, t.Any]] = read_options({name: spec()}, {name: entries(given)})[name]
    for entry in found:
        said_by(entry["policy"], entry["policy_overrides"])
    return [{key: value for key, value in entry.items() if value is not None} for entry in found]


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"guest_options": guest_options}
