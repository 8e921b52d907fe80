#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_job_info
short_description: Show the live migrations of a host, and why one does not finish
version_added: 0.1.0
description:
  - Returns the migration jobs that run on a host, each with its phase, its statistics, the limits in force and a
    diagnosis. The diagnosis has a verdict, the reason as a stable code, the figures behind it, and what can be done,
    each remedy with its C(virsh) command, its module, what it would do, and its risk.
  - It is the module for C(virsh domjobinfo).
  - One look compares the rate at which the guest rewrites memory with the rate at which it is sent. A guest that is
    stuck shows nearly equal rates, because QEMU counts a page once for each pass, whatever it really writes. With
    O(observe_s) the module watches what is left after each pass, which gives a firm verdict.
  - Jobs are told by the host that a guest leaves. On the destination libvirt knows only that a guest is arriving.
options:
  name:
    description:
      - Name of the domain. All domains of the host are looked at when neither O(name) nor O(uuid) is given.
  completed:
    description:
      - Return the last completed migration of each domain instead of the running ones. The statistics are kept, so that
        they can be read again.
      - libvirt has none while a job runs, after a migration that failed or was aborted, and after a restart of the
        daemon.
    type: bool
    default: false
  observe_s:
    description:
      - Watch the running jobs for so many seconds and diagnose from all that was seen. V(0) looks once.
      - A firm verdict needs two passes to begin in that time, and while disks are copied 30 seconds.
      - Watching ends early when no job is left.
    type: float
    default: 0
  link_mbit_per_s:
    description:
      - What the link between the hosts should carry, in Mbit/s. With it, a migration that gets much less is diagnosed
        as C(LINK_SLOW).
    type: int
  contract:
    description:
      - What may be done to the guest. It decides which remedies are RV(jobs[].diagnosis.remedies[].allowed), and from
        what downtime on a low limit is no longer the reason. What the guest forbids in its metadata is not allowed.
      - It is wide by default, so that a diagnosis names what would do. M(virtops.live_migration.migration_rescue) and
        M(virtops.live_migration.migration) do only what their policy allows, by default no post-copy.
    type: dict
    default: {}
    suboptions:
      max_downtime_ms:
        description: How long the guest may stand still at the switch-over, in milliseconds.
        type: int
        default: 1000
      postcopy:
        description: Whether the guest may be switched to post-copy.
        type: str
        choices: [never, if_needed, prefer]
        default: if_needed
      max_pause_s:
        description: How long the guest may be suspended to finish, in seconds. V(0) is not at all.
        type: float
        default: 0
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_downtime
  - module: virtops.live_migration.migration_bandwidth
  - module: virtops.live_migration.migration_postcopy
  - module: virtops.live_migration.migration_suspend
  - module: virtops.live_migration.migration_abort
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Which migrations run here, and how are they doing?
  virtops.live_migration.migration_job_info:
  register: migrations

- name: Why does the migration of erp01 not finish?
  virtops.live_migration.migration_job_info:
    name: erp01
    observe_s: 30
    contract:
      max_downtime_ms: 2000
      postcopy: never
  register: erp01

- name: How long did the guest stand still?
  virtops.live_migration.migration_job_info:
    name: erp01
    completed: true
