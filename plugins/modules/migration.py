#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration
short_description: Move a running guest to another host, and see it to its end
version_added: 0.1.0
description:
  - Says where a guest shall run, and does what is missing for that. A guest that is there already is left alone. A
    migration that goes there already is adopted, and a broken post-copy of it is recovered when the policy allows it.
    What does not fit, such as a migration to a third host, is refused with nothing touched.
  - Before the start it measures how much memory the guest keeps rewriting, where O(measure) says that this is needed,
    and forecasts the migration under the policy. From that it chooses what cannot be added later (post-copy,
    auto-converge, compression, parallel connections). When nothing within the policy finishes, it says so with numbers
    and starts nothing.
  - It then supervises the migration as M(virtops.live_migration.migration_rescue) does, and at the end verifies that
    the guest runs on the destination and only there.
  - The definition and the autostart mark go with the guest.
  - Run it on the source host. The migration is peer-to-peer, so the source's libvirt connects to the destination's.
options:
  destination_uri:
    description:
      - The libvirt connection to the destination, as the source host sees it, for example V(qemu+tcp://kvm02/system) or
        V(qemu+ssh://root@kvm02/system).
      - The host that runs the module connects to it, too.
    type: str
    required: true
  migrate_uri:
    description:
      - The address that memory is sent to, for example V(tcp://10.0.0.12) on a network for migrations. By default
        libvirt on the destination chooses it.
      - V(tcp://HOST) or V(rdma://HOST), with a port or without.
    type: str
  link_mib_per_s:
    description:
      - What the link to the destination carries, in MiB/s, where that is known. The forecast rests on it.
      - By default the speed of the device is taken that the route leads over, where it has one.
    type: float
  copy_disks:
    description:
      - Which disks are copied with O(copy_storage), by their targets, such as V(vda). The others have to be on storage
        that both hosts have, or libvirt refuses.
      - One that is reached over a network, or is on a network file system at the same path on the destination, is
        refused.
    type: list
    elements: str
  destination_xml:
    description:
      - The definition that the guest is to run with on the destination, as a whole, where O(destination_changes) cannot
        say it. Begin with C(virsh dumpxml --migratable --security-info GUEST).
      - Only what belongs to the host may differ. Whatever the guest would see is refused before anything is touched.
        Metadata is taken from the source.
    type: str
  persistent_xml:
    description:
      - The same for the definition that it is started with the next time. Needed with O(destination_xml), unless the
        guest is transient on the destination.
    type: str
  wait:
    description:
      - Whether to see it to its end. With V(false) the module returns when memory is being sent, with the whole
        downtime of the policy as the limit, and nobody looks after it until the module is run again.
    type: bool
    default: true
notes:
  - When the module, the connection of Ansible or the controller dies, the migration goes on. The next run adopts it.
  - In check mode the guest is measured, and the forecast made, but nothing is started.
  - libvirt must run the migration from host to host by itself. Log in once as root from the source to the destination
    where the URI uses SSH.
  - A migration that fails is told with the reason of libvirt. Its daemon keeps that nowhere else.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._destination
  - virtops.live_migration._policy
  - virtops.live_migration._metrics
  - virtops.live_migration._progress
  - virtops.live_migration._transfer
  - virtops.live_migration._guest_limits
  - virtops.live_migration._guest_limits.guest_options
  - virtops.live_migration._history
seealso:
  - module: virtops.live_migration.migration_rescue
    description: For a migration whose destination is not to be given.
  - module: virtops.live_migration.migration_dirty_rate_info
    description: Only measures.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Move erp01 to kvm02, with post-copy when it does not finish otherwise
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
    migrate_uri: tcp://10.0.0.12
    policy_overrides:
      postcopy: if_needed

- name: Would it finish?
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
    link_mib_per_s: 1100
  check_mode: true
  register: foreseen

- name: Move it to a host whose bridge and console address have other names
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
    destination_changes:
      bridges:
        br0: br-vm
      listen_addresses:
        10.0.0.11: 10.0.0.12

- name: Copy one disk with it; the others are on shared storage
  virtops.live_migration.migration:
    name: erp01
    destination_uri: qemu+ssh://root@kvm02/system
    copy_storage: all
    copy_disks: [vdb]

- name: Move a guest most of whose memory is free or a cache, without sending that
  virtops.live_migration.migration:
    name: web01
    destination_uri: qemu+ssh://root@kvm02/system
    policy_overrides:
      shrink: balloon
      shrink_keep_mib: 512

- name: Move a guest that must not stand still for more than 300 ms, and give up after ten minutes
  virtops.live_migration.migration:
    name: db01
    destination_uri: qemu+ssh://root@kvm02/system
    policy: minimal_downtime
    policy_overrides:
      max_downtime_ms: 300
      deadline_s: 600
      on_hopeless: abort
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
  sample: 6420e6ce-0f4d-4a27-83da-5e8587498451
outcome:
  description:
    - What came of it. V(moved), V(adopted) for a migration that ran already, V(recovered) for one whose post-copy was
      broken, V(already_there), or V(started) without O(wait).
    - In check mode what would come of it.
  returned: success
  type: str
  choices: [moved, adopted, recovered, already_there, started]
  sample: moved
runs_on:
  description: Name of the host that the guest runs on now. Empty when that is not known, or not one host.
  returned: always, unless it failed before both hosts were looked at
  type: str
  sample: kvm02
forecast:
  description: What was expected before the start. Empty where nothing was started.
  returned: success, and after a failure where it was made
  type: dict
  contains:
    way:
      description: How it was meant to finish, V(none) when no way within the policy was known.
      type: str
      choices: [precopy, throttle, postcopy, pause, none, unknown]
    will_finish:
      description: Whether it finishes. Empty when that was not known.
      type: bool
    sure:
      description: Whether it finishes even if the guest writes half as much again as was measured.
      type: bool
    summary:
      description: The same in words.
      type: str
    expected:
      description: Time, bytes, downtime and passes that were expected.
      type: dict
    worst:
      description: The same for a guest that writes half as much again.
      type: dict
    flags:
      description: What it was started with.
      type: dict
    start_limit_ms:
      description: The downtime limit that it was started with.
      type: int
    needs:
      description: Where there is no way, what would be needed, each of them alone.
      type: dict
    basis:
      description: What the forecast rests on, and where that comes from.
      type: dict
    shrink:
      description:
        - What O(policy_overrides.shrink=balloon) comes to. V(possible), and if not, V(reason) and V(msg) say why.
        - Else what the guest has (V(from_bytes)) and is left with (V(to_bytes)), by how much less is sent
          (V(saved_bytes)), how much of what is taken is a cache that it has to read again (V(cache_bytes)), and both
          times with what is sent, V(total_s) with V(takes_s) of it for taking, and V(total_without_s).
        - Empty where the policy does not allow it.
      type: dict
  sample:
    way: postcopy
    will_finish: true
    sure: true
    summary: >-
      It finishes by post-copy, 7.4 s of it dependent on both hosts: about 10.1 s, 458.4 MiB sent, 60 ms of downtime.
    expected:
      finishes: true
      passes: 1
      total_s: 10.1
      sent_bytes: 480633261
      downtime_ms: 60
      floor_bytes: 50708909
      postcopy_s: 7.4
    worst:
      finishes: true
      passes: 1
      total_s: 11.0
      sent_bytes: 525107339
      downtime_ms: 60
      floor_bytes: 95182987
      postcopy_s: 8.3
    flags:
      postcopy: true
      auto_converge: false
      throttle_initial_percent: 0
      throttle_increment_percent: 0
      xbzrle_cache_bytes: 0
      parallel_connections: 0
      zstd_level: 0
    start_limit_ms: 80
    needs: {}
    basis:
      touched_bytes: 429924352
      touched_from: the mapping of its memory
      bandwidth_bytes_per_s: 47815065
      bandwidth_source: link_mib_per_s
      working_set_bytes: 275892716
      working_set_is_lower_bound: false
      dirty_bytes_per_s: 97009141
      dirty_rate_is_lower_bound: false
      not_measured: null
      host_devices: 0
      vcpus_busy_percent: [9]
      idle_processors: null
actions:
  description: What was done while it ran, in order.
  returned: success, and after a failure when it ran
  type: list
  elements: dict
  contains:
    action:
      description: What it was.
      type: str
    reason:
      description: Why, as a stable code.
      type: str
    because:
      description: Why, in words.
      type: str
    value:
      description: The value set, if any.
      type: float
    numbers:
      description: The figures it rests on.
      type: dict
    apply:
      description: Whether it was to be done.
      type: bool
  sample:
    - action: start_postcopy
      apply: true
      because: "the guest was measured: it finishes only, or much sooner, by post-copy"
      numbers:
        bandwidth_bytes_per_s: 49249231
        remaining_bytes: 394653696
      reason: POSTCOPY_PLANNED
      value: null
downtime_ms:
  description: How long the guest stood still, where libvirt tells it.
  returned: success
  type: int
  sample: 255
elapsed_ms:
  description: How long the migration took, where libvirt tells it.
  returned: success
  type: int
  sample: 10823
shrink:
  description:
    - What was taken from the guest's memory before it was sent, and whether it has got it back, also from a run before
      that has died. Empty where nothing was.
    - When it has not got all of it back where it runs, the module fails with C(LEFT_SMALL). What it had stays noted in
      its metadata, and the next run gives it back.
  returned: success, and after a failure where something was taken
  type: dict
  contains:
    former_bytes:
      description: What it had before, and has again.
      type: int
      sample: 1073741824
    left_bytes:
      description: What it had while it was sent. Empty for what a run before has taken.
      type: int
      sample: 411942912
    freed_bytes:
      description: By how much less the host had given it then.
      type: int
      sample: 560922624
    took_s:
      description: How long taking took, in seconds.
      type: float
    stopped_by:
      description: Why no more was taken.
      type: str
      choices:
        - all_that_can_be_spared
        - guest_swaps
        - balloon_stands_still
        - guest_tells_nothing
        - takes_too_long
        - changed_by_somebody_else
    given_back:
      description: Whether it has all of it again.
      type: bool
    given_back_on:
      description: Name of the host on which it was given back.
      type: str
kept:
  description: What was missing after the guest's arrival, and was done then.
  returned: success
  type: list
  elements: str
  sample: [set_autostart_on_destination]
record:
  description:
    - The account of it, with every look, boundary and decision, as M(virtops.live_migration.migration_rescue) has it.
  returned: when a migration was looked after
  type: dict
  contains:
    outcome:
      description: Phase in which it ended, or V(left).
      type: str
      sample: completed
    sent_bytes:
      description: Memory sent in all.
      type: int
      sample: 462378795
    decisions:
      description: What was decided, with the time, the pass and the figures.
      type: list
      elements: dict
    vcpu_throttle:
      description: What was taken from its virtual processors by their quotas.
      returned: when it was slowed down so
      type: dict
      contains:
        most_percent:
          description: The most that was taken, of the time that they may have otherwise.
          type: int
          sample: 60
        held_back_s:
          description:
            - For how long each of them was kept from running, on average, by the kernel's own count.
            - Null where they had a limit before, which is in that count as well.
          type: float
          sample: 5.31
        problems:
          description: Why it ended before the migration did, and what could not be put back. Each is a warning, too.
          type: list
          elements: str
          sample: []
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: NO_WAY
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: The guest runs on the source as before. Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: >-
    Allow one of these in policy_overrides, wait for a calmer hour, let the guest do less (role guest_quiesce, or
    live_migration_quiesce of the playbooks), or start it nevertheless with force.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample:
    needs:
      bandwidth_bytes_per_s: 108155902
      bandwidth_more_bytes_per_s: 60340837
      max_downtime_ms: 5500
      writes_less_percent: 60
      postcopy: true
"""

from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import (
    ONE_GUEST,
    destination_spec,
    guest_spec,
    metrics_spec,
    policy_spec,
    transfer_spec,
)
from ..module_utils._ansible.history import history_spec
from ..module_utils._ansible.progress import ProgressFile, progress_spec
from ..module_utils._ansible.runner import Result, run
from ..module_utils._ansible.transfer import migration_options, policies_of
from ..module_utils._core.migration.call_parameters import check_copies
from ..module_utils._host.metrics_directory import metrics_directory
from ..module_utils._libvirt.connection import Connection, connect_destination
from ..module_utils._libvirt.migration.early_measurement import begin_early
from ..module_utils._libvirt.migration.migration import Migration
from ..module_utils._libvirt.migration.options import MigrationOptions
from ..module_utils._libvirt.migration.two_hosts import TwoHosts


def options_of(module: AnsibleModule) -> MigrationOptions:
    params = module.params
    metrics = metrics_directory(params["metrics_directory"])
    options = migration_options(params, params, policies_of(params), wait=params["wait"], metrics=metrics)
    if options.policies is None or not options.policies.may_copy():
        check_copies(options.start)
    return options


def work(module: AnsibleModule, connection: Connection) -> Result:
    options = options_of(module)
    asked = (module.params["name"], module.params["uuid"])
    # QEMU measures while the destination is connected to.
    how = {"check": module.check_mode, "calm_wait_s": options.calm_wait_s}
    early = begin_early(connection, *asked, options.policies, options.measurement, **how)
    options = replace(options, early=early)
    with connect_destination(module.params["destination_uri"]) as destination:
        ends = TwoHosts(connection, destination, *asked)
        migration = Migration(ends, options, ProgressFile(module.params["progress_file"]).report)
        result = migration.run(check=module.check_mode)
        for note in migration.notes:
            module.warn(note)
        return {"name": ends.guest.name, "uuid": ends.guest.uuid, **result}


def main() -> None:
    run(
        {
            **guest_spec(),
            **policy_spec(),
            **destination_spec(required=True),
            "link_mib_per_s": {"type": "float"},
            "copy_disks": {"type": "list", "elements": "str"},
            # A definition has passwords of consoles in it.
            "destination_xml": {"type": "str", "no_log": True},
            "persistent_xml": {"type": "str", "no_log": True},
            **transfer_spec(),
            "wait": {"type": "bool", "default": True},
            **metrics_spec(),
            **history_spec(),
            **progress_spec(),
        },
        work,
        events=True,
        required_one_of=[ONE_GUEST],
        mutually_exclusive=[ONE_GUEST],
    )


if __name__ == "__main__":
    main()
