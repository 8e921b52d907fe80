#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_forecast_info
short_description: Say how the live migration of a guest will go, before it is started
version_added: 0.1.0
description:
  - Measures how much of its memory a running guest rewrites, and works out whether its migration will finish within a
    policy, by which way, how long it takes, how much it sends, and how long the guest stands still.
  - It says what cannot be added later and has to be chosen at the start, such as post-copy, auto-converge, parallel
    connections and the bandwidth.
  - If it does not finish, it says how much bandwidth, downtime or less writing would do.
  - With O(calm_wait_s) it measures again and again until the guest is quiet enough to be moved by plain pre-copy, and
    says when that was.
  - The guest goes on running, and nothing is changed. The figures are the same by which
    M(virtops.live_migration.migration_rescue) and the start of a migration decide.
notes:
  - It is not possible while a migration, a backup or another job runs on the guest, and the module says so at once.
  - Whether the destination can do post-copy is not known here. It is refused at the start of the migration if not.
options:
  link_mib_per_s:
    description:
      - What the link to the destination carries, in MiB/s. A link of 10 Gb/s carries about 1100.
      - If it is not given, it is the speed of the device over which O(destination) is reached, and where that is not
        known, the bandwidth that the last migration of the guest had, as long as libvirt remembers that.
    type: float
  destination:
    description:
      - Where the guest is to go, as the name of a host, an address or a libvirt URI. If that host has an address of its
        own for migrations, that one.
      - It is only asked of the kernel of this host which device leads there, and of that one how fast it is. Virtual
        devices are not believed.
    type: str
  bandwidth_mib_per_s:
    description:
      - The limit that the migration is to have, in MiB/s. V(0) is no limit.
      - The smaller of it and O(link_mib_per_s) counts. The last bytes are not kept to the limit, so where it is the
        smaller one the guest is expected to stand still for less than by the limit.
    type: int
  dirty_rate:
    description:
      - What the guest rewrites, as RV(virtops.live_migration.migration_dirty_rate_info#module:dirty_rate) has it.
        C(dirty_bytes_per_s) and C(working_set_bytes) of it are needed.
      - If it is given, nothing is measured.
      - Mutually exclusive with O(calm_wait_s).
    type: dict
  mode:
    description:
      - How QEMU measures. See O(virtops.live_migration.migration_dirty_rate_info#module:mode).
    type: str
    choices: [page-sampling, dirty-bitmap, dirty-ring]
    default: page-sampling
  parallel_connections:
    description: The most connections that both hosts admit. As many are recommended as the bandwidth can fill.
    type: int
    default: 8
  compression:
    description:
      - With V(auto) pages that are sent again are compressed where that can pay, and with V(none) they are not.
    type: str
    choices: [auto, none]
    default: auto
  calm_wait_s:
    description:
      - How long to wait for a quiet moment, in seconds.
      - A moment is quiet if the migration would finish by plain pre-copy, without slowing the guest down, pausing or
        splitting it, even if it wrote half as much again.
      - A measurement takes from 5 to 21 seconds, depending on the length of the first pass, and one is always made.
    type: float
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
  - virtops.live_migration._policy
seealso:
  - module: virtops.live_migration.migration_dirty_rate_info
    description: Only measures.
  - plugin: virtops.live_migration.expected_transfer
    plugin_type: filter
    description: The same forecast for figures that are known already.
  - plugin: virtops.live_migration.required_bandwidth
    plugin_type: filter
    description: The same forecast run backwards.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Would erp01 get over a link of 10 Gb/s, with at most a second of downtime?
  virtops.live_migration.migration_forecast_info:
    name: erp01
    link_mib_per_s: 1100
    policy_overrides:
      max_downtime_ms: 1000
  register: result

- name: Fail with the numbers if not
  ansible.builtin.assert:
    that: result.forecast.will_finish
    fail_msg: "{{ result.forecast.summary }}"

- name: Wait up to ten minutes for a quiet moment
  virtops.live_migration.migration_forecast_info:
    name: erp01
    destination: kvm02-migration
    calm_wait_s: 600
  register: result
  failed_when: not result.calm.quiet
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
forecast:
  description: How it will go, and what it needs.
  returned: success
  type: dict
  contains:
    way:
      description:
        - How it finishes. By plain pre-copy, with the guest slowed down, by post-copy, with a pause, or not at all.
      type: str
      choices: [precopy, throttle, postcopy, pause, none]
      sample: none
    will_finish:
      description: Whether it finishes within the policy.
      type: bool
      sample: false
    sure:
      description: Whether it finishes even if the guest writes half as much again as was measured.
      type: bool
      sample: false
    summary:
      description: The same in words.
      type: str
      sample: >-
        It does not finish within the policy: each pass leaves about 207.1 MiB. One of these would do: 41.2 MiB/s
        more bandwidth, a downtime of 4.9 s, 50 % less writing in the guest, post-copy.
    expected:
      description: The course of it by that way. If it does not finish, the course by pre-copy until it stands still.
      type: dict
      contains:
        finishes:
          description: Whether it comes to an end.
          type: bool
        passes:
          description: How many times memory is gone through.
          type: int
        total_s:
          description: How long it takes, in seconds.
          type: float
        sent_bytes:
          description: How much is sent.
          type: int
        downtime_ms:
          description: How long the guest stands still at the switch-over, in milliseconds.
          type: int
        floor_bytes:
          description: The least that is left at the end of a pass.
          type: int
        postcopy_s:
          description: How long the guest depends on both hosts, in seconds.
          type: float
      sample:
        finishes: false
        passes: 6
        total_s: 35.5
        sent_bytes: 1676305698
        downtime_ms: 0
        floor_bytes: 217194779
        postcopy_s: 0.0
    worst:
      description: The same for a guest that writes half as much again. V(null) if there is no way.
      type: dict
      sample: null
    flags:
      description: What the migration has to be started with.
      type: dict
      contains:
        postcopy:
          description: Whether to enable post-copy.
          type: bool
        auto_converge:
          description: Whether to let QEMU slow the guest down.
          type: bool
        throttle_initial_percent:
          description: How much to slow it down at first.
          type: int
        throttle_increment_percent:
          description: How much more each time.
          type: int
        xbzrle_cache_bytes:
          description: Size of the cache for compressing pages that are sent again. V(0) is without compression.
          type: int
        parallel_connections:
          description: How many connections to use. V(0) is the one that is always there.
          type: int
        zstd_level:
          description: Level of zstd on several connections. V(0) is without, as it always is here.
          type: int
      sample:
        postcopy: false
        auto_converge: false
        throttle_initial_percent: 0
        throttle_increment_percent: 0
        xbzrle_cache_bytes: 0
        parallel_connections: 0
        zstd_level: 0
    virsh_options:
      description: The same, with the bandwidth, as options of C(virsh migrate).
      type: list
      elements: str
      sample: ["--bandwidth", "45"]
    start_limit_ms:
      description: The downtime limit to start with, in milliseconds. A migration that needs more gets it later.
      type: int
      sample: 80
    bandwidth_mib_per_s:
      description: The bandwidth that this counts on, in MiB/s.
      type: int
      sample: 45
    least_bandwidth_mib_per_s:
      description:
        - The least bandwidth at which it finishes within the policy, in MiB/s. Other traffic can have the rest.
        - V(null) if no bandwidth would do.
      type: int
      sample: 87
    recommended_policy:
      description:
        - The mildest policy by which it surely finishes, or else by which it finishes. V(null) if none does.
      type: str
      sample: post_copy
    shrink:
      description:
        - What O(policy_overrides.shrink=balloon) comes to, and both times, as
          RV(virtops.live_migration.migration#module:forecast) has it. The forecast is that of the guest then.
        - The guest is asked for figures of its memory each second for that while it is measured, and as often as before
          then.
        - V(null) where the policy does not allow it.
      type: dict
      sample: null
    needs:
      description:
        - If it does not finish, what would do, each on its own. A field that would not help is left out.
        - It is enough for a guest that writes as much more than was measured as the measurement may be off.
      type: dict
      contains:
        bandwidth_bytes_per_s:
          description: So much bandwidth.
          type: int
        bandwidth_more_bytes_per_s:
          description: How much more that is.
          type: int
        max_downtime_ms:
          description: So much downtime, in milliseconds.
          type: int
        writes_less_percent:
          description: So much less writing in the guest.
          type: int
        postcopy:
          description: Post-copy.
          type: bool
      sample:
        bandwidth_bytes_per_s: 90362880
        bandwidth_more_bytes_per_s: 43176960
        max_downtime_ms: 4893
        writes_less_percent: 50
        postcopy: true
facts:
  description: What the forecast rests on.
  returned: success
  type: dict
  contains:
    touched_bytes:
      description: Memory that the guest uses at all, which has to be sent.
      type: int
    bandwidth_bytes_per_s:
      description: What reaches the destination.
      type: int
    bandwidth_source:
      description: Where that figure comes from. The name of an option, V(last_migration), or in words
        which device it is.
      type: str
    dirty_rate:
      description: What the guest rewrites, in the fields of M(virtops.live_migration.migration_dirty_rate_info).
      type: dict
    host_devices:
      description: How many devices of the host the guest has. They rule post-copy out.
      type: int
    vcpus_busy_percent:
      description:
        - For how much of the time each virtual processor ran while it was measured. Slowing a guest down takes nothing
          from a processor that was idle for longer than that.
      type: list
      elements: int
  sample:
    touched_bytes: 533745664
    bandwidth_bytes_per_s: 47185920
    bandwidth_source: link_mib_per_s
    dirty_rate:
      dirty_bytes_per_s: 94569628
      dirty_rate_is_lower_bound: false
      working_set_bytes: 268134004
      working_set_is_lower_bound: false
    host_devices: 0
    vcpus_busy_percent: [9]
calm:
  description: The search for a quiet moment.
  returned: when O(calm_wait_s) is given
  type: dict
  contains:
    quiet:
      description: Whether there was one. The forecast is that of the last measurement.
      type: bool
    after_s:
      description: When the last measurement began, in seconds from the first.
      type: float
    summary:
      description: The same in words.
      type: str
    quietest_after_s:
      description: When the measurement with the smallest working set began.
      type: float
    samples:
      description: All measurements, with the way that each would lead to.
      type: list
      elements: dict
  sample:
    quiet: true
    after_s: 18.4
    summary: Quiet enough to be moved by plain pre-copy after 18 s.
    quietest_after_s: 18.4
    samples:
      - after_s: 0.0
        dirty_bytes_per_s: 76994463
        dirty_rate_is_lower_bound: false
        quiet: false
        way: throttle
        working_set_bytes: 273582352
        working_set_is_lower_bound: false
      - after_s: 18.4
        dirty_bytes_per_s: 0
        dirty_rate_is_lower_bound: false
        quiet: true
        way: precopy
        working_set_bytes: 0
        working_set_is_lower_bound: false
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: BANDWIDTH_UNKNOWN
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was measured.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Say it with link_mib_per_s; a link of 10 Gb/s carries about 1100 MiB/s.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

import typing as t
from dataclasses import asdict, replace

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.argspec import policy_of, policy_spec
from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.forecast.link_bandwidth import RouteDevice
from ..module_utils._core.forecast.quiet_moment import calm_document
from ..module_utils._core.forecast.simulation import MigrationFacts
from ..module_utils._core.forecast.sizing import prospect
from ..module_utils._core.forecast.working_set import read_working_set
from ..module_utils._core.libvirt_uri import check, host_of, is_host
from ..module_utils._host.route import route_to
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.measure.calm import calm_moments
from ..module_utils._libvirt.measure.dirty_rate import MODES
from ..module_utils._libvirt.measure.forecast_facts import bandwidth_of, unmeasured_facts, with_measurement
from ..module_utils._libvirt.migration.balloon import ShrinkQuestion


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    params = module.params
    policy = policy_of(params)
    given = read_working_set(params["dirty_rate"]) if params["dirty_rate"] is not None else None
    bandwidth = bandwidth_of(guest, params["link_mib_per_s"], params["bandwidth_mib_per_s"], way(connection, params))
    compress = params["compression"] == "auto"
    facts = unmeasured_facts(connection, guest, bandwidth, params["parallel_connections"], compress=compress)

    def look() -> MigrationFacts:
        return with_measurement(connection, guest, facts, params["mode"])

    result: Result = {"changed": False}
    question = ShrinkQuestion(guest, policy)
    try:
        if params["calm_wait_s"] is not None:
            moments, found = calm_moments(look, policy, params["calm_wait_s"])
            result["calm"] = calm_document(moments)
        else:
            found = replace(facts, measured=given) if given is not None else look()
        facts_found = facts_document(found, bandwidth.known_from)
        found, shrink = question.answer(found)
    finally:
        question.end()
    return {**result, "forecast": {**prospect(policy, found), "shrink": shrink}, "facts": facts_found}


def way(connection: Connection, params: t.Mapping[str, t.Any]) -> RouteDevice:
    """Of this machine, if the guest is on it."""
    named = params["destination"]
    if named and not is_host(named):
        check(named, params["uri_allow"], "destination")
    return route_to([host_of(named) or named]) if named and connection.local else RouteDevice()


def facts_document(facts: MigrationFacts, bandwidth_source: str) -> Result:
    return {
        "touched_bytes": facts.touched_bytes,
        "bandwidth_bytes_per_s": facts.bandwidth_bytes_per_s,
        "bandwidth_source": bandwidth_source,
        "dirty_rate": asdict(facts.measured) if facts.measured else None,
        "host_devices": facts.host_devices,
        "vcpus_busy_percent": facts.vcpus_busy_percent,
    }


def main() -> None:
    run_on_guest(
        {
            **policy_spec(),
            "link_mib_per_s": {"type": "float"},
            "destination": {"type": "str"},
            "bandwidth_mib_per_s": {"type": "int"},
            "dirty_rate": {"type": "dict"},
            "mode": {"type": "str", "choices": list(MODES), "default": "page-sampling"},
            "parallel_connections": {"type": "int", "default": 8},
            "compression": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
            "calm_wait_s": {"type": "float"},
        },
        work,
        mutually_exclusive=[("dirty_rate", "calm_wait_s")],
    )


if __name__ == "__main__":
    main()
