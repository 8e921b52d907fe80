# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: printable
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: A text from a host, so that it can be printed
description:
  - Shows controls, ends of lines, escape sequences, spaces other than the ordinary one and characters that turn the
    direction of text as escapes. Everything else stays as it is, in whatever script.
  - Names of guests are given by those who own the guests. One that holds such characters could fake other lines of what
    a play prints. Modules return names as they are, since guests are found by them.
positional: _input
options:
  _input:
    description: The text, or a list of texts. What is no text is made one.
    type: raw
    required: true
"""

EXAMPLES = r"""
---
- name: Tell which guests there are
  ansible.builtin.debug:
    msg: "{{ look.guests | map(attribute='name') | virtops.live_migration.printable | join(', ') }}"
"""

RETURN = r"""
_value:
  description: The text, or the list of texts.
  type: raw
  sample: erp01
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core import text
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def printable(value: t.Any) -> t.Any:
    listed = not isinstance(value, (str, t.Mapping)) and isinstance(value, t.Iterable)
    given = plain(list(value) if listed else value)
    return [text.printable(one) for one in given] if isinstance(given, list) else text.printable(given)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"printable": printable}
