# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: how long a guest waits in post-copy for the pages that it asks for."""

from __future__ import annotations

from ...units import KIB, human_bytes, human_ms
from .check_types import WARN, Case, Check, Finding, passed, skipped, warned
from .convergence import bandwidth, why_no_postcopy

_THEME = "pace"
# Of a guest of the lab, one after the other, until it ran on: 4 to 9, by its heartbeat at 100 and 400 Mbit/s, with a
# connection of their own (postcopy-preempt) and without. docs/design.md, "What a requested page waits for".
_IN_A_ROW = 7
_ENOUGH_BYTES = 128 * KIB  # a little more than 32 KiB, which leave less room on fast links: a choice
_LESS_WAITS = (
    "Let less wait there, which costs no bandwidth: role prerequisites with prerequisites_unsent_kib: 128 on the"
    " source, or 'sysctl net.ipv4.tcp_notsent_lowat=131072'. It counts at once, also during a migration."
)
_FASTER = "Give it more bandwidth, or do without post-copy (postcopy: never)."


def _requested_pages(case: Case) -> Finding:
    policy, rate, queue = case.options.policy, bandwidth(case), case.source.migration.send_queue_bytes
    if policy.postcopy == "never":
        return skipped("The policy does not allow post-copy.")
    if why_no_postcopy(case):
        return skipped("Post-copy is not possible.")
    if queue is None:
        return skipped("How much the kernel of the source has waiting to be sent is not known.")
    if not rate:
        return skipped("The bandwidth is not known.", "Pass bandwidth_mib_per_s.")
    one_ms = queue / rate * 1000
    evidence = {
        "send_queue_bytes": queue,
        "page_waits_ms": round(one_ms, 1),
        "max_downtime_ms": policy.max_downtime_ms,
    }
    words = f"A page that the guest asks for in post-copy waits up to {human_ms(one_ms)} behind {human_bytes(queue)}"
    if one_ms * _IN_A_ROW > policy.max_downtime_ms:
        return warned(
            f"{words} that the source's kernel has taken already. It asks for several one after the other before it"
            f" runs on, and so stands still for longer than the {human_ms(policy.max_downtime_ms)} that are allowed.",
            _LESS_WAITS if queue > _ENOUGH_BYTES else _FASTER,
            **evidence,
        )
    return passed(f"{words}.", **evidence)


CHECKS = (
    Check(
        "requested_pages", _THEME, "Does a page that the guest waits for in post-copy arrive soon?",
        "The guest stands still for longer than the downtime that libvirt tells.", (WARN,), of_guest=_requested_pages,
    ),
)  # fmt: skip
