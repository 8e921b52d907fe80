# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: batch_size
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: How many hosts at a time, for C(serial) of a play
description:
  - Takes a whole number from 1 up, or a percentage from 1% to 100%, as a number or a text, and returns it in the form
    that C(serial) wants. A list is a batch after the other.
  - Refuses anything else. C(serial) itself begins all hosts at once for 0, a negative number and more than 100%.
positional: _input
options:
  _input:
    description: How many.
    type: raw
    required: true
"""

EXAMPLES = r"""
---
- name: One host after the other, unless somebody says how many
  hosts: hypervisors
  serial: "{{ live_migration_serial | default(1) | virtops.live_migration.batch_size }}"
  tasks: []
"""

RETURN = r"""
_value:
  description: A number, a percentage as text, or a list of these.
  type: raw
  sample: 25%
"""

import re
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user

# Digits of ASCII only, and no more than a number of hosts has.
_SHAPE = re.compile(r"\s*([0-9]{1,9})\s*(%?)\s*")


@reported_to_the_user
def batch_size(size: t.Any) -> t.Any:
    value = plain(size)
    if isinstance(value, list) and value:
        return [_one(one) for one in value]
    return _one(value)


def _one(value: t.Any) -> t.Union[int, str]:
    found = None
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        found = _SHAPE.fullmatch(str(value))
    number = int(found[1]) if found else 0
    if not found or number < 1 or (found[2] and number > 100):
        raise MigrationError(
            "BAD_BATCH_SIZE",
            f"{str(value)[:60]!r} does not say how many hosts to take at a time.",
            state="Nothing was changed.",
            remedy="Give a whole number from 1 up, or a percentage from 1% to 100%.",
        )
    return f"{number}%" if found[2] else number


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"batch_size": batch_size}
