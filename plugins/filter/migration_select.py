# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: migration_select
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Select from documents by a JMESPath expression
description:
  - Applies a L(JMESPath,https://jmespath.org) expression to data, for example to the documents that the modules of this
    collection return.
  - The data is turned into plain data first. Expressions with functions, such as C(starts_with\(name, 'erp'\)) or
    C(max_by\(@, &memory_bytes\)), therefore work with every version of ansible-core, also with those from 2.19 on,
    whose tagged data JMESPath does not recognise.
requirements:
  - The Python library C(jmespath) where Ansible runs.
positional: _input, expression
options:
  _input:
    description: The data.
    type: raw
    required: true
  expression:
    description: The expression.
    type: str
    required: true
seealso:
  - name: JMESPath
    description: The language, with a tutorial.
    link: https://jmespath.org
"""

EXAMPLES = r"""
---
- name: Watch the jobs of a host
  virtops.live_migration.migration_job_info:
  register: look

- name: Tell which guests have sent their memory more than twice, the one with most left first
  ansible.builtin.debug:
    msg: "{{ look.jobs | virtops.live_migration.migration_select(expression) }}"
  vars:
    expression: "reverse(sort_by([?pass > `2`], &memory.remaining_bytes))[].name"
"""

RETURN = r"""
_value:
  description: What the expression finds. V(null) if it finds nothing.
  type: raw
  sample: [erp01]
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.jmespath_query import search
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def migration_select(data: t.Any, expression: t.Any) -> t.Any:
    return search(str(plain(expression)), plain(data))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"migration_select": migration_select}