"""

RETURN = r"""
jobs:
  description:
    - The migrations that run on this host, or the last completed ones with O(completed). Empty when there are none.
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
    phase:
      description:
        - Where the migration is.
        - V(none) is for a job that ended while it was watched, when the guest left this host without a word.
      type: str
      choices: [none, setup, precopy, switchover, postcopy, postcopy_failed, completed, failed]
      sample: precopy
    operation:
      description: Whether the guest leaves this host or arrives here.
      type: str
      choices: [outgoing, incoming]
      sample: outgoing
    elapsed_ms:
      description: Time since the job started.
      type: int
      sample: 35443
    pass:
      description:
        - The pass over the guest's memory that is being sent, from 1 on.
        - Not known (V(none)) for a guest that arrives.
      type: int
      sample: 6
    memory:
      description: The memory.
      type: dict
      contains:
        total_bytes:
          description: All memory of the guest.
          type: int
          sample: 538451968
        processed_bytes:
          description: Bytes sent so far. Pages that were sent again are counted again.
          type: int
          sample: 1673519064
        remaining_bytes:
          description: Bytes left in this pass. It falls during a pass and jumps up at the start of the next one.
          type: int
          sample: 32854016
        bandwidth_bytes_per_s:
          description: Bytes sent per second, by QEMU's last measurement of about 100 ms.
          type: int
          sample: 48222300
        dirty_pages_per_s:
          description: Distinct pages rewritten per second in the pass before. It is V(0) in the first pass.
          type: int
          sample: 11657
        page_size_bytes:
          description: Size of these pages.
          type: int
          sample: 4096
        dirty_bytes_per_s:
          description: The product of the two.
          type: int
          sample: 47747072
        normal_pages:
          description:
            - Pages sent that were neither zero nor encoded by xbzrle; compressed on several connections they count,
              too. V(none) where it is not told.
          type: int
          sample: 241664
    disk:
      description: The disks that are copied with the guest.
      type: dict
      contains:
        total_bytes:
          description: All of them.
          type: int
          sample: 0
        processed_bytes:
          description: Bytes sent so far.
          type: int
          sample: 0
        remaining_bytes:
          description: Bytes left.
          type: int
          sample: 0
    expected_downtime_ms:
      description:
        - QEMU's expectation of the downtime, if it switched over now. It means something from pass 2 on.
        - Before QEMU 3.0 it is another quantity, the dirty rate over the bandwidth, and is not used for the diagnosis.
      returned: while the job runs
      type: int
      sample: 5580
    downtime_ms:
      description: How long the guest stood still.
      returned: for a completed job
      type: int
      sample: 6656
    limits:
      description: The limits in force. A value is V(none) where it is not known.
      type: dict
      contains:
        max_downtime_ms:
          description: Maximum downtime.
          type: int
          sample: 300
        bandwidth_mib_per_s:
          description: Bandwidth of the pre-copy phase. V(0) is no limit.
          type: int
          sample: 0
        postcopy_bandwidth_mib_per_s:
          description: Bandwidth of the post-copy phase. V(0) is no limit.
          type: int
          sample: 0
    throttle_percent:
      description: How much of their time auto-converge takes from the guest's CPUs.
      type: int
      sample: 0
    own_limits:
      description:
        - The fields of a policy that the guest says of itself in its metadata, which every remedy has to keep to.
        - Empty when it says nothing, and where nothing can be chosen any more, as in post-copy.
      returned: while the job runs
      type: dict
      sample: {"postcopy": "never"}
    postcopy_requests:
      description: Pages that the guest had to wait for in post-copy.
      type: int
      sample: 0
    xbzrle:
      description: QEMU's counters of xbzrle since the start of the job. V(none) for a job without it.
      type: dict
      contains:
        cache_bytes:
          description: Size of the cache.
          type: int
          sample: 67108864
        encoded_bytes:
          description: What the pages that were found in the cache took on the wire.
          type: int
          sample: 4096000
        pages:
          description: Pages that were found in the cache.
          type: int
          sample: 10000
        cache_misses:
          description: Pages that were not found in it, and were sent as they are.
          type: int
          sample: 90000
        overflows:
          description: Pages that were found in it, would have become longer, and were sent as they are.
          type: int
          sample: 500
    diagnosis:
      description: Why it does not finish, or that it will.
      type: dict
      contains:
        verdict:
          description: How it is doing.
          type: str
          choices: [converging, stuck, stalled, finishing, broken, unknown, none]
          sample: stuck
        reason:
          description: The cause, as a stable code.
          type: str
          choices:
            - NO_JOB
            - COMPLETED
            - FAILED
            - INCOMING
            - CONVERGING
            - FIRST_PASS
            - RATES_CLOSE
            - SETUP_SLOW
            - BANDWIDTH_CAP
            - COMPRESSION_USELESS
            - LINK_SHARED
            - LINK_SLOW
            - NETWORK_STALL
            - DOWNTIME_LIMIT_LOW
            - DIRTY_RATE
            - THROTTLE_EXHAUSTED
            - STORAGE_COPY
            - SWITCHOVER_BLOCKED
            - SUSPENDED
            - POSTCOPY_RUNNING
            - POSTCOPY_BROKEN
          sample: DIRTY_RATE
        summary:
          description: The same in a sentence.
          type: str
          sample: >-
            erp01 rewrites its memory as fast as the link carries it, so it never finishes on its own: 45.5 MiB/s of
            memory is rewritten while 45.5 MiB/s is sent, and it would have to stand still for about 5.6 s (limit
            300 ms) to finish. It has sent its memory 3.11 times over.
        evidence:
          description:
            - The figures behind it. What is not known is left out.
            - C(firm) says whether the verdict was seen over two boundaries or only follows from the rates; while disks
              are copied, whether that was watched for half a minute.
            - C(postcopy_obstacles) has what of the guest post-copy cannot cope with, of C(HOST_DEVICES), C(NVDIMM),
              C(VIRTIOFS) and C(SHARED_FILE_MEMORY).
            - C(boundaries) has the pass and the bytes left for each bitmap sync that was seen.
            - C(needed_downtime_ms) is how long the guest would have to stand still, C(downtime_to_set_ms) the limit to
              set for that, and C(longest_pause_ms) how long a suspended guest would stand still at most.
            - Instead of the first two there is C(left_now_ms), how long what is left at this moment takes, where a
              single look cannot tell them, as with QEMU before 3.0.
            - C(compressed_to_percent) is what pages take on the wire, of their size, C(compression_pages) how many
              pages that was seen of, and C(cache_misses_percent) how many of them were not in the cache of xbzrle, of
              C(compression_cache_bytes). C(sending_busy_percent) is for how much of the time the threads run that
              compress, and C(compressed_memory_bytes_per_s) what they get through. On several connections it takes
              QEMU 8.1, and this module on the hypervisor itself.
          type: dict
          sample:
            looks: 45
            observed_s: 20.0
            boundaries: [[4, 267800576], [5, 267718656], [6, 267800576]]
            bandwidth_bytes_per_s: 47736569
            dirty_bytes_per_s: 47747072
            dirty_to_bandwidth_ratio: 1.0
            remaining_bytes: 32854016
            sent_over_memory: 3.11
            needed_downtime_ms: 5609
            downtime_to_set_ms: 6510
            longest_pause_ms: 6297
            needed_bandwidth_bytes_per_s: 892395520
            max_downtime_ms: 300
            bandwidth_limit_mib_per_s: 0
            firm: true
        remedies:
          description: What can be done, best first.
          type: list
          elements: dict
          contains:
            action:
              description: Short name of the remedy.
              type: str
              sample: postcopy
            command:
              description: The C(virsh) command. Empty when it is to be done by hand.
              type: str
              sample: virsh migrate-postcopy erp01
            module:
              description: The module of this collection, or empty.
              type: str
              sample: migration_postcopy
            expected:
              description: What it would do, in numbers.
              type: str
              sample: >-
                The guest goes on on the destination at once and fetches the rest over the network, for at most about
                6.3 s.
            risk:
              description: What can go wrong.
              type: str
              sample: >-
                Until the end the guest lives on both hosts: if the network or a host fails, it stops and may be lost.
                Not for a critical guest or over an unstable network. It cannot be undone.
            allowed:
              description:
                - Whether O(contract), the flags that the job was started with, and what the guest has admit it.
              type: bool
              sample: true
