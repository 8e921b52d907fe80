#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_cordon
short_description: Say that a host takes no guests, or that it does again
version_added: 0.1.0
description:
  - Leaves a note in the libvirt of the host, which M(virtops.live_migration.migration) and
    M(virtops.live_migration.evacuation) on other hosts read right before each start. They then send no guest there,
    unless they are told to with O(virtops.live_migration.migration#module:ignore_cordon).
  - The note is a secret of libvirt without a value. It lasts over restarts, and C(virsh secret-list) shows it.
  - Migrations that run already go on. What others start by other means is not kept away.
  - The roles P(virtops.live_migration.evacuate_host#role) and P(virtops.live_migration.return_home#role) do this, and
    keep a local fact of Ansible beside it. Either of the two closes a host to their plans. So O(state=absent) takes out
    of that fact, too, that the host takes no guests; what else it says stays there, such as that only the return of its
    guests is left. O(state=present) writes no fact.
options:
  state:
    description: Whether the host takes no guests (V(present)) or takes them again (V(absent)).
    type: str
    choices: [present, absent]
    default: present
  fact_path:
    description:
      - The directory of local facts on the host, as
        O(virtops.live_migration.evacuate_host#role:main:evacuate_host_fact_path).
      - Looked at with O(state=absent), and only where O(uri) is a libvirt of the host that the module runs on. For the
        libvirt of another host, remove the fact there.
      - With an empty text it is left alone.
    type: path
    default: /etc/ansible/facts.d
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
seealso:
  - module: virtops.live_migration.evacuation
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Let nobody send guests to this host
  virtops.live_migration.host_cordon:

- name: Let it take guests again
  virtops.live_migration.host_cordon:
    state: absent
"""

RETURN = r"""
cordoned:
  description:
    - Whether the host takes no guests now, by the note in its libvirt and, with O(state=absent), by its local fact.
    - In check mode whether it would.
  returned: success
  type: bool
  sample: true
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: NO_NOTES
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Install libvirt's driver for secrets on this host (libvirt-daemon-driver-secret), or allow it.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.host.cordon import cordoned_by_both
from ..module_utils._host.cordon_fact import DIRECTORY, lift, read_fact, says_cordoned
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.cordon_secret import is_cordoned, set_cordon

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "fact_path": {"type": "path", "default": DIRECTORY},
}


def work(module: AnsibleModule, connection: Connection) -> Result:
    wanted = module.params["state"] == "present"
    noted = is_cordoned(connection)
    if noted is None and wanted:
        raise MigrationError(
            "NO_NOTES",
            "This libvirt has no driver for secrets, which the note would be one of, or does not let us use it.",
            state="Nothing was changed.",
            remedy="Install libvirt's driver for secrets on this host (libvirt-daemon-driver-secret), or allow it.",
        )
    directory = module.params["fact_path"]
    fact = read_fact(directory) if directory and connection.local and not wanted else None
    if not module.check_mode:
        if fact is not None and says_cordoned(fact):
            lift(directory, fact)
        if bool(noted) != wanted:
            set_cordon(connection, wanted)
    before = bool(cordoned_by_both(noted, says_cordoned(fact)))
    diff = {"before": {"cordoned": before}, "after": {"cordoned": wanted}}
    return {"changed": before != wanted, "cordoned": wanted, "diff": diff}


def main() -> None:
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
