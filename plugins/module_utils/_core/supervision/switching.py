# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Whether to switch a supervised job to post-copy now: the guard, and what the plan makes of it in the first pass."""

from __future__ import annotations

from ..forecast.plan import Plan
from ..policy import Contract
from ..units import human_ms
from .history import History
from .postcopy_guard import GUARD_OBSERVE_S, Objection, objections

_PLANNED_OBSERVE_S = 1.0
# What speaks against post-copy while nothing is known of the guest; a plan that rests on a measurement knows better.
_ANSWERED_BY_A_PLAN = ("FIRST_PASS", "TOO_LONG")
_FETCHED_TWICE = 1.3


def against_postcopy(history: History, contract: Contract, plan: Plan, *, planned: bool) -> list[Objection]:
    """The objections to switching now, over the last seconds; one of its own while too little has been seen."""
    last = history.last
    watched_s = _PLANNED_OBSERVE_S if planned else GUARD_OBSERVE_S
    seen_s = last.at_s - (last.at_s if history.memory_since_s is None else history.memory_since_s)
    if seen_s < watched_s:
        return [Objection("TOO_EARLY", f"the link has been watched for only {human_ms(seen_s * 1000)}")]
    samples = [sample for sample in history.recent if last.at_s - sample.at_s <= GUARD_OBSERVE_S]
    found = objections(
        samples, host_devices=plan.host_devices, max_postcopy_s=contract.max_postcopy_s, sharing=plan.sharing
    )
    if not planned:
        return found
    found = [objection for objection in found if objection.id not in _ANSWERED_BY_A_PLAN]
    bandwidth = history.bandwidth_bytes_per_s
    rest_s = _FETCHED_TWICE * last.memory.remaining_bytes / bandwidth if bandwidth > 0 else float("inf")
    if rest_s > contract.max_postcopy_s:
        found.append(
            Objection("TOO_LONG", f"it would depend on both hosts for more than {contract.max_postcopy_s:g} s")
        )
    return found
