# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unless_blank
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: A value, or another one where it is blank
description:
  - Returns the value unless it is an empty text or nothing, which is what an answer to a survey of AWX is that nobody
    gave.
  - Other than P(ansible.builtin.default#filter) with its second argument, it keeps V(0) and V(false).
positional: _input, instead
options:
  _input:
    description: The value. Where it may be undefined, let P(ansible.builtin.default#filter) go before.
    type: raw
    required: true
  instead:
    description: What to return where the value is blank, for example C(omit).
    type: raw
    required: true
seealso:
  - plugin: ansible.builtin.default
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: A pause of 0 is one that was asked for
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
    policy: suspend_workload
    policy_overrides:
      max_pause_s: "{{ live_migration_max_pause_s | default('') | virtops.live_migration.unless_blank(omit) }}"
"""

RETURN = r"""
_value:
  description: The value, or what was given instead.
  type: raw
  sample: 0
"""

import typing as t


def unless_blank(value: t.Any, instead: t.Any) -> t.Any:
    return instead if value is None or (isinstance(value, str) and value == "") else value


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"unless_blank": unless_blank}
