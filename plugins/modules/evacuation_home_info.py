#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evacuation_home_info
short_description: Say which guests of a host carry the mark of an evacuation, and where their home is
version_added: 0.1.0
description:
  - M(virtops.live_migration.evacuation) marks each guest with the host that it leaves, in the guest's own metadata.
    This module reads the marks of all guests of a host, so that any controller can send them home.
  - Metadata can be written by whoever may edit a guest. A mark that cannot be understood, or names another guest, which
    is so for a clone, is passed over, and hides no other guest.
options:
  metrics_directory:
    description:
      - The directory of node_exporter's textfile collector on the host that runs the module. A file in it then says how
        many guests are here away from their homes, and whether the role evacuate_host keeps guests from coming here.
      - It has to be there. By default nothing is written.
    type: path
notes:
  - A mark that was written by version 0.1.0 names no guest. It is taken for that of the guest which carries it, so that
    the guest is moved home, but a guest that is off is not started on the word of it.
  - A guest that is in the middle of a migration is listed by the host that sends it.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
seealso:
  - module: virtops.live_migration.evacuation
    description: Empties a host, and sends guests home.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: See who is a visitor here
  virtops.live_migration.evacuation_home_info:
  register: homes

- name: Tell
  ansible.builtin.debug:
    msg: "{{ homes.guests | rejectattr('at_home') | map(attribute='name') | list }}"
"""

RETURN = r"""
host:
  description: Name of this host.
  returned: success
  type: str
  sample: kvm02
host_uuid:
  description: UUID of this host, as libvirt has it. Homes are told apart by it.
  returned: success
  type: str
  sample: 5b0ff1e0-6b5e-4b0e-9d53-0d4c3e1e5a02
guests:
  description: The guests with a mark, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: erp01
    uuid:
      description: UUID of the guest.
      type: str
      sample: 6420e6ce-0f4d-4a27-83da-5e8587498451
    state:
      description: Its state here.
      type: str
      sample: running
    at_home:
      description: Whether this host is its home.
      type: bool
      sample: false
    off_since_evacuation:
      description: Whether it is off because an evacuation of this host has shut it down. Its home may be another host.
      type: bool
      sample: false
    home:
      description:
        - The mark. C(host) and C(host_uuid) say whose it is, C(since) when it left (UTC), C(strategy) whether it was
          moved or shut down, C(destination) where it was sent, C(copy_storage) how its disks went along, C(guest_uuid)
          whose mark it is, and C(shut_down_on) and C(shut_down_on_uuid) where it was shut down, if not at home.
      type: dict
      sample:
        host: kvm01
        host_uuid: 5b0ff1e0-6b5e-4b0e-9d53-0d4c3e1e5a01
        since: "2026-11-25T15:20:11Z"
        strategy: migrate
        destination: kvm02
        copy_storage: none
        guest_uuid: 6420e6ce-0f4d-4a27-83da-5e8587498451
        shut_down_on: ""
        shut_down_on_uuid: ""
passed_over:
  description: Guests with a mark that nothing may be done on the word of. A warning tells each.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: erp01-copy
    uuid:
      description: UUID of the guest.
      type: str
      sample: 8a1f0b5e-3a8a-4f0e-9f0c-6b1c8f1f7d10
    state:
      description: Its state here.
      type: str
      sample: shut off
    at_home:
      description: Whether the mark says that this host is its home.
      type: bool
      sample: true
    home:
      description: The C(host) and C(host_uuid) that the mark names.
      type: dict
      sample:
        host: kvm01
        host_uuid: 5b0ff1e0-6b5e-4b0e-9d53-0d4c3e1e5a01
    reason:
      description:
        - C(MARK_OF_ANOTHER) for a mark that names another guest, C(BAD_MARK) for one that cannot be understood.
      type: str
      sample: MARK_OF_ANOTHER
    msg:
      description: The same in words.
      type: str
      sample: >-
        It carries the mark of another guest, 6420e6ce-0f4d-4a27-83da-5e8587498451, which it may be a clone of.
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: CONNECTION_FAILED
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Check that the daemon runs there and is not stopped or overloaded, the URI, and the firewall.
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import metrics_spec
from ..module_utils._ansible.runner import Result, run
from ..module_utils._host.metrics_directory import metrics_directory
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.evacuation.home_mark import marked
from ..module_utils._libvirt.evacuation.metrics import write_host_metrics


def work(module: AnsibleModule, connection: Connection) -> Result:
    metrics = metrics_directory(module.params["metrics_directory"])
    found = marked(connection)
    write_host_metrics(metrics, found, connection)
    for one in found["passed_over"]:
        module.warn(f"{one['name']} is passed over. {one['msg']}")
    return {"changed": False, **found}


def main() -> None:
    run(metrics_spec(), work)


if __name__ == "__main__":
    main()
