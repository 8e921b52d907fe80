#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evacuation
short_description: Empty a host of its running guests, or send guests home, and verify the end
version_added: 0.1.0
description:
  - Moves all guests of a list off this host, several at a time, and sees each to its end as
    M(virtops.live_migration.migration) does. There are no batches. Whatever ends makes way at once for the next, which
    has been measured meanwhile. A guest that writes too fast to be sent beside others has the link for itself.
  - Can be interrupted at any moment and run again. It then adopts the migrations that run, leaves alone what is done,
    and recovers what broke.
  - At the end it asks libvirt who runs where. It fails, with the list, when a guest is not where it should be, or when
    a guest that was not to be left still runs on the host.
  - A guest is sent only where there is memory for all of it. A host that takes more than it has ends guests that ran
    there before.
  - A guest is never stopped unless its strategy says so, and is never destroyed.
  - What was not seen on a host that does not answer may run there all the same. A guest that runs neither here nor on a
    host that answered is then neither started nor reported as off. It fails with C(HOSTS_NOT_ASKED), and all others go
    on.
  - Run it on the source host. Several hosts may be emptied in one play.
options:
  guests:
    description:
      - The guests of this host, in the order in which they shall go. Guests that run on a destination already, or are
        on their way, may be among them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the guest.
        type: str
      uuid:
        description: UUID of the guest. It is preferred to the name.
        type: str
      destination:
        description:
          - Name of the destination, one of O(destinations).
          - A guest that runs or arrives on another one of them stays there.
        type: str
      alternatives:
        description:
          - Names of other destinations that would do, for when the first fails or fills. They are taken as they are
            named, with the memory for the guest looked at and nothing else. Who wants more looked at leaves them out,
            and plans again for the guests whose RV(guests[].elsewhere) is V(true).
        type: list
        elements: str
        default: []
      strategy:
        description:
          - V(migrate) moves the guest while it runs.
          - V(shutdown) asks it to shut down, and waits. It is not destroyed when it does not.
          - V(leave) leaves it where it is. It does not count when the host is to be empty.
          - V(start) starts a guest that an evacuation of this host has shut down. At its home it loses its mark then; a
            visitor keeps it. It is started only when all O(destinations) have answered and none of them runs it, so
            name each host that could run it. Where one does not answer, it fails with C(HOSTS_NOT_ASKED).
        type: str
        choices: [migrate, shutdown, leave, start]
        default: migrate
      sent_bytes:
        description: How much will be sent, from a plan, for the progress. By default the size of its memory.
        type: int
      copy_storage:
        description:
          - As O(copy_storage), for this guest. Its way home is the same, since its mark tells it.
        type: str
        choices: [none, all, incremental]
      copy_disks:
        description:
          - Which of its disks are copied, by their targets, as O(virtops.live_migration.migration#module:copy_disks).
            Its mark does not tell it. For the way home say it in O(guest_options), where it is needed.
        type: list
        elements: str
      policy:
        description: In the place of O(policy), for this guest.
        type: str
        choices: [minimal_downtime, suspend_workload, post_copy, very_large]
      policy_overrides:
        description:
          - As O(policy_overrides), for this guest, from a plan for example. Where O(guest_options), its metadata or
            O(policy_overrides) say something of the same field, the most careful one holds.
        type: dict
  destinations:
    description: Where guests may go.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name that O(guests[].destination) uses.
        type: str
        required: true
      destination_uri:
        description: The libvirt connection to it, as this host sees it.
        type: str
        required: true
      migrate_uri:
        description:
          - The address that memory is sent to, V(tcp://HOST) or V(rdma://HOST), with a port or without. By default
            libvirt on the destination chooses it.
        type: str
      link_mib_per_s:
        description: What the link to it carries, in MiB/s. By default the speed of the device that leads there.
        type: float
      crosses:
        description: Names of the O(shared_limits.limits) that a transfer to it counts for.
        type: list
        elements: str
        default: []
  purpose:
    description:
      - With V(evacuate) each guest is marked with its home, in its own metadata, before it leaves, and in the end no
        other guest may run on this host. A guest that is a visitor here keeps the home that it has.
      - With V(return) the mark is removed when the guest has arrived, and others may go on running here.
    type: str
    choices: [evacuate, return]
    default: evacuate
  slots:
    description: How much may go on at once.
    type: dict
    default: {}
    suboptions:
      per_source:
        description:
          - Guests that are sent from this host at the same time, at most.
          - Where the links were seen to carry no more with one more of them, the next one begins as those before it
            end. Guests that share a link only take longer, and more of them has to be sent again.
          - One more is set up when all of them are about to end, so that the link does not stand idle for the seconds
            that this takes.
        type: int
        default: 2
      per_destination:
        description:
          - Guests that arrive at one destination at the same time, from whichever host and whoever began it. The
            destination's own libvirt is asked before each start.
          - One more is set up when those of this host are about to end, unless other hosts send there too.
          - One host at a time looks and begins there, which the destination's libvirt sees to. So hosts that look
            within the same second do not take the last place both.
          - Once a host has seen guests of others there, it waits up to 2 seconds, by chance, before it takes a place
            that becomes free.
        type: int
        default: 2
      ahead:
        description:
          - Guests that are measured while others are sent, so that no link stands idle.
        type: int
        default: 2
      attempts:
        description: How often a guest is tried when its failure may pass, after 5, 15 and 45 seconds.
        type: int
        default: 3
      breaker:
        description:
          - So many failures in a row, of at least two guests, that speak of hosts or network and not of one guest, and
            no more are begun.
        type: int
        default: 4
  shutdown_timeout_s:
    description: How long a guest with O(guests[].strategy=shutdown) may take, in seconds.
    type: float
    default: 300
  shared_limits:
    description:
      - Limits of transfers at a time that hold over all hosts that are being emptied with the same limits, such as that
        of a link between racks, or over all hosts.
      - They are kept by leases, which are secrets without a value in the libvirt of one destination. A lease that is
        not renewed for 30 s, as its run has died, is taken away. No transfer begins while that libvirt does not answer.
      - When it has not for 5 minutes, as long as a host takes to boot again, the guests whose transfers count for a
        limit fail with C(LIMITS_UNREACHABLE), and stay where they are. The others go on.
    type: dict
    suboptions:
      kept_at:
        description: Name of the destination that keeps the leases, the same for all hosts that share them.
        type: str
        required: true
      limits:
        description: The limits.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: Name of the limit.
            type: str
            required: true
          at_most:
            description: So many transfers at a time.
            type: int
            required: true
  on_cancel:
    description:
      - What becomes of the transfers that run when it is cancelled. With V(finish) they are seen to their end.
      - With V(abort) those in pre-copy are aborted, and their guests go on here. A guest in post-copy has no whole copy
        on either host, and is sent to its end.
    type: str
    choices: [finish, abort]
    default: finish
  cancel_file:
    description:
      - A file on this host. When it appears, nothing more is begun, and what runs is treated as O(on_cancel) says.
        SIGTERM to the module does the same.
    type: path
notes:
  - With O(force) a guest is sent, too, although the destination has less free memory than the guest may use.
  - When the module, the connection of Ansible or the controller dies, the transfers that run go on. The next run adopts
    them.
  - In check mode it says who would go, and neither measures nor asks the guests anything.
  - A guest that is tried again at another destination, or later, has been left running here in between.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._policy
  - virtops.live_migration._metrics
  - virtops.live_migration._progress
  - virtops.live_migration._transfer
  - virtops.live_migration._guest_limits
  - virtops.live_migration._guest_limits.guest_options
  - virtops.live_migration._destination
  - virtops.live_migration._history
seealso:
  - module: virtops.live_migration.migration
    description: Moves one guest.
  - module: virtops.live_migration.evacuation_home_info
    description: Says which guests are away from home.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Empty this host
  virtops.live_migration.evacuation:
    guests:
      - name: erp01
        destination: kvm02
        alternatives: [kvm03]
      - name: crm01
        destination: kvm03
      - name: build07
        strategy: shutdown
      - name: sensor-gateway
        strategy: leave
    destinations:
      - name: kvm02
        destination_uri: qemu+ssh://root@kvm02/system
        migrate_uri: tcp://10.0.0.12
      - name: kvm03
        destination_uri: qemu+ssh://root@kvm03/system
        migrate_uri: tcp://10.0.0.13
    policy_overrides:
      postcopy: if_needed
    cancel_file: /run/virtops-evacuation.cancel

- name: Send a visitor home
  virtops.live_migration.evacuation:
    purpose: return
    guests:
      - uuid: 6420e6ce-0f4d-4a27-83da-5e8587498451
        destination: kvm01
    destinations:
      - name: kvm01
        destination_uri: qemu+ssh://root@kvm01/system
"""

RETURN = r"""
host:
  description: Name of this host.
  returned: always, unless the options are wrong
  type: str
  sample: kvm01
empty:
  description: Whether no guest but those left on purpose runs here, and no migration goes on. Not told for a return.
  returned: always, unless the options are wrong
  type: bool
  sample: true
guests:
  description: What came of each guest, in the order of the option.
  returned: always, unless the options are wrong
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: erp01
    uuid:
      description: UUID of the guest, empty where no host knows it.
      type: str
      sample: 6420e6ce-0f4d-4a27-83da-5e8587498451
    strategy:
      description: What was to be done.
      type: str
      sample: migrate
    source:
      description: Name of this host.
      type: str
      sample: kvm01
    destination:
      description: Where it was sent, by its name in O(destinations). Empty when it was not.
      type: str
      sample: kvm02
    outcome:
      description: What came of it. In check mode what would.
      type: str
      choices:
        - moved
        - adopted
        - recovered
        - already_there
        - shut_down
        - already_off
        - started
        - unmarked
        - left
        - aborted
        - failed
        - not_started
      sample: moved
    runs_on:
      description: The host it runs on, by its own name, where that is known.
      type: str
      sample: kvm02
    elapsed_s:
      description: From its first attempt to its end, with measuring and waiting for its turn.
      type: float
      sample: 6.1
    transfer_ms:
      description: How long its migration took.
      type: int
      sample: 1743
    downtime_ms:
      description: How long it stood still.
      type: int
      sample: 122
    sent_bytes:
      description: What was sent.
      type: int
      sample: 61735424
    remedies:
      description: What was done so that it finished.
      type: list
      elements: str
      sample: [start_postcopy]
    attempts:
      description: How often it was tried.
      type: int
      sample: 1
    reason:
      description: Code of the failure, empty without one.
      type: str
      sample: ""
    msg:
      description: The failure in words.
      type: str
      sample: ""
    state:
      description: What state it was left in.
      type: str
      sample: ""
    remedy:
      description: What to do about it.
      type: str
      sample: ""
    elsewhere:
      description: Whether it failed for the sake of its destination, so that another one may take it.
      type: bool
      sample: false
remaining:
  description: Who is still here. Empty for a return.
  returned: always, unless the options are wrong
  type: dict
  contains:
    running:
      description: Guests that run here and were not to be left, with their state.
      type: list
      elements: dict
      sample: []
    jobs:
      description: Guests that have a migration here, with their state.
      type: list
      elements: dict
      sample: []
stopped:
  description: Why no more were begun. Empty when nothing prevented it.
  returned: always, unless the options are wrong
  type: str
  sample: ""
elapsed_s:
  description: How long all of it took.
  returned: always, unless the options are wrong
  type: float
  sample: 14.2
sent_bytes:
  description: What was sent in all.
  returned: always, unless the options are wrong
  type: int
  sample: 301989888
record:
  description:
    - The account of it for P(virtops.live_migration.report_html#filter), with what each guest was doing when, what the
      links carried, and what was told to be left. Of a long one not every figure is kept.
  returned: always, unless the options are wrong or nothing was done in check mode
  type: dict
  contains:
    host:
      description: Name of this host.
      type: str
      sample: kvm01
    purpose:
      description: As the option.
      type: str
      sample: evacuate
    began_epoch_s:
      description: When it began, in seconds since 1970.
      type: float
      sample: 1796006400.0
    guests:
      description: As RV(guests), each with C(stages), C(expected) and C(decisions).
      type: list
      elements: dict
    links:
      description: Names of the destinations.
      type: list
      elements: str
    loads:
      description: Seconds since the beginning, and what each of C(links) carried then, in bytes per second.
      type: list
      elements: list
    told:
      description:
        - Seconds since the beginning; how many seconds were said to be left, guests done and failed, and bytes left.
      type: list
      elements: list
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: GUESTS_FAILED
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: erp01 is running (booted) on kvm01, and only there.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Run this again.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import evacuated_guests_spec, metrics_spec, policy_spec, transfer_spec
from ..module_utils._ansible.evacuation import (
    destinations_spec,
    evacuation_options,
    run_evacuation,
    shared_limits_spec,
    slots_spec,
)
from ..module_utils._ansible.history import history_spec
from ..module_utils._ansible.progress import ProgressFile, progress_spec
from ..module_utils._ansible.runner import Result, run
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.evacuation.evacuation import Evacuation


def work(module: AnsibleModule, connection: Connection) -> Result:
    options = evacuation_options(module.params)
    evacuation = Evacuation(connection, options, ProgressFile(module.params["progress_file"]).report)
    result = run_evacuation(evacuation, check=module.check_mode)
    for note in evacuation.notes:
        module.warn(note)
    return result


def main() -> None:
    run(
        {
            "guests": evacuated_guests_spec(),
            "destinations": destinations_spec(),
            "purpose": {"type": "str", "choices": ["evacuate", "return"], "default": "evacuate"},
            "slots": slots_spec(),
            "shared_limits": shared_limits_spec(),
            **transfer_spec(),
            "shutdown_timeout_s": {"type": "float", "default": 300},
            "on_cancel": {"type": "str", "choices": ["finish", "abort"], "default": "finish"},
            "cancel_file": {"type": "path"},
            **policy_spec(),
            **metrics_spec(),
            **history_spec(),
            **progress_spec(),
        },
        work,
        events=True,
    )


if __name__ == "__main__":
    main()
