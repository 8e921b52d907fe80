# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use it from other collections or standalone plugins and modules!


from __future__ import annotations


class ModuleDocFragment:
    # The guest and what may be done to it: for the filters that forecast.
    DOCUMENTATION = r"""
options:
  _input:
    description:
      - The guest as RV(virtops.live_migration.migration_dirty_rate_info#module:dirty_rate) describes it. Needed of it
        are C(dirty_bytes_per_s), C(working_set_bytes) and C(memory_bytes).
    type: dict
    required: true
  touched_bytes:
    description: Memory that the guest uses at all. By default all that it has.
    type: int
  host_devices:
    description:
      - How many devices of the host it has, such as virtual functions of a network card. Each of them adds about 50 ms
        to the downtime, and they rule post-copy out.
    type: int
    default: 0
  policy:
    description: What may be done to the guest. The names are those of M(virtops.live_migration.migration_rescue).
    type: str
    choices: [minimal_downtime, suspend_workload, post_copy, very_large]
    default: minimal_downtime
  max_downtime_ms:
    description: How long the guest may stand still at the switch-over, in milliseconds. The policy says by default.
    type: int
  postcopy:
    description: Whether the guest may run split over two hosts. The policy says by default.
    type: str
    choices: [never, if_needed, prefer]
  max_pause_s:
    description: How long it may stand still to finish when nothing shorter does. The policy says by default.
    type: float
  max_throttle_percent:
    description: How much of its processor time auto-converge may take. The policy says by default.
    type: int
"""
