#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_bandwidth
short_description: Set how fast the memory of a guest may be sent in a live migration
version_added: 0.1.0
description:
  - Sets the bandwidth limit of the pre-copy phase, of the post-copy phase, or of both.
  - Works before a migration and while it runs, and takes effect at once. It is the module for
    C(virsh migrate-getspeed) and C(virsh migrate-setspeed).
notes:
  - A limit that is set while a migration runs is forgotten when it ends.
  - The pre-copy limit can be set for a guest that is off; the daemon remembers it until it is restarted. The post-copy
    limit needs a running guest.
  - Disks that are copied with the guest keep the limit that was in force when the job started.
options:
  bandwidth_mib_per_s:
    description:
      - Limit of the pre-copy phase in MiB/s. V(0) is no limit.
    type: int
  postcopy_bandwidth_mib_per_s:
    description:
      - Limit of the post-copy phase in MiB/s. V(0) is no limit. Pages that the guest waits for may exceed it.
    type: int
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_job_info
    description: Says whether the limit is what holds a migration up.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Take the limit off a migration that is held up by it
  virtops.live_migration.migration_bandwidth:
    name: erp01
    bandwidth_mib_per_s: 0

- name: Leave half of a 10 Gb/s link to others
  virtops.live_migration.migration_bandwidth:
    name: erp01
    bandwidth_mib_per_s: 560
    postcopy_bandwidth_mib_per_s: 560
"""

RETURN = r"""
name:
  description: Name of the guest.
  returned: success
  type: str
  sample: erp01
uuid:
  description: UUID of the guest.
  returned: success
  type: str
  sample: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
bandwidth_mib_per_s:
  description:
    - The pre-copy limit in force, read back from libvirt. V(0) is no limit.
    - In check mode the one that would be.
  returned: when asked for
  type: int
  sample: 0
postcopy_bandwidth_mib_per_s:
  description:
    - The post-copy limit in force, read back from libvirt. V(0) is no limit.
    - In check mode the one that would be.
  returned: when asked for
  type: int
  sample: 560
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: GUEST_NOT_FOUND
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
    Check the name or UUID with 'virsh list --all' on this host; the guest may already run on another host.
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
  sample:
    libvirt_code: 42
    libvirt_domain: 10
    libvirt_message: "Domain not found: no domain with matching name 'erp01'"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run_on_guest, set_values
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import outgoing_job, require_running
from ..module_utils._libvirt.job.limits import bandwidth_mib_per_s, set_bandwidth

OPTIONS = {"bandwidth_mib_per_s": False, "postcopy_bandwidth_mib_per_s": True}


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    wanted = {key: module.params[key] for key in OPTIONS if module.params[key] is not None}
    if "postcopy_bandwidth_mib_per_s" in wanted:
        require_running(guest)
    outgoing_job(guest)

    def read() -> dict[str, int]:
        return {key: bandwidth_mib_per_s(guest, postcopy=OPTIONS[key]) for key in wanted}

    return set_values(
        module, read(), wanted, lambda key, value: set_bandwidth(guest, value, postcopy=OPTIONS[key]), read
    )


def main() -> None:
    run_on_guest(
        {"bandwidth_mib_per_s": {"type": "int"}, "postcopy_bandwidth_mib_per_s": {"type": "int"}},
        work,
        required_one_of=[tuple(OPTIONS)],
    )


if __name__ == "__main__":
    main()
