# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use it from other collections or standalone plugins and modules!

# Must be kept in step with transfer_spec() in plugins/module_utils/_ansible/argspec.py; the names that differ on the
# destination are in _destination.py.

from __future__ import annotations


class ModuleDocFragment:
    # How guests are sent: for modules that start migrations.
    DOCUMENTATION = r"""
options:
  bandwidth_mib_per_s:
    description:
      - Limit of the bandwidth of each guest, in MiB/s. V(0) is no limit. It holds for post-copy, too.
      - The limit of a migration that is adopted is raised to it when that is what holds it back, and else left alone.
    type: int
    default: 0
  parallel_connections:
    description:
      - Number of connections to send a guest over. V(0) is the ordinary single one. More exclude post-copy.
      - By default several are used where the bandwidth needs them and no post-copy is allowed.
    type: int
  compression:
    description:
      - V(xbzrle) compresses pages that are sent again, V(zstd) all pages, on several connections.
      - V(auto) uses xbzrle where the forecast expects it to pay and the host has the memory for its cache.
      - V(auto_zstd) uses zstd where both hosts have it, where idle processors of the source compress more than the link
        carries, and those of the destination keep up, which is counted for half a second at least; not beside
        O(bandwidth_mib_per_s), which QEMU does not keep on several connections, and not where the policy allows a
        post-copy. Otherwise it does what V(auto) does.
      - zstd takes libvirt 9.4 and QEMU 5.0 on both hosts, and excludes post-copy, beside which it broke with QEMU 11.1.
    type: str
    choices: [auto, none, xbzrle, zstd, auto_zstd]
    default: auto
  compression_level:
    description:
      - Level of zstd, from V(1), which is the fastest, to V(20). By default V(1), whose speed is what V(auto_zstd) of
        O(compression) reckons with.
    type: int
  copy_storage:
    description:
      - Whether disks that the hosts do not share are copied, V(all) of them in full, or V(incremental) on top of
        backing files that the destination has. For single guests it is said in O(guest_options).
      - libvirt copies each disk that is not read-only, those on shared storage too.
      - The forecast is about memory only.
    type: str
    choices: [none, all, incremental]
    default: none
  copy_synchronous_writes:
    description:
      - Whether what a guest writes to a disk that is copied is written on both hosts before the guest goes on. Then the
        copy comes to an end however much the guest writes, and its writes are as slow as the link.
      - It counts for guests whose disks are copied. Needs libvirt 8.0.
    type: bool
    default: false
  tls:
    description: Whether the stream is encrypted, with the certificates of both hosts.
    type: bool
    default: false
  persistent:
    description:
      - Whether a guest is defined on the destination, so that it is still there when it is off. By default it is, if
        it is defined on the source.
    type: bool
  undefine_source:
    description:
      - Whether its definition on the source is removed, once the destination has it.
    type: bool
    default: true
  measure:
    description:
      - Whether to measure how fast a guest writes before it is moved, where that is needed. It works on meanwhile.
      - It takes a second, or two for a guest with a dirty ring. That is all where a way to its end is known by then,
        whatever else it may write to. Of a guest whose memory takes 20 seconds or more on the link it is measured for
        longer, 15 % of that time and 20 seconds at most, so that the way is a better one.
      - Where no way is known by then, 3 to 24 seconds more tell whether there is one.
      - A guest that goes by post-copy only if needed, and whose whole memory can be fetched within
        O(policy_overrides.max_postcopy_s), is not measured, since it ends in any case. What its first passes show
        decides. In check mode, and with O(calm_wait_s), each is measured, and for the whole time. One that waits for
        its turn in an evacuation is measured while it does, and does not wait for longer because of that.
      - Without it the forecast says little, and decisions wait for the end of the first pass.
    type: bool
    default: true
  calm_wait_s:
    description:
      - How long to wait for a moment in which a measured guest is quiet enough to be moved by plain pre-copy, in
        seconds. It is measured again and again until then, and moved as it can be when none came.
      - With it a guest whose migration was given up for its load, or that had no way within the policy, is tried once
        more in a calm moment, in an evacuation after others.
      - What the network really carried in an attempt of M(virtops.live_migration.migration) that was given up counts
        for the forecast of the next one, where it is less than what is known otherwise. It is noted in the guest's live
        metadata, so that it counts for other runs, too, for a day. In an evacuation nothing is noted, as others are
        sent beside it.
    type: float
    default: 0
  force:
    description:
      - Whether to start although the forecast knows no way within the policy. The migration then ends as
        O(policy_overrides.on_hopeless) says, unless the guest calms down.
    type: bool
    default: false
  ignore_cordon:
    description:
      - Whether to send guests to a host that takes none, as M(virtops.live_migration.host_cordon) notes it. The note is
        read right before each start. Bringing guests home does not need it.
    type: bool
    default: false
"""
