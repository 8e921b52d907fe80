# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: name_list
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Names as a list, however they were given
description:
  - Takes names of guests or hosts as they come from the command line, from a variable file or from a survey of AWX, and
    returns a list of texts without duplicates.
  - A list is taken as it is.
  - A text that begins with V([) is a list in JSON or YAML, and so is one of which each line begins with a hyphen and a
    space. This is the way to give names that begin or end with a space, or that contain commas or newlines.
  - Any other text of several lines has one name in each of them. Empty lines do not count.
  - Any other text of one line has its names separated by commas.
positional: _input
options:
  _input:
    description: The names. Nothing and an empty text are no names.
    type: raw
    required: true
"""

EXAMPLES = r"""
---
- name: The answer to a question of the type textarea
  ansible.builtin.debug:
    msg: "{{ live_migration_guests | virtops.live_migration.name_list }}"
  vars:
    live_migration_guests: |
      erp01
      crm, the old one
"""

RETURN = r"""
_value:
  description: The names, in their order.
  type: list
  elements: str
  sample: [erp01, "crm, the old one"]
"""

import typing as t

import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, told_to_the_user


@told_to_the_user
def name_list(names: t.Any) -> list[str]:
    value = plain(names)
    if value is None:
        return []
    if isinstance(value, str):
        value = _split(value)
    if not isinstance(value, list):
        value = [value]
    return list(dict.fromkeys(_name(one) for one in value))


def _split(text: str) -> t.Any:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    if lines[0].startswith("[") or all(line.startswith("- ") for line in lines):
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as exc:
            raise _bad(f"{text!r} looks like a list, but is not one in JSON or YAML ({exc}).") from exc
    return lines if len(lines) > 1 else [one.strip() for one in lines[0].split(",") if one.strip()]


def _name(one: t.Any) -> str:
    if isinstance(one, bool) or not isinstance(one, (str, int, float)):
        raise _bad(f"{one!r} is not a name.")
    return str(one)


def _bad(problem: str) -> MigrationError:
    return MigrationError(
        "BAD_NAMES", problem, remedy="Give one name a line, or a list in JSON, with each name in double quotes."
    )


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"name_list": name_list}
