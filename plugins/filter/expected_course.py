# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: expected_course
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Say how a migration will go that nobody supervises
description:
  - Computes how a live migration goes by QEMU's own rules, with the downtime limit that it was started with, as a plain
    C(virsh migrate) does. It says whether it finishes, how long it takes, how much it sends and how long the guest
    stands still.
  - It is what this collection's forecasts are held against what others have measured and published with. The page
    R(Forecasts against the world, ansible_collections.virtops.live_migration.docsite.forecasts) has the table.
  - A migration that this collection supervises is given more downtime or post-copy where its policy allows it. How that
    will go is what P(virtops.live_migration.expected_transfer#filter) says.
  - It needs no connection to a host.
positional: _input
options:
  _input:
    description:
      - The facts of one migration. All are optional but a bandwidth. What was assumed in place of the others is in the
        result.
      - Numbers may be texts such as V(about 7500), V(105-112), of which the middle counts, or V(430 (243-587\)).
    type: dict
    required: true
    suboptions:
      ram_mib:
        description: All memory that the guest has.
        type: float
      touched_mib:
        description: What of it is not zeros, which has to be sent. By default all of it.
        type: float
      dirty_rate_mib_s:
        description:
          - Memory that the guest dirties in a second. By default 0, if O(_input.mode) has the word V(idle), V(ended) or
            V(stopped). Otherwise it is not known, and then it is not known whether the migration finishes.
        type: float
      working_set_mib:
        description: All memory that the guest rewrites. By default it has no end.
        type: float
      left_mib:
        description: What passes leave of it once they get it down no more, where that was seen.
        type: float
      bandwidth_mib_s:
        description: What gets through in a pass. By default what the link carries.
        type: float
      link_mib_s:
        description:
          - What the link carries, if QEMU is kept below that by a limit. The last bytes and post-copy are not kept to
            it.
          - By default what O(_input.stack) says, or else O(_input.bandwidth_mib_s).
        type: float
      downtime_limit_ms:
        description: QEMU's downtime limit.
        type: float
        default: 300
      mode:
        description:
          - In words, such as V(precopy), V(precopy+auto-converge), V(postcopy at 5 s), V(stopped guest),
            V(precopy idle, multifd 8 zstd) or V(precopy, 4 VF).
        type: str
        default: precopy
      stack:
        description: In words, of which V(10 GbE), V(25 Gbit/s), V(loopback) and V(same host) say what the link carries.
        type: str
      postcopy_at_s:
        description: When it is switched to post-copy, in seconds. By default what O(_input.mode) says.
        type: float
      auto_converge:
        description: Whether QEMU may slow the guest down. By default what O(_input.mode) says.
        type: bool
      connections:
        description: How many connections it has. By default what O(_input.mode) says, or one.
        type: int
      compression:
        description:
          - How pages are compressed on several connections. By default what O(_input.mode) says.
          - What XBZRLE makes of pages that are sent again is not counted, since that depends on what the guest writes.
        type: str
        choices: [none, zlib, zstd, qatzip]
      compression_ratio:
        description:
          - Memory for a byte on the wire. By default what the method makes of the Silesia corpus, which is a mixture of
            texts, programs and images.
        type: float
      host_devices:
        description: How many virtual functions of network cards it has. By default what O(_input.mode) says, or none.
        type: int
      note:
        description:
          - If it has the words V(left at boundaries), O(_input.working_set_mib) is taken for O(_input.left_mib).
        type: str
seealso:
  - plugin: virtops.live_migration.expected_transfer
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Would a plain migration of this guest ever finish?
  ansible.builtin.debug:
    msg: "{{ (guest | virtops.live_migration.expected_course).summary }}"
  vars:
    guest:
      ram_mib: 8192
      touched_mib: 7500
      dirty_rate_mib_s: 107
      bandwidth_mib_s: 108

- name: The same for a table of migrations
  ansible.builtin.debug:
    msg: "{{ migrations | map('virtops.live_migration.expected_course') }}"
  vars:
    migrations:
      - ram_mib: 65536
        touched_mib: 55296
        bandwidth_mib_s: 1023
        mode: precopy idle, multifd 8 zstd
      - ram_mib: 8192
        touched_mib: 2774
        bandwidth_mib_s: 129
        mode: postcopy at 5 s
        stack: 25 Gbit/s
"""

RETURN = r"""
_value:
  description: The forecast, in the same words as the facts.
  type: dict
  contains:
    outcome:
      description: Whether and how it finishes.
      type: str
      choices: [finishes, finishes only with throttle, finishes by post-copy, does not finish, not known]
    finishes:
      description: The same as a truth value. V(null) if it is not known.
      type: bool
    total_s:
      description:
        - How long it takes, in seconds. V(null) if it does not finish, or without memory. If the outcome is not known,
          it is that of a guest that writes nothing.
      type: float
    data_mib:
      description: What goes over the wire, in MiB. V(null) in the same cases.
      type: float
    downtime_ms:
      description: How long the guest stands still, by QEMU's account, without what libvirt and the destination add.
      type: float
    passes:
      description: How many bitmap syncs QEMU counts.
      type: int
    throttle_percent:
      description: How much QEMU has to slow the guest down.
      type: int
    postcopy_s:
      description: How long the guest depends on both hosts, in seconds.
      type: float
    floor_mib:
      description: The least that is left at the end of a pass, in MiB.
      type: float
    assumed:
      description: What was not said, and was taken to be so.
      type: list
      elements: str
    summary:
      description: The same in words.
      type: str
  sample:
    outcome: does not finish
    finishes: false
    total_s: null
    data_mib: null
    downtime_ms: null
    passes: null
    throttle_percent: 0
    postcopy_s: 0.0
    floor_mib: 135.7
    assumed: ["downtime_limit_ms: 300, which is QEMU's own"]
    summary: >-
      It does not finish by itself: passes leave 135.7 MiB, for which 1.3 s of downtime would have to be allowed instead
      of 300 ms.
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.published_facts import (
    course_document,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def expected_course(facts: t.Any) -> dict[str, t.Any]:
    document = plain(facts)
    if not isinstance(document, dict):
        got = "nothing" if document is None else type(document).__name__
        raise MigrationError(
            "NOT_A_DOCUMENT",
            f"Expected the facts of a migration, but got {got}.",
            remedy="Give a dictionary with ram_mib, touched_mib, dirty_rate_mib_s and bandwidth_mib_s.",
        )
    return course_document(document)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"expected_course": expected_course}
