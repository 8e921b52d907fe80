#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evacuation_plan_info
short_description: Plan the emptying of hosts, and say what keeps a guest from moving
version_added: 0.1.0
description:
  - Works out which guest of the hosts that are to be emptied goes to which other host, in which order, over which links
    at the same time, and when each one and all of them will be done.
  - For a guest that can go nowhere it says what is in the way on which host, and the smallest set of changes that would
    let it move while all others go where they go.
  - It is pure computing over the documents that other modules returned. It needs no libvirt and connects to nothing, so
    that it can run anywhere, and nothing is changed.
  - A guest that is busy gets its way for itself, or a share of it at which its migration does not drag on. Quiet ones
    fill the rest of the links. There are no batches. Whatever ends makes way for the next one at once.
  - No guest is planned to be stopped unless the user says so, in O(guests) or in its metadata.
  - Guests can carry their wishes in their metadata, under the namespace
    C(https://github.com/virtops/ansible-live-migration/guest/1), as an element with the attributes C(strategy),
    C(if-unplaceable), C(priority), and C(together) and C(apart) with names of rules. What O(guests) says comes last.
    With C(postcopy), C(max-downtime-ms), C(max-postcopy-s), C(max-pause-s), C(max-throttle-percent), C(shrink) and
    C(shrink-keep-mib) a guest makes the policy stricter for itself, also when the plan is carried out, and never laxer.
  - Whoever may edit a guest can write its metadata. So it speaks for that guest only, as far as O(metadata_may) allows.
    What makes no sense there, or is not allowed, counts as if it had not been said, and a warning tells it.
options:
  sources:
    description:
      - The documents of the hosts that are to be emptied, as M(virtops.live_migration.migration_host_info) returns
        them.
      - They receive nothing.
    type: list
    elements: dict
    required: true
  destinations:
    description:
      - The documents of the hosts that can receive guests. One that is among O(sources) as well does not count.
    type: list
    elements: dict
    required: true
  readiness:
    description:
      - Results of the readiness checks for guests and destinations, each with C(uuid), C(destination), C(ready) and
        C(checks).
      - A guest goes to no host for which a check failed, or which is missing here. Checks of memory and of the forecast
        are passed over, because the plan counts these itself.
      - If it is left out, only memory, devices and limits decide, and a warning says so.
    type: list
    elements: dict
  measurements:
    description:
      - What is known of guests. Each entry is the result of M(virtops.live_migration.migration_forecast_info), or
        RV(virtops.live_migration.migration_dirty_rate_info#module:dirty_rate).
      - A guest without one gets at least half of its way, and its times are the least that it can take.
    type: list
    elements: dict
    default: []
  guests:
    description:
      - What is to be done with guests. All entries that match a guest count, and a later one comes before an earlier
        one, of O(guests[].policy_overrides) for each field by itself. Only V(never) for C(postcopy) there holds
        whatever a later one says.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name or UUID of the guest, or a pattern of names with V(*) and V(?).
        type: str
        required: true
      strategy:
        description:
          - Whether to migrate it, to shut it down, or to leave it where it is.
          - V(migrate) is the default.
        type: str
        choices: [migrate, shutdown, leave]
      if_unplaceable:
        description:
          - Whether to leave it where it is or to shut it down if it can go nowhere.
          - V(leave) is the default.
        type: str
        choices: [leave, shutdown]
      priority:
        description: Guests of a higher priority get a place, and go, before others. V(0) is the default.
        type: int
      destinations:
        description: Names of the only hosts that it may go to.
        type: list
        elements: str
      except_destinations:
        description:
          - Names of hosts that it must not go to, such as one that has refused it. Those of all entries count.
        type: list
        elements: str
      policy:
        description: In the place of O(policy), for this guest.
        type: str
        choices: [minimal_downtime, suspend_workload, post_copy, very_large]
      policy_overrides:
        description:
          - As O(policy_overrides), for this guest. No guest may exceed what O(policy_overrides) says.
          - It is in RV(plan.guests[].policy_overrides), so that whoever carries the plan out keeps to it.
        type: dict
  groups:
    description: Rules between guests.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the rule.
        type: str
        required: true
      guests:
        description: Names or UUIDs of the guests, or patterns of names.
        type: list
        elements: str
        required: true
      rule:
        description: Whether they belong on one host or on different ones.
        type: str
        choices: [together, apart]
        required: true
      hard:
        description: Whether a guest rather stays where it is than break the rule.
        type: bool
        default: true
  metadata_may:
    description:
      - What guests may say of themselves in their metadata.
      - V(strategy) is whether the guest is migrated, shut down or left, and what is done if it can go nowhere.
      - V(priority) is when it goes. One of more than 0 takes nobody's place.
      - V(rules) are which guests it would like to be with, or apart from. No guest stays behind for the sake of it.
      - V(policy) are stricter limits for its own migration.
      - With V(places) its priority decides, too, who gets a place where not all do.
      - With V(hard_rules) such rules are kept, although others that name the same rule may be left without a place.
    type: list
    elements: str
    choices: [strategy, priority, rules, policy, places, hard_rules]
    default: [strategy, priority, rules, policy]
  hosts:
    description: What holds for single hosts, in the place of the options of the same names.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the host, as its document has it.
        type: str
        required: true
      cordoned:
        description: Whether it receives nothing.
        type: bool
      link_mib_per_s:
        description: As O(link_mib_per_s).
        type: float
      reserve_mib:
        description: As O(reserve_mib).
        type: int
      max_incoming:
        description: As O(max_incoming).
        type: int
      max_outgoing:
        description: As O(max_outgoing).
        type: int
      max_guests:
        description: The most guests that it may have.
        type: int
      max_vcpus:
        description: The most virtual CPUs that its guests may have together.
        type: int
      uplinks:
        description: Names of the links of O(uplinks) that it is behind.
        type: list
        elements: str
  uplinks:
    description:
      - Links that several hosts share, such as those of a rack. What goes between a host behind one and a host that is
        not crosses it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the link.
        type: str
        required: true
      mib_per_s:
        description: What it carries in either direction, in MiB/s.
        type: float
        required: true
      max_transfers:
        description: The most migrations that may cross it at a time in either direction.
        type: int
  link_mib_per_s:
    description:
      - What the migration link of a host carries, in MiB/s. A link of 10 Gb/s carries about 1100.
      - If it is not given, it is the speed of the interface that the document of the host names, where that is real.
    type: float
  transfer_mib_per_s:
    description:
      - The most that a single migration can send, in MiB/s, if that is less than a link.
    type: float
  reserve_mib:
    description: Memory of a host that stays free, in MiB.
    type: int
    default: 1024
  guest_overhead_mib:
    description: What a guest takes beside its memory, in MiB.
    type: int
    default: 200
  max_incoming:
    description: The most migrations that a host receives at a time. V(0) is no limit.
    type: int
    default: 2
  max_outgoing:
    description: The most migrations that a host sends at a time. V(0) is no limit.
    type: int
    default: 4
  max_transfers:
    description: The most migrations at a time over all hosts. V(0) is no limit.
    type: int
    default: 0
  setup_s:
    description: How long a migration takes before it sends, in seconds.
    type: float
    default: 1
  copy_storage:
    description: Whether the disks of guests are copied along.
    type: bool
    default: false
  within_s:
    description: How long all of it may take, in seconds. The plan then says whether that is kept, and who is late.
    type: float
  uri:
    description:
      - Not used, because nothing is connected to. It is there so that C(module_defaults) of the action group can set it
        for all modules.
    type: str
    default: qemu:///system
  uri_allow:
    description:
      - What O(uri) may have in it, likewise.
    type: list
    elements: str
    default: []
requirements:
  - Python 3.9 or later on the host that runs the module.
notes:
  - The plan is only as good as what it is made of. Gather the documents and the readiness shortly before.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._policy
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Look at all hosts
  hosts: hypervisors
  gather_facts: false
  tasks:
    - name: Read what there is
      virtops.live_migration.migration_host_info:
      register: look

    - name: Where would the guests of kvm01 go, and how long would it take?
      virtops.live_migration.evacuation_plan_info:
        sources: "{{ [hostvars['kvm01'].look.host] }}"
        destinations: "{{ ansible_play_hosts | map('extract', hostvars, ['look', 'host']) | list }}"
        link_mib_per_s: 1100
        guests:
          - name: "test-*"
            strategy: shutdown
          - name: erp01
            priority: 10
        groups:
          - name: databases
            guests: [db01, db02]
            rule: apart
      delegate_to: localhost
      run_once: true
      register: result

    - name: Show the plan
      ansible.builtin.debug:
        msg: "{{ result.report }}"
      run_once: true

    - name: Stop here if somebody would be left behind
      ansible.builtin.assert:
        that: result.plan.empties
        fail_msg: "{{ result.plan.summary }}"
      run_once: true
"""

RETURN = r"""
plan:
  description: The plan. Times are in seconds from its start.
  returned: success
  type: dict
  contains:
    summary:
      description: The plan in a sentence.
      type: str
      sample: >-
        3 of 5 running guests move off 1 host in about 27.0 s, 1 to be shut down, 1 without a place to go. Not empty
        afterwards: kvm01.
    empties:
      description: Whether no running guest is left on any of the sources.
      type: bool
      sample: false
    eta_s:
      description: When the last migration is done.
      type: float
      sample: 27.0
    least_s:
      description:
        - The least time in which these guests could get to these hosts, by the bytes over each link, by the limits of
          migrations at a time, and by the longest migration.
      type: float
      sample: 25.4
    measured:
      description: Whether all guests that move were measured. Else the times are the least that it can take.
      type: bool
      sample: true
    sent_bytes:
      description: What is sent in all.
      type: int
      sample: 30520861240
    guests:
      description: The guests that move, in the order in which they start.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the guest.
          type: str
        uuid:
          description: UUID of the guest.
          type: str
        from:
          description: The host that it leaves.
          type: str
        to:
          description: The host that it goes to.
          type: str
        order:
          description: Its place in the order, from V(1) up.
          type: int
        priority:
          description: Its priority.
          type: int
        start_s:
          description: When it starts.
          type: float
        end_s:
          description: When it is done.
          type: float
        sent_bytes:
          description: What is sent for it.
          type: int
        bytes_per_s:
          description: At which rate, on average.
          type: int
        least_bytes_per_s:
          description: The rate below which its migration would drag on, or below which nobody gets.
          type: int
        way:
          description:
            - How it finishes. By plain pre-copy, with the guest slowed down, by post-copy, or with a pause. It is not
              known of a guest that was not measured.
          type: str
          choices: [precopy, throttle, postcopy, pause, unknown]
        downtime_ms:
          description: How long it stands still at the switch-over, in milliseconds. V(null) if it was not measured.
          type: int
        policy_overrides:
          description: Fields of the policy that O(guests) says for this guest alone. Empty where it says none.
          type: dict
        reason:
          description: Why it gets what it gets of the links.
          type: str
      sample:
        - name: erp01
          uuid: a3a032be-0551-58b1-a8c8-62b4a067a488
          from: kvm01
          to: kvm02
          order: 1
          priority: 0
          start_s: 0.0
          end_s: 20.6
          sent_bytes: 21928887070
          bytes_per_s: 1116250000
          least_bytes_per_s: 838860800
          way: precopy
          downtime_ms: 124
          policy_overrides: {}
          reason: "busy: gets at least 800.0 MiB/s"
    shutdown:
      description: The guests that are to be shut down, because the user says so.
      type: list
      elements: dict
      contains: &stays
        name:
          description: Name of the guest.
          type: str
        uuid:
          description: UUID of the guest.
          type: str
        host:
          description: The host that it is on.
          type: str
        reason:
          description: Why.
          type: str
      sample:
        - name: test01
          uuid: 33570bba-eeb4-5f86-a4d4-a928c5a0c930
          host: kvm01
          reason: to be shut down, as asked for
    left:
      description: The guests that stay where they are, because the user says so or because they do not run.
      type: list
      elements: dict
      contains: *stays
      sample: []
    unplaceable:
      description: The guests that can go nowhere.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the guest.
          type: str
        uuid:
          description: UUID of the guest.
          type: str
        host:
          description: The host that it is on.
          type: str
        together_with:
          description: Names of the guests that it goes with or not at all.
          type: list
          elements: str
        reasons:
          description: What is in the way, each with the hosts on which it is.
          type: list
          elements: dict
          contains:
            reason:
              description: A stable code.
              type: str
              choices: &reasons
                - CORDONED
                - GUEST_LIMIT
                - VCPU_LIMIT
                - ANTI_AFFINITY
                - AFFINITY
                - NOT_ALLOWED
                - CONTRACT
                - MEMORY
                - CHECK
                - PINNED
                - HOST_DEVICE
                - NO_DESTINATION
            subject:
              description: The check that fails, or the rule that would be broken.
              type: str
            hosts:
              description: The hosts.
              type: list
              elements: str
            why:
              description: The same in words. Of memory, the least that a host lacks.
              type: str
        changes:
          description:
            - The smallest set of changes that would let it move. All of them are needed, and no others.
            - A field that does not apply is left out.
          type: list
          elements: dict
          contains:
            reason:
              description: What the change takes away.
              type: str
              choices: *reasons
            host:
              description: The host to change.
              type: str
            guest:
              description: UUID of the guest to change.
              type: str
            subject:
              description: The check to mend, or the rule to do without.
              type: str
            size_bytes:
              description: Memory that would have to come free, in bytes.
              type: int
            count:
              description: How many more guests or virtual CPUs to allow, or how many devices to detach.
              type: int
            page_kib:
              description: Size of the pages of that memory, in KiB. Ordinary ones if it is not given.
              type: int
            nodes:
              description: The NUMA nodes on which the memory would have to be. Anywhere if it is not given.
              type: list
              elements: int
            why:
              description: What is in the way.
              type: str
            change:
              description: What to do.
              type: str
      sample:
        - name: gpu01
          uuid: 59c66f1f-72b3-5070-ae86-532632d0d034
          host: kvm01
          together_with: []
          reasons:
            - reason: MEMORY
              subject: ""
              hosts: [kvm02]
              why: kvm02 lacks 5.6 GiB of memory
            - reason: CORDONED
              subject: ""
              hosts: [kvm03]
              why: kvm03 is cordoned
          changes:
            - reason: CORDONED
              host: kvm03
              why: kvm03 is cordoned
              change: uncordon kvm03
    sources:
      description: What becomes of each host that is to be emptied.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the host.
          type: str
        migrate:
          description: How many guests move off it.
          type: int
        shutdown:
          description: How many are shut down.
          type: int
        left:
          description: How many running ones are left on it by request.
          type: int
        unplaceable:
          description: How many can go nowhere.
          type: int
        empties:
          description: Whether no running guest is left.
          type: bool
        eta_s:
          description: When its last migration is done.
          type: float
      sample:
        - name: kvm01
          migrate: 3
          shutdown: 1
          left: 0
          unplaceable: 1
          empties: false
          eta_s: 27.0
    hosts:
      description: The load on each host that sends or receives.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the host.
          type: str
        outgoing:
          description: How many guests leave it.
          type: int
        incoming:
          description: How many it receives.
          type: int
        peak_outgoing:
          description: The most that leave it at a time.
          type: int
        peak_incoming:
          description: The most that it receives at a time.
          type: int
        peak_out_bytes_per_s:
          description: The most that it sends, in bytes per second.
          type: int
        peak_in_bytes_per_s:
          description: The most that it receives, in bytes per second.
          type: int
        memory_taken_bytes:
          description: Memory that the guests that it receives take.
          type: int
        memory_left_bytes:
          description: What is left of its free memory, in pages of all sizes, the reserve included.
          type: int
        guests:
          description: Running guests on it afterwards. V(0) for a source.
          type: int
      sample:
        - name: kvm02
          outgoing: 0
          incoming: 2
          peak_outgoing: 0
          peak_incoming: 2
          peak_out_bytes_per_s: 0
          peak_in_bytes_per_s: 1175000000
          memory_taken_bytes: 21894266880
          memory_left_bytes: 3875536896
          guests: 2
    links:
      description: The load on each link and direction that is used.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the host or of the uplink.
          type: str
        direction:
          description: From the host or from those behind the uplink, or to them.
          type: str
          choices: [out, in]
        bytes_per_s:
          description: What it carries at most.
          type: int
        sent_bytes:
          description: What it carries in all.
          type: int
        transfers:
          description: How many migrations cross it.
          type: int
        peak_bytes_per_s:
          description: The most that crosses it, in bytes per second.
          type: int
        peak_transfers:
          description: The most migrations that cross it at a time.
          type: int
        least_s:
          description: What it needs for all of it, in seconds.
          type: float
      sample:
        - name: kvm01
          direction: out
          bytes_per_s: 1175000000
          sent_bytes: 30520861240
          transfers: 3
          peak_bytes_per_s: 1175000000
          peak_transfers: 3
          least_s: 26.0
    deadline:
      description: How the plan does against O(within_s). Empty without it.
      type: dict
      contains:
        within_s:
          description: What was asked for.
          type: float
        kept:
          description: Whether it is kept. V(null) where it is by the least times, as not all guests were measured.
          type: bool
        left_s:
          description: What is left then, less than 0 where it is not kept.
          type: float
        late:
          description: Names of the guests that have not arrived by then.
          type: list
          elements: str
        too_slow:
          description: Links that need longer than that for what they have to carry, whatever the order is.
          type: list
          elements: str
      sample:
        within_s: 1800
        kept: true
        left_s: 1773.0
        late: []
        too_slow: []
    rules:
      description:
        - The options that the plan was made by, without the documents, and C(destinations), the names of the hosts that
          could receive guests. With them another plan can be made by the same rules, as when a destination fails.
      type: dict
report:
  description: The plan as lines of text.
  returned: success
  type: list
  elements: str
  sample:
    - "3 of 5 running guests move off 1 host in about 27.0 s, 1 to be shut down, 1 without a place to go. Not empty"
    - "afterwards: kvm01."
    - ""
    - "       guest  from   to       from then        until    to send"
    - "    1  erp01  kvm01  kvm02         0 ms       20.6 s   20.4 GiB"
    - "       busy: gets at least 800.0 MiB/s"
    - "    2  web02  kvm01  kvm03         0 ms       23.5 s    4.0 GiB"
    - "    3  web01  kvm01  kvm02       19.6 s       27.0 s    4.0 GiB"
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: BANDWIDTH_UNKNOWN
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was planned and nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Say it with link_mib_per_s, for all hosts or for this one; 10 Gbit/s are about 1100 MiB/s.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import policy_of
from ..module_utils._ansible.plan_options import HOST_OPTIONS, plan_rules_spec, rules_of
from ..module_utils._ansible.runner_without_libvirt import run_without_libvirt
from ..module_utils._core.evacuation.plan.deadline import against_deadline
from ..module_utils._core.evacuation.plan.fleet import Uplink
from ..module_utils._core.evacuation.plan.input import PlanOptions, fleet_from_documents
from ..module_utils._core.evacuation.plan.input_host import HostSettings
from ..module_utils._core.evacuation.plan.plan import plan_evacuation
from ..module_utils._core.evacuation.plan.plan_document import plan_document
from ..module_utils._core.evacuation.plan.report import plan_lines
from ..module_utils._core.host.document import host_from
from ..module_utils._core.units import MIB

OPTIONS: dict[str, t.Any] = {
    **plan_rules_spec(),
    "sources": {"type": "list", "elements": "dict", "required": True},
    "destinations": {"type": "list", "elements": "dict", "required": True},
    "readiness": {"type": "list", "elements": "dict"},
    "measurements": {"type": "list", "elements": "dict", "default": []},
    "within_s": {"type": "float"},
}


def wanted(params: t.Mapping[str, t.Any]) -> PlanOptions:
    return PlanOptions(
        policy_of(params),
        HostSettings(**{name: params[name] for name in HOST_OPTIONS}),
        {one["name"]: HostSettings(**{key: one[key] for key in one if key != "name"}) for one in params["hosts"]},
        params["guests"],
        params["groups"],
        tuple(Uplink(one["name"], one["mib_per_s"] * MIB, one["max_transfers"]) for one in params["uplinks"]),
        params["max_transfers"] or None,
        params["transfer_mib_per_s"],
        params["setup_s"],
        params["guest_overhead_mib"],
        params["copy_storage"],
        params["metadata_may"],
        {key: value for key, value in params["policy_overrides"].items() if value is not None},
    )


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    sources, destinations = (
        [host_from(document, f"{option}[{number}]") for number, document in enumerate(params[option])]
        for option in ("sources", "destinations")
    )
    fleet, warnings = fleet_from_documents(
        sources, destinations, params["readiness"], params["measurements"], wanted(params)
    )
    for warning in warnings:
        module.warn(warning)
    plan = plan_document(plan_evacuation(fleet))
    within_s = params["within_s"]
    plan["deadline"] = None if within_s is None else against_deadline(plan, within_s)
    plan["rules"] = {**rules_of(params), "destinations": [one.name for one in destinations]}
    return {"changed": False, "plan": plan, "report": plan_lines(plan)}


def main() -> None:
    run_without_libvirt(OPTIONS, work)


if __name__ == "__main__":
    main()
