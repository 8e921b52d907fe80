# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: takes_guests
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say whether a host takes guests by its local facts
description:
  - Says whether a host takes guests, by the local fact C(virtops_live_migration) in which the role
    P(virtops.live_migration.evacuate_host#role) notes that it is being emptied.
positional: _input
options:
  _input:
    description: The variable C(ansible_local) of the host. Nothing where its facts could not be gathered.
    type: raw
    required: true
seealso:
  - module: virtops.live_migration.host_cordon
"""

EXAMPLES = r"""
---
- name: Which hosts take guests?
  ansible.builtin.debug:
    msg: "{{ ansible_local | default(none) | virtops.live_migration.takes_guests }}"
"""

RETURN = r"""
_value:
  description:
    - V(yes), V(no), or V(not known) where the fact cannot be read or understood. No guest should be sent to such a
      host, as it may be about to be rebooted.
  type: str
  choices: ["yes", "no", "not known"]
  sample: "yes"
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.cordon import said_by_local_facts
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user

_SAYS = {True: "no", False: "yes", None: "not known"}


@reported_to_the_user
def takes_guests(ansible_local: t.Any) -> str:
    return _SAYS[said_by_local_facts(plain(ansible_local))]


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"takes_guests": takes_guests}
