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
  - A list of texts is taken as it is.
  - A text that begins with V([) is a list in JSON or YAML, and so is one of which each line begins with a hyphen and a
    space. This is the way to give names that begin or end with a space, or that contain commas or newlines. What is
    written in it is the name, even where YAML would make a number or a date of it.
  - Any other text of several lines has one name in each of them. Empty lines do not count.
  - Any other text of one line has its names separated by commas.
  - Whatever is not a text, a number for example, is refused, since Ansible may have made it of another text. AWX hands
    answers on as C(!unsafe '0123'), which ansible-core 2.19 and later read as the number 83, as they read C(no) as
    V(false). Names in a list or on several lines stay what they are. C(null) alone is read as nothing, and no name.
positional: _input
options:
  _input:
    description: The names. Nothing and an empty text are no names.
    type: raw
    required: true
  commas:
    description:
      - Whether a text of one line has its names separated by commas.
      - Without, it is one name, even with V([) at its beginning, unless it is a list in JSON.
    type: bool
    default: true
  at_most:
    description: How many names there may be. More are refused. By default there is no limit.
    type: int
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

- name: A single guest, which may be given as a list for its unusual name
  ansible.builtin.debug:
    msg: "{{ live_migration_guest | virtops.live_migration.name_list(commas=false, at_most=1) | first }}"
  vars:
    live_migration_guest: '["0123"]'
"""

RETURN = r"""
_value:
  description: The names, in their order.
  type: list
  elements: str
  sample: [erp01, "crm, the old one"]
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import number, reported_to_the_user
from ansible_collections.virtops.live_migration.plugins.plugin_utils._names import names_from


@reported_to_the_user
def name_list(names: t.Any, commas: bool = True, at_most: t.Optional[int] = None) -> list[str]:
    return names_from(names, commas=bool(commas), at_most=number("at_most", at_most, int))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"name_list": name_list}