guests:
  description: The guests that were looked at and are still on this host.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the guest.
      type: str
    uuid:
      description: UUID of the guest.
      type: str
    state:
      description: Its state on this host.
      type: str
    state_reason:
      description: Why it is in that state.
      type: str
  sample:
    - name: erp01
      uuid: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
      state: running
      state_reason: booted
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

from ..module_utils._ansible.argspec import ONE_GUEST, guest_spec
from ..module_utils._ansible.runner import Result, run
from ..module_utils._core.diagnosis.diagnosis import diagnose
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.guest_policy import GuestPolicies
from ..module_utils._core.job.sample import Phase
from ..module_utils._core.policy import policy_from
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest, all_guests, find_guest
from ..module_utils._libvirt.job.sampling import Watched, context_of, look, look_back
from ..module_utils._libvirt.metadata import limits_to_tell

BITS_PER_MBIT = 1_000_000

OPTIONS: dict[str, t.Any] = {
    **guest_spec(),
    "completed": {"type": "bool", "default": False},
    "observe_s": {"type": "float", "default": 0},
    "link_mbit_per_s": {"type": "int"},
    "contract": {
        "type": "dict",
        "default": {},
        "options": {
            "max_downtime_ms": {"type": "int", "default": 1000},
            "postcopy": {"type": "str", "choices": ["never", "if_needed", "prefer"], "default": "if_needed"},
            "max_pause_s": {"type": "float", "default": 0},
        },
    },
}


