# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds an evacuation plan against the fleet it was made for. Shares no rule and no arithmetic with the planner."""

from __future__ import annotations

import itertools
import math
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Fleet,
    Host,
    PlannedGuest,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import EvacuationPlan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.planned_transfer import (
    PlannedTransfer,
)

TOLERANCE = 1e-6


def problems(fleet: Fleet, plan: EvacuationPlan, *, idle: bool = True) -> list[str]:
    """What is wrong with the plan; nothing if it may be carried out. ``idle``: also look at each end of a transfer
    whether another one could start, which takes long for a big plan."""
    return [
        *_accounting(fleet, plan),
        *_destinations(fleet, plan),
        *_room(fleet, plan),
        *_groups(fleet, plan),
        *_slots(fleet, plan),
        *_rates(fleet, plan),
        *(_idle_links(fleet, plan) if idle else ()),
    ]


def _accounting(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    here = {guest.key: guest for guest in fleet.guests if guest.host in fleet.sources}
    moved = [transfer.guest.key for transfer in plan.schedule.transfers]
    unplaced = [entry.guest.key for entry in plan.unplaced]
    lists = [[guest.key for guest in part] for part in (plan.shutdown, plan.left, plan.off)]
    told = sorted(key for part in (moved, unplaced, *lists) for key in part)
    if told != sorted(here):
        yield f"not each guest is told exactly once: {told} of {sorted(here)}"
    for key in lists[0]:
        if here[key].strategy != "shutdown" and here[key].if_unplaceable != "shutdown":
            yield f"{key} is to be stopped although nobody said so"
    for key in [*moved, *unplaced]:
        if here[key].strategy != "migrate" or not here[key].running:
            yield f"{key} was not to be moved"


def _destinations(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    hosts = {host.name: host for host in fleet.hosts}
    given = {guest.key: guest for guest in fleet.guests}
    for transfer in plan.schedule.transfers:
        guest, host = given[transfer.guest.key], hosts[transfer.destination]
        if host.name in fleet.sources or host.cordoned:
            yield f"{guest.key} lands on {host.name}, which takes nobody"
        if guest.pinned or guest.host_devices or guest.blocked.get(host.name):
            yield f"{guest.key} cannot go to {host.name}"
        if (guest.allowed is not None and host.name not in guest.allowed) or (guest.bound_for not in (None, host.name)):
            yield f"{guest.key} may not go to {host.name}"
        if not transfer.estimate.finishes:
            yield f"{guest.key} would not finish on its way to {host.name}"


def _arrivals(plan: EvacuationPlan) -> dict[str, list[PlannedGuest]]:
    found: dict[str, list[PlannedGuest]] = {}
    for transfer in plan.schedule.transfers:
        found.setdefault(transfer.destination, []).append(transfer.guest)
    return found


def _residents(fleet: Fleet, host: Host) -> list[PlannedGuest]:
    if host.name in fleet.sources:
        return []
    return [guest for guest in fleet.guests if guest.host == host.name and guest.running]


def _room(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    """Memory only fills up, so that the end is the worst moment. By Hall's theorem, over every set of nodes."""
    arrivals = _arrivals(plan)
    for host in fleet.hosts:
        come = arrivals.get(host.name, [])
        if not come:
            continue
        nodes = sorted({pool.node for pool in host.pools})
        for page in {need.page_kib for guest in come for need in guest.needs}:
            for size in range(1, len(nodes) + 1):
                for subset in itertools.combinations(nodes, size):
                    free = sum(pool.free_bytes for pool in host.pools if pool.page_kib == page and pool.node in subset)
                    bound = sum(
                        need.size_bytes
                        for guest in come
                        for need in guest.needs
                        if need.page_kib == page and set(need.nodes or nodes) & set(nodes) <= set(subset)
                    )
                    whole = page == 0 and size == len(nodes)
                    if bound > free - (host.reserve_bytes if whole else 0):
                        yield f"{host.name} lacks memory in pages of {page} KiB on nodes {subset}"
        after = [*_residents(fleet, host), *come]
        if host.max_guests is not None and len(after) > host.max_guests:
            yield f"{host.name} gets too many guests"
        if host.max_vcpus is not None and sum(guest.vcpus for guest in after) > host.max_vcpus:
            yield f"{host.name} gets too many virtual CPUs"


def _groups(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    to = {transfer.guest.key: transfer.destination for transfer in plan.schedule.transfers}
    stopped = {guest.key for guest in plan.shutdown}
    by_key = {guest.key: guest for guest in fleet.guests}
    for group in fleet.groups:
        members = [by_key[key] for key in sorted(group.members) if key in by_key and by_key[key].running]
        members = [guest for guest in members if guest.key not in stopped]
        arrived = [to[guest.key] for guest in members if guest.key in to]
        elsewhere = [guest.host for guest in members if guest.key not in to]
        if not group.hard or not arrived:
            continue
        if not group.together:
            for host in arrived:
                if arrived.count(host) + elsewhere.count(host) > 1:
                    yield f"{group.name}: two of them on {host}"
        elif elsewhere:
            if set(arrived) - set(elsewhere) or set(elsewhere) & set(fleet.sources):
                yield f"{group.name}: some have gone without the others"
        elif len(set(arrived)) > 1:
            yield f"{group.name}: torn apart"


class _Way(t.NamedTuple):
    bytes_per_s: float
    most: t.Optional[int]


def _ways(fleet: Fleet) -> dict[tuple[str, str], _Way]:
    ways = {}
    for host in fleet.hosts:
        ways["host " + host.name, "out"] = _Way(host.out_bytes_per_s, host.max_outgoing)
        ways["host " + host.name, "in"] = _Way(host.in_bytes_per_s, host.max_incoming)
    for uplink in fleet.uplinks:
        for direction in ("out", "in"):
            ways["uplink " + uplink.name, direction] = _Way(uplink.bytes_per_s, uplink.max_transfers)
    ways["all", ""] = _Way(math.inf, fleet.max_transfers)
    return ways


def _path(fleet: Fleet, transfer: PlannedTransfer) -> list[tuple[str, str]]:
    behind = {host.name: set(host.uplinks) for host in fleet.hosts}
    source, destination = transfer.guest.host, transfer.destination
    return [
        ("host " + source, "out"),
        ("host " + destination, "in"),
        *(("uplink " + name, "out") for name in sorted(behind[source] - behind[destination])),
        *(("uplink " + name, "in") for name in sorted(behind[destination] - behind[source])),
        ("all", ""),
    ]


def _by_way(fleet: Fleet, plan: EvacuationPlan) -> dict[tuple[str, str], list[PlannedTransfer]]:
    found: dict[tuple[str, str], list[PlannedTransfer]] = {}
    for transfer in plan.schedule.transfers:
        for way in _path(fleet, transfer):
            found.setdefault(way, []).append(transfer)
    return found


def _slots(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    ways = _ways(fleet)
    for way, transfers in _by_way(fleet, plan).items():
        most = ways[way].most
        if most is None:
            continue
        # At the same moment one that ends makes way before one that starts.
        changes = sorted([(x.start_s, 1) for x in transfers] + [(x.end_s, -1) for x in transfers])
        if max(itertools.accumulate(change for _at, change in changes)) > most:
            yield f"{way}: more than {most} transfers at a time"


def _rates(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    ways = _ways(fleet)
    for way, transfers in _by_way(fleet, plan).items():
        changes: dict[float, float] = {}
        for transfer in transfers:
            before = 0.0
            for at_s, rate in transfer.rates:
                changes[at_s] = changes.get(at_s, 0.0) + rate - before
                before = rate
        carried = list(itertools.accumulate(changes[at_s] for at_s in sorted(changes)))
        if max(carried, default=0.0) > ways[way].bytes_per_s * (1 + TOLERANCE):
            yield f"{way}: {max(carried)} bytes/s over a link of {ways[way].bytes_per_s}"
    for transfer in plan.schedule.transfers:
        yield from _work(fleet, transfer)
    end_s = max((transfer.end_s for transfer in plan.schedule.transfers), default=0.0)
    if end_s != plan.schedule.end_s or end_s < plan.schedule.least_s * (1 - TOLERANCE):
        yield f"it ends at {plan.schedule.end_s} s, with {end_s} s and at least {plan.schedule.least_s} s"


def _work(fleet: Fleet, transfer: PlannedTransfer) -> t.Iterator[str]:
    """It sets up, then it sends without a break, never slower than it can do with, until all is sent."""
    name, estimate = transfer.guest.key, transfer.estimate
    if not transfer.rates:
        yield f"{name} never sends"
        return
    begin_s = transfer.rates[0][0]
    if abs(begin_s - transfer.start_s - fleet.setup_s) > TOLERANCE * max(1.0, begin_s):
        yield f"{name} begins to send at {begin_s} s, was started at {transfer.start_s} s"
    ends = [at_s for at_s, _rate in transfer.rates[1:]]
    if not ends or ends[-1] != transfer.end_s or transfer.rates[-1][1] != 0:
        yield f"{name} still sends at its end"
        return
    done = sent = 0.0
    for (at_s, rate), until_s in zip(transfer.rates, ends):
        if not estimate.floor * (1 - TOLERANCE) <= rate <= estimate.top * (1 + TOLERANCE):
            yield f"{name} sends at {rate}, not within {estimate.floor} to {estimate.top}"
        sent += rate * (until_s - at_s)
        done += (until_s - at_s) / estimate.time_s(rate)
    if abs(done - 1) > TOLERANCE:
        yield f"{name} is {done} done at its end"
    if sent < transfer.guest.demand.least_bytes * (1 - TOLERANCE) if transfer.guest.demand else False:
        yield f"{name} sends {sent} bytes, less than it has"


def _idle_links(fleet: Fleet, plan: EvacuationPlan) -> t.Iterator[str]:
    """Nothing waits for a batch: whenever one ends, no other one that could start is still waiting after it. None
    needs to start when those of its source that will go on for longer than a setup fill the link, and one more; with a
    limit over all hosts, when they fill the link of either end."""
    ways = _ways(fleet)
    by_way = _by_way(fleet, plan)
    for moment in sorted({transfer.end_s for transfer in plan.schedule.transfers}):
        for waiting in plan.schedule.transfers:
            if waiting.start_s <= moment:
                continue
            for number, way in enumerate(_path(fleet, waiting)):
                there = [x for x in by_way[way] if x.start_s <= moment < x.end_s]
                least = sum(x.estimate.floor for x in there) + waiting.estimate.floor
                most, rate = ways[way].most, ways[way].bytes_per_s
                if (most is not None and len(there) >= most) or least > rate * (1 + 1e-12):
                    break
                tops = [x.estimate.top for x in there if _goes_on(x, moment, fleet.setup_s)]
                if number == 0 and tops and sum(tops) - min(tops) >= rate:
                    break
                if number < 2 and fleet.max_transfers is not None and sum(tops) >= rate:
                    break
            else:
                yield f"{waiting.guest.key} could start at {moment} s, but waits until {waiting.start_s} s"


def _goes_on(transfer: PlannedTransfer, moment: float, setup_s: float) -> bool:
    """Whether it is still being set up, or will send for longer than that at the rate that it has."""
    done, rate_now = 0.0, 0.0
    for (at_s, rate), (until_s, _next) in zip(transfer.rates, transfer.rates[1:]):
        if at_s > moment:
            break
        done += (min(until_s, moment) - at_s) / transfer.estimate.time_s(rate)
        rate_now = rate
    return rate_now == 0 or (1 - done) * transfer.estimate.time_s(rate_now) > setup_s * (1 + TOLERANCE)
