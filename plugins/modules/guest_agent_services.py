#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_agent_services
short_description: Stop services of a guest through its agent, and put them back
version_added: 0.1.0
description:
  - Stops services and timers in a guest, so that it writes less while it is migrated, and starts exactly those again
    that it has stopped.
  - It needs no network to the guest and no account in it, only the QEMU guest agent. Guests that are in the inventory
    can be reached by their own host instead, which the role P(virtops.live_migration.guest_quiesce#role) does as well.
  - What was stopped is noted in the guest, in C(/run/virtops-live-migration-quiesced). The note travels with the guest,
    so that the services can be put back from the host where it runs then, also by a later run.
  - If a unit does not stop, those stopped before it are started again, and the module fails.
notes:
  - The guest needs systemd, and C(qemu-guest-agent) with the commands C(guest-exec) and C(guest-exec-status) allowed.
    Some distributions forbid them by default.
  - It works before a migration and while one runs in pre-copy.
options:
  state:
    description:
      - With V(stopped) the O(units) that work are stopped and noted.
      - With V(restored) all units that were noted are started, and the note is removed.
    type: str
    choices: [stopped, restored]
    required: true
  units:
    description:
      - Names of the units, with their suffix, such as C(backup.timer). Stopping a timer keeps it from firing.
      - A unit that the guest does not know, or that is not working, is left alone.
      - At most 256, with those that are noted already.
      - This or O(metadata_may) is required with O(state=stopped).
    type: list
    elements: str
  metadata_may:
    description:
      - Which units the guest's own metadata may have stopped, as patterns with C(*) and C(?). What it names and none of
        them matches is left alone, and told as a warning. By default its metadata is not asked.
      - The metadata names them in the attribute C(quiesce) of the element
        C(<guest xmlns="https://github.com/virtops/ansible-live-migration/guest/1"/>), separated by blanks.
    type: list
    elements: str
  timeout_s:
    description:
      - How long one command in the guest may take, in seconds. All of them together may take ten times as long, and 10
        minutes at least.
    type: float
    default: 60
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_forecast_info
    description: Says how much less a guest has to write.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Move a guest while its nightly jobs rest
  block:
    - name: Stop what writes much and can wait
      virtops.live_migration.guest_agent_services:
        name: erp01
        state: stopped
        units: [reports.service, backup.timer]

    - name: Migrate
      ansible.builtin.command:
        argv: [virsh, migrate, --live, --p2p, erp01, qemu+ssh://kvm02/system]
      changed_when: true
  always:
    - name: Put them back, wherever the guest runs now
      virtops.live_migration.guest_agent_services:
        uri: "{{ item }}"
        name: erp01
        state: restored
      loop: [qemu:///system, qemu+ssh://kvm02/system]
      register: result
      failed_when: result is failed and result.reason not in ['GUEST_NOT_FOUND', 'AGENT_SILENT', 'GUEST_NOT_RUNNING']
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
units:
  description: The units that were stopped or started, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [reports.service, backup.timer]
states:
  description:
    - The state of each unit that was looked at, as systemd tells it, or in check mode as it would be. V(not-found) is a
      unit that the guest does not know.
  returned: success
  type: dict
  sample:
    reports.service: inactive
    backup.timer: inactive
    nothing.service: not-found
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: NOT_STOPPED
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: All units work as before.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Find out in the guest why it does not stop, or leave it out.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample:
    unit: stubborn.service
    problem: Job for stubborn.service failed
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.host.parse.systemd_units import checked_units
from ..module_utils._core.text import printable
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.guest_agent.agent import Agent
from ..module_utils._libvirt.guest_agent.metadata_units import wanted_units
from ..module_utils._libvirt.guest_agent.services import Services
from ..module_utils._libvirt.job.current import require_running


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    stop = module.params["state"] == "stopped"
    wanted, problems = wanted_units(guest, (module.params["metadata_may"] or []) if stop else [])
    units = checked_units([*(module.params["units"] or []), *wanted])
    for problem in problems:
        module.warn(f"{printable(guest.name)}: {printable(problem)}.")
    if stop and not units:
        return {"changed": False, "units": [], "states": {}, "diff": {"before": {}, "after": {}}}
    require_running(guest)
    services = Services(Agent(guest, module.params["timeout_s"]), guest.name)
    if stop:
        found = services.stop(units, check=module.check_mode)
    else:
        found = services.restore(check=module.check_mode)
    return {
        "changed": bool(found.units),
        "units": found.units,
        "states": found.after,
        "diff": {"before": found.before, "after": found.after},
    }


def main() -> None:
    run_on_guest(
        {
            "state": {"type": "str", "choices": ["stopped", "restored"], "required": True},
            "units": {"type": "list", "elements": "str"},
            "metadata_may": {"type": "list", "elements": "str"},
            "timeout_s": {"type": "float", "default": 60},
        },
        work,
        required_if=[("state", "stopped", ["units", "metadata_may"], True)],
    )


if __name__ == "__main__":
    main()