def running_jobs(module: AnsibleModule, connection: Connection, guests: t.Sequence[Guest]) -> list[dict[str, t.Any]]:
    params = module.params
    policy = policy_from(params["contract"])
    link = params["link_mbit_per_s"]
    link_bytes_per_s = link * BITS_PER_MBIT // 8 if link else None
    watched, problems = look(connection, guests, params["observe_s"])
    warn_of(module, guests, problems)
    found = []
    for one in watched:
        own = own_limits_of(module, one)
        allowed = GuestPolicies(policy).of(one.guest.name, one.guest.uuid, own)
        context = context_of(one, connection, allowed, link_bytes_per_s)
        document = one.samples[-1].document(diagnose(one.samples, context).document())
        found.append({**document, "own_limits": own})
    return found


def own_limits_of(module: AnsibleModule, one: Watched) -> dict[str, t.Any]:
    """What the guest says of itself, where something can still be done about its migration."""
    if one.samples[-1].phase is not Phase.PRECOPY or one.samples[-1].operation != "outgoing":
        return {}
    own, notes = limits_to_tell(one.guest)
    for note in notes:
        module.warn(note)
    return own


def completed_jobs(module: AnsibleModule, guests: t.Sequence[Guest]) -> list[dict[str, t.Any]]:
    samples, problems = look_back(guests)
    warn_of(module, guests, problems)
    return [sample.document(diagnose([sample]).document()) for sample in samples]


def warn_of(module: AnsibleModule, guests: t.Sequence[Guest], problems: t.Sequence[MigrationError]) -> None:
    """One guest that cannot be read does not hide the others; it is an error when there is no other."""
    if problems and len(guests) == 1:
        raise problems[0]
    for problem in problems:
        module.warn(str(problem))


def work(module: AnsibleModule, connection: Connection) -> Result:
    policy_from(module.params["contract"])  # refused before anything is asked
    name, uuid = module.params["name"], module.params["uuid"]
    guests = [find_guest(connection, name, uuid)] if name or uuid else all_guests(connection)
    jobs = completed_jobs(module, guests) if module.params["completed"] else running_jobs(module, connection, guests)
    return {"changed": False, "jobs": jobs, "guests": [document for guest in guests for document in guest.documents()]}


def main() -> None:
    run(OPTIONS, work, events=True, mutually_exclusive=[ONE_GUEST])


if __name__ == "__main__":
    main()
