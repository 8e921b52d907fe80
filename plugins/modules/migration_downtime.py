#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_downtime
short_description: Set how long a guest may stand still at the end of its live migration
version_added: 0.1.0
description:
  - Sets the maximum downtime of a running guest, which QEMU compares with the time that the memory still to be sent
    would take. It switches over to the destination as soon as the rest fits.
  - Works before a migration and while it runs, and takes effect at once. It is the module for
    C(virsh migrate-getmaxdowntime) and C(virsh migrate-setmaxdowntime).
notes:
  - A value that is set while a migration runs is rolled back by libvirt when that migration fails or is aborted. Set it
    again before the next attempt.
  - A value that is set before a migration holds until the guest is shut down or has moved. QEMU starts with 300 ms.
options:
  max_downtime_ms:
    description:
      - The longest time, in milliseconds, that the guest may stand still at the switch-over.
      - From V(1) to V(2000000). More than the guest admits in its metadata is refused, see O(heed_metadata).
    type: int
    required: true
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._guest_limits
seealso:
  - module: virtops.live_migration.migration_job_info
    description: Says which downtime would be needed.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Let the stuck migration of erp01 finish with two seconds of downtime
  virtops.live_migration.migration_downtime:
    name: erp01
    max_downtime_ms: 2000
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
max_downtime_ms:
  description: The limit in force, read back from libvirt. In check mode the one that would be.
  returned: success
  type: int
  sample: 2000
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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import guest_limits_spec
from ..module_utils._ansible.runner import Result, run_on_guest, set_values
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.policy import MAX_DOWNTIME_LIMIT_MS
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import outgoing_job, require_running
from ..module_utils._libvirt.job.limits import max_downtime_ms, set_max_downtime
from ..module_utils._libvirt.metadata import heed_own_limit


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    wanted = module.params["max_downtime_ms"]
    if not 1 <= wanted <= MAX_DOWNTIME_LIMIT_MS:
        raise MigrationError(
            "OUT_OF_RANGE",
            f"max_downtime_ms is {wanted}, but must be from 1 to {MAX_DOWNTIME_LIMIT_MS}.",
            state="Nothing was changed.",
            remedy="Correct the value.",
        )
    require_running(guest)
    outgoing_job(guest)
    if module.params["heed_metadata"]:
        for note in heed_own_limit(guest, "max_downtime_ms", wanted):
            module.warn(note)

    def read() -> dict[str, t.Any]:
        return {"max_downtime_ms": max_downtime_ms(guest)}

    return set_values(
        module, read(), {"max_downtime_ms": wanted}, lambda _key, value: set_max_downtime(guest, value), read
    )


def main() -> None:
    run_on_guest({"max_downtime_ms": {"type": "int", "required": True}, **guest_limits_spec()}, work)


if __name__ == "__main__":
    main()
