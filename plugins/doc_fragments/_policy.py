# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use it from other collections or standalone plugins and modules!

# Must be kept in step with policy_spec() in plugins/module_utils/_ansible/argspec.py.

from __future__ import annotations


class ModuleDocFragment:
    # What may be done to a guest: for modules that see a migration to its end.
    DOCUMENTATION = r"""
options:
  policy:
    description:
      - What may be done to the guest. The names are those of oVirt's migration policies.
      - V(minimal_downtime) allows 500 ms of downtime and no post-copy.
      - V(suspend_workload) allows a pause of 5 s as well, when nothing shorter finishes.
      - V(post_copy) switches to post-copy whenever that is faster.
      - V(very_large) allows 1500 ms of downtime and a pause of 5 s.
    type: str
    choices: [minimal_downtime, suspend_workload, post_copy, very_large]
    default: minimal_downtime
  policy_overrides:
    description: Fields of the policy that are to be different.
    type: dict
    default: {}
    suboptions:
      max_downtime_ms:
        description: How long the guest may stand still at the switch-over, in milliseconds.
        type: int
      postcopy:
        description: Whether the guest may run split over two hosts.
        type: str
        choices: [never, if_needed, prefer]
      max_postcopy_s:
        description: How long it may depend on both hosts, in seconds.
        type: float
      max_pause_s:
        description:
          - How long it may stand still to finish when nothing shorter does, in seconds.
          - V(0) is not at all. A policy that would suspend it at the deadline then aborts the migration.
        type: float
      max_throttle_percent:
        description:
          - How much of its processor time auto-converge may take.
          - Where a migration was started without auto-converge, and passes no longer get it down, as much may be taken
            by the quotas of the guest's virtual processors, in steps of 20 %. It is done where the module runs on the
            source host as root, and libvirt has made a control group for each virtual processor. What was there before
            is put back in every case, also when the module is killed. V(0) is never.
          - A migration that is met with more has not broken this limit. What is allowed is done to bring it to its end,
            and only when it is slowed down further is O(policy_overrides.on_hopeless) looked at.
        type: int
      deadline_s:
        description:
          - How long its memory may take, in seconds, from when the module begins to look after it. By default six times
            what it takes once, and at least a minute.
        type: float
      storage_deadline_s:
        description:
          - How long the copying of its disks may take, in seconds. By default a minute for each GiB, and at least ten
            minutes.
        type: float
      setup_deadline_s:
        description:
          - How long its migration may be in preparation without a byte sent, in seconds. The destination gets the
            memory of the guest ready then, and clears it where it is allocated beforehand.
          - By default three minutes, and a second more for each GiB of its memory.
        type: float
      max_data_factor:
        description: How many times its memory may be sent, counted likewise. By default six times.
        type: float
      patience_s:
        description: How long a finish that is possible may be put off for a shorter downtime, in seconds.
        type: float
      max_restarts:
        description:
          - How many times a migration may be started again where a restart of libvirt on the source has ended it. By
            default it is not.
          - Only modules that start migrations do so. A restart ends a pre-copy, and keeps a post-copy.
        type: int
      shrink:
        description:
          - Whether memory that the guest does not use, or uses as a cache only, is taken from it by its balloon before
            it is sent, so that less has to be sent. What it had is noted in its metadata before, and given back on
            whichever host it ends, also when the migration fails. When the module dies meanwhile, the next run gives
            it back.
          - V(never) is the default. With V(balloon) as much is taken as the guest says that it can spare, step by step,
            and no more once it swaps. It must read again what was cached.
          - Only modules that start migrations do so. It is not done, and said why, with devices of the host, locked or
            encrypted memory, hugepages or an NVDIMM, without a virtio balloon, for a guest that tells no figures of its
            memory or stands still, and where it would take longer than it saves.
          - libvirt allows no change of a guest's memory while it is migrated. A guest that needs more than
            O(policy_overrides.shrink_keep_mib) meanwhile swaps, or its kernel ends programs. C(autodeflate='on') of its
            balloon keeps it from that.
        type: str
        choices: [never, balloon]
      shrink_keep_mib:
        description:
          - What a guest keeps to give out to its programs while it is smaller, in MiB, its caches counted.
          - The default is V(256).
        type: int
      on_hopeless:
        description:
          - What to do when a deadline or the data limit is reached, also that of its preparation, or when the
            destination's daemon has not answered for 10 s before the switch-over, because then the guest could end up
            running on both hosts.
          - With V(leave) the migration goes on as it is, with V(abort) it is aborted, and with V(pause) the guest is
            suspended for as long as O(policy_overrides.max_pause_s) allows, and the migration aborted after that.
        type: str
        choices: [abort, leave, pause]
      mode:
        description:
          - With V(observe) everything is decided and recorded, and nothing is touched. Watching ends when the migration
            does, or at the deadline or the data limit.
        type: str
        choices: [act, observe]
"""
