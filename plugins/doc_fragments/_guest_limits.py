# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What a guest says of itself: for every module that acts on a migration.
    DOCUMENTATION = r"""
options:
  heed_metadata:
    description:
      - Whether a guest may make the policy stricter for itself, by the attributes C(postcopy), C(max-downtime-ms),
        C(max-postcopy-s), C(max-pause-s), C(max-throttle-percent), C(shrink) and C(shrink-keep-mib) of the element in
        its metadata that M(virtops.live_migration.evacuation_plan_info) describes. It can make nothing laxer.
    type: bool
    default: true
"""

    # What is said of single guests: for modules with a policy.
    GUEST_OPTIONS = r"""
options:
  guest_options:
    description:
      - What holds for single guests, for example from the inventory. All entries that match a guest count, and a later
        one comes before an earlier one. Only V(never) for C(postcopy) in C(policy_overrides) holds whatever a later one
        says.
      - Where an entry, a plan, the guest's metadata and O(policy_overrides) say something of the same field of the
        policy, the most careful one holds. A guest that must not go by post-copy by any of them never does.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name or UUID of the guest, or a pattern of names with V(*) and V(?).
        type: str
        required: true
      policy:
        description: In the place of O(policy), for this guest.
        type: str
        choices: [minimal_downtime, suspend_workload, post_copy, very_large]
      policy_overrides:
        description: As O(policy_overrides), for this guest.
        type: dict
      copy_storage:
        description: How its disks go along, where the module starts migrations.
        type: str
        choices: [none, all, incremental]
      copy_disks:
        description:
          - Which of its disks are copied, by their targets, whenever its disks are copied. The others have to be on
            storage that both hosts have.
        type: list
        elements: str
"""
