#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_recover_incoming
short_description: Let the destination's half of a broken post-copy wait for its source again, where libvirt cannot
version_added: 0.1.0
description:
  - libvirt 11.2 and 11.3 crash on the destination whenever a broken post-copy is resumed. QEMU itself can resume it.
    This module tells it to, by its own monitor, on the destination host; what it has done is then completed by
    M(virtops.live_migration.migration_recover) with O(virtops.live_migration.migration_recover#module:incoming_port) on
    the source host.
  - QEMU talks to one client at a time. So the daemon that runs guests (C(libvirtd) or C(virtqemud)) has to be stopped
    on this host before, its sockets included, and has to be started after this, before the source resumes. Guests go on
    running meanwhile. Other migrations from or to this host do not, so that there must be none.
  - The playbook C(virtops.live_migration.recover) does all of it in this order.
  - Neither half is destroyed, whatever happens.
options:
  name:
    description: Name of the guest.
    type: str
    required: true
    aliases: [guest]
  uuid:
    description:
      - UUID of the guest. libvirt is not there to be asked for it; C(virsh domuuid) tells it on the source host.
    type: str
    required: true
  incoming_port:
    description:
      - The TCP port to wait at. Without it the first one that is free in the range of migration ports of C(qemu.conf).
    type: int
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._libvirt
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details:
      - QEMU does not tell whether it waits already. It waits anew each time, and gives up the port of before.
notes:
  - It asks libvirt nothing, and needs no libvirt-python. It has to run as root.
  - A guest whose memory is sent by RDMA cannot be brought back in this way.
seealso:
  - module: virtops.live_migration.migration_recover
    description: Resumes on the source, and the one module that is needed where libvirt can resume.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Let the half of erp01 on kvm02 wait for its source again, with libvirtd stopped there
  virtops.live_migration.migration_recover_incoming:
    name: erp01
    uuid: 0185ac69-4408-4632-9ba9-75a19531456b
  register: half
"""

RETURN = r"""
incoming_port:
  description: The TCP port at which QEMU waits for the source. V(0) in check mode without O(incoming_port).
  returned: success
  type: int
  sample: 49152
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: MONITOR_BUSY
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: >-
    Stop the daemon on this host, its sockets included; guests go on running. Then run this again.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner_without_libvirt import run_without_libvirt
from ..module_utils._host.qemu.incoming_half import listen_again

OPTIONS = {
    "name": {"type": "str", "required": True, "aliases": ["guest"]},
    "uuid": {"type": "str", "required": True},
    "incoming_port": {"type": "int"},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    port = listen_again(params["name"], params["uuid"], params["incoming_port"], only_look=module.check_mode)
    diff = {"before": {"incoming_port": None}, "after": {"incoming_port": port or None}}
    return {"changed": True, "incoming_port": port, "diff": diff}


def main() -> None:
    run_without_libvirt(OPTIONS, work)


if __name__ == "__main__":
    main()
