#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_readiness_info
short_description: Can these guests be migrated to these hosts, and if not, why
version_added: 0.1.0
description:
  - Checks the guests of this host against one or more destinations, and returns for each check what was found, the
    figures behind it, and what to do. Nothing is changed, and no guest is asked anything.
  - A destination is given by its document, as M(virtops.live_migration.migration_host_info) returns it. With
    O(destination_uri) its libvirt is asked too, whether it can run the processors of the guests, and a login as the
    source's daemon does it is tried.
  - A guest is RV(domains[].ready) when no check fails. A warning is for what may go wrong later, costs time, or could
    not be told.
  - They are listed in R(Readiness checks, ansible_collections.virtops.live_migration.docsite.readiness_checks).
notes:
  - Run it on the source. From there it looks up the route to each destination and tries to connect to its daemon and to
    one of its migration ports, the highest one, unless the document says that it is not free. No other port that a
    guest may be awaited on is touched.
  - QEMU itself knows a few more reasons not to migrate, for example of the driver of a device. It is asked with
    O(ask_qemu) only.
options:
  name:
    description:
      - Name of the guest. All guests of the host are checked when neither O(name) nor O(uuid) is given.
  destination:
    description:
      - The document of the destination.
      - Exactly one of O(destination) and O(destinations) is required.
    type: dict
  destinations:
    description:
      - The documents of several destinations. Each guest is checked against each of them.
      - A document may also be given as JSON text, which takes much less time where there are hundreds of guests.
    type: list
    elements: dict
  destination_uri:
    description:
      - The libvirt URI of the destination, as the source's daemon will use it, for example
        V(qemu+ssh://root@kvm02/system).
      - Only with one destination.
    type: str
  ask_qemu:
    description:
      - Whether to ask the libvirt and the QEMU of the source what stands against moving each running guest. QEMU knows
        of devices of which no document tells.
      - Reading the answer from the guest's monitor would mark the guest as tainted. Instead a migration is begun to an
        address at which nothing can listen. libvirt asks QEMU and looks at the guest before it tries the address, and
        gives up there. It takes some milliseconds, sends nothing and changes no limit.
      - A guest on which a job runs, and one that does not run, is left alone.
      - Only on the source itself.
    type: bool
    default: false
  source:
    description:
      - The document of this host, when it was gathered before. Without, it is gathered now.
    type: dict
  rules:
    description:
      - Checks of your own, on top of the others. Each is a dictionary.
      - C(id) is its name, other than those of the collection.
      - C(expr) is a L(JMESPath,https://jmespath.org) expression over a dictionary with the keys C(domain), C(source)
        and C(destination). The rule holds when it finds something other than C(false), C(null) and nothing.
      - C(message) says what is wrong when it does not hold.
      - C(severity) is what it is then, C(fail) or C(warn). By default C(fail).
      - C(remedy) says what to do then. It may be left out.
    type: list
    elements: dict
    default: []
  dirty_rates:
    description:
      - What M(virtops.live_migration.migration_dirty_rate_info) returned as
        RV(virtops.live_migration.migration_dirty_rate_info#module:dirty_rate), for the guests that were measured.
        Without, nothing is said of whether a migration would finish.
    type: list
    elements: dict
    default: []
  bandwidth_mib_per_s:
    description:
      - What a migration can use, in MiB/s. By default what the slower one of the two migration interfaces carries, if
        they are hardware.
    type: float
  contract:
    description:
      - What may be done to the guests.
    type: dict
    default: {}
    suboptions:
      max_downtime_ms:
        description: How long a guest may stand still at the switch-over, in milliseconds.
        type: int
        default: 1000
      postcopy:
        description: Whether a guest may be switched to post-copy.
        type: str
        choices: [never, if_needed, prefer]
        default: if_needed
      max_postcopy_s:
        description: How long it may depend on both hosts then, in seconds.
        type: float
        default: 120
      max_pause_s:
        description: How long a guest may be suspended to finish, in seconds. V(0) is not at all.
        type: float
        default: 0
      max_throttle_percent:
        description: How much of its processor time auto-converge may take.
        type: int
        default: 60
      shrink:
        description: Whether memory that a guest can spare may be taken from it before it is sent.
        type: str
        choices: [never, balloon]
        default: never
  copy_storage:
    description:
      - Whether local disks are to be copied with the guest, whole or only what differs from their base images.
    type: str
    choices: [none, all, incremental]
    default: none
  copy_disks:
    description:
      - Which disks are to be copied with O(copy_storage), by their targets, as with
        O(virtops.live_migration.migration#module:copy_disks). By default those that are surely the source's own.
    type: list
    elements: str
  tls:
    description:
      - Whether the stream is to be encrypted.
    type: bool
    default: false
  critical:
    description:
      - Names of guests that must not be risked. For them post-copy is not advised.
    type: list
    elements: str
    default: []
  statuses:
    description:
      - Which checks to list. All are counted. With hundreds of guests V(fail) and V(warn) keep the result small.
    type: list
    elements: str
    choices: [pass, warn, fail, skip]
    default: [pass, warn, fail, skip]
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._destination
requirements:
  - The Python library C(jmespath) on the host that runs the module, only with O(rules).
seealso:
  - module: virtops.live_migration.migration_host_info
  - module: virtops.live_migration.migration_dirty_rate_info
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: What is the destination like?
  virtops.live_migration.migration_host_info:
  register: destination
  delegate_to: kvm02

- name: Can erp01 go to kvm02?
  virtops.live_migration.migration_readiness_info:
    name: erp01
    destination: "{{ destination.host }}"
    destination_uri: qemu+ssh://root@kvm02/system
  register: readiness

- name: Stop if it cannot
  ansible.builtin.assert:
    that: readiness.domains[0].ready
    fail_msg: "{{ readiness.domains[0].summary }}"

- name: Which guests could go where, by our own rules too? Only problems are listed
  virtops.live_migration.migration_readiness_info:
    destinations: "{{ ansible_play_hosts | map('extract', hostvars, ['kvm', 'host']) }}"
    statuses: [fail, warn]
    rules:
      - id: same_room
        severity: warn
        expr: "domain.metadata.\"https://example.com/room\" == destination.name[:2]"
        message: The guest would leave its room.
      - id: no_production_on_old_hosts
        expr: "!starts_with(domain.name, 'prod-') || destination.cpu.threads >= `64`"
        message: Production guests need a host with 64 threads.
        remedy: Choose another host.
  register: readiness
"""

RETURN = r"""
domains:
  description: One entry for each guest and destination.
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
      sample: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
    destination:
      description: Name of the destination.
      type: str
      sample: kvm02
    ready:
      description: Whether no check failed.
      type: bool
      sample: false
    checks:
      description: What the checks found, those of O(statuses).
      type: list
      elements: dict
      contains:
        id:
          description: Stable id of the check, or of your rule.
          type: str
          sample: disks_reachable
        status:
          description: What came of it. V(skip) is for what could not be told or is not asked for this guest.
          type: str
          choices: [pass, warn, fail, skip]
          sample: fail
        summary:
          description: The same in a sentence.
          type: str
          sample: >-
            The destination cannot reach all disks: vda: /var/lib/libvirt/images is a local file system (tmpfs) of the
            source.
        evidence:
          description: The figures and names behind it.
          type: dict
          sample: {"disks": ["vda: /var/lib/libvirt/images is a local file system (tmpfs) of the source"]}
        remedy:
          description: What to do.
          type: str
          sample: >-
            Copy them with the guest (copy_storage), or put them on storage that both hosts have, at the same path.
    counts:
      description: How many checks passed, and so on.
      type: dict
      sample: {"pass": 40, "warn": 4, "fail": 2, "skip": 6}
    summary:
      description: The result in a sentence.
      type: str
      sample: >-
        erp01 cannot go to kvm02: The destination cannot reach all disks: vda: /var/lib/libvirt/images is a local file
        system (tmpfs) of the source. And 1 more.
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: BAD_RULE
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
evidence:
  description: The facts behind a failure, for example the name of the rule.
  returned: failure
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import ONE_GUEST, changes_spec, guest_spec
from ..module_utils._ansible.gather import gather
from ..module_utils._ansible.readiness import AssessmentOptions, assess, chosen, measurements
from ..module_utils._ansible.runner import Result, run
from ..module_utils._core.destination_changes import changes_from
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.host.document import HostDocument, host_from
from ..module_utils._core.policy import SHRINK_CHOICES, policy_from
from ..module_utils._core.readiness.checks.all_checks import CHECKS
from ..module_utils._core.readiness.checks.check_types import STATUSES, ReadinessOptions
from ..module_utils._core.readiness.site_rules import rules_from
from ..module_utils._core.units import MIB
from ..module_utils._host.document import HostDocumentOptions
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.host.preflight import objections

OPTIONS: dict[str, t.Any] = {
    **guest_spec(),
    "destination": {"type": "dict"},
    "destinations": {"type": "list", "elements": "dict"},
    "destination_uri": {"type": "str"},
    "ask_qemu": {"type": "bool", "default": False},
    "source": {"type": "dict"},
    # Checked by rules_from: Ansible keeps "message" for itself, also as the name of a suboption.
    "rules": {"type": "list", "elements": "dict", "default": []},
    "dirty_rates": {"type": "list", "elements": "dict", "default": []},
    "bandwidth_mib_per_s": {"type": "float"},
    "contract": {
        "type": "dict",
        "default": {},
        "options": {
            "max_downtime_ms": {"type": "int", "default": 1000},
            "postcopy": {"type": "str", "choices": ["never", "if_needed", "prefer"], "default": "if_needed"},
            "max_postcopy_s": {"type": "float", "default": 120},
            "max_pause_s": {"type": "float", "default": 0},
            "max_throttle_percent": {"type": "int", "default": 60},
            "shrink": {"type": "str", "choices": list(SHRINK_CHOICES), "default": "never"},
        },
    },
    "copy_storage": {"type": "str", "choices": ["none", "all", "incremental"], "default": "none"},
    "copy_disks": {"type": "list", "elements": "str"},
    **changes_spec(),
    "tls": {"type": "bool", "default": False},
    "critical": {"type": "list", "elements": "str", "default": []},
    "statuses": {"type": "list", "elements": "str", "choices": list(STATUSES), "default": list(STATUSES)},
}


def readiness_options(params: t.Mapping[str, t.Any]) -> ReadinessOptions:
    bandwidth = params["bandwidth_mib_per_s"]
    if bandwidth is not None and not bandwidth > 0:
        raise bad(f"bandwidth_mib_per_s is {bandwidth:g}, but must be more than 0.")
    return ReadinessOptions(
        policy_from(params["contract"]),
        params["copy_storage"],
        params["tls"],
        int(bandwidth * MIB) if bandwidth else None,
        params["critical"],
        changes_from(params["destination_changes"]),
        params["copy_disks"],
    )


def destinations_of(params: t.Mapping[str, t.Any]) -> list[HostDocument]:
    if params["destination"] is not None:
        return [host_from(params["destination"], "destination")]
    found = [host_from(one, f"destinations[{number}]") for number, one in enumerate(params["destinations"])]
    if params["destination_uri"] and len(found) != 1:
        raise bad(f"destination_uri is that of one destination, and there are {len(found)}.")
    return found


def bad(problem: str) -> MigrationError:
    return MigrationError("OUT_OF_RANGE", problem, state="Nothing was changed.", remedy="Correct the value.")


def source_of(module: AnsibleModule, connection: Connection, destinations: t.Sequence[HostDocument]) -> HostDocument:
    if module.params["source"] is not None:
        return host_from(module.params["source"], "source")
    peers = [one.migration.address for one in destinations if one.migration.address]
    source = gather(module, connection, HostDocumentOptions(peers=peers))
    for problem in source.problems:
        module.warn(problem)
    return source


def work(module: AnsibleModule, connection: Connection) -> Result:
    params = module.params
    rules = rules_from(params["rules"], [check.id for check in CHECKS])
    options, destinations = readiness_options(params), destinations_of(params)
    measured = measurements(params["dirty_rates"])
    source = source_of(module, connection, destinations)
    guests = chosen(source, params["name"], params["uuid"])
    asked = objections(connection, [one.uuid for one in guests if one.active]) if params["ask_qemu"] else {}
    question = AssessmentOptions(
        source, destinations, options, rules, measured, params["destination_uri"] or "", connection.local, asked
    )
    found = assess(question, guests)
    return {"changed": False, "domains": [one.document(params["statuses"]) for one in found]}


def main() -> None:
    run(
        OPTIONS,
        work,
        documents=("source", "destination", "destinations"),
        mutually_exclusive=[ONE_GUEST, ("destination", "destinations")],
        required_one_of=[("destination", "destinations")],
    )


if __name__ == "__main__":
    main()
