# SPDX-License-Identifier: GPL-3.0-or-later
"""An evacuation plan as data of a stable shape, for modules, records and templates."""

from __future__ import annotations

import math
import typing as t

from ...units import human_ms, human_rate
from .fleet import PlannedGuest
from .links import CLUSTER, IN, OUT
from .obstacles import Obstacle
from .placement import Unplaced
from .plan import EvacuationPlan
from .planned_transfer import PlannedTransfer
from .schedule import LinkLoad

Document = dict[str, t.Any]


def plan_document(plan: EvacuationPlan) -> Document:
    """The plan as evacuation_plan_info returns it: seconds from the start, bytes, and names of hosts."""
    links = [_link(load) for load in plan.schedule.loads if load.link.name != CLUSTER]
    return {
        "summary": summary(plan),
        "empties": all(plan.empties(source) for source in plan.fleet.sources),
        "eta_s": round(plan.schedule.end_s, 1),
        "least_s": round(plan.schedule.least_s, 1),
        "measured": plan.measured,
        "sent_bytes": sum(round(transfer.sent_bytes()) for transfer in plan.schedule.transfers),
        "guests": [_guest(order, transfer) for order, transfer in enumerate(plan.schedule.transfers, 1)],
        "shutdown": [_stays(guest, "to be shut down, as asked for") for guest in plan.shutdown],
        "left": [_stays(guest, "left where it is, as asked for") for guest in plan.left]
        + [_stays(guest, "it does not run") for guest in plan.off],
        "unplaceable": [_unplaceable(entry) for entry in plan.unplaced],
        "sources": [_source(plan, name) for name in plan.fleet.sources],
        "hosts": _hosts(plan, links),
        "links": links,
    }


def summary(plan: EvacuationPlan) -> str:
    """One sentence or two: how many move in which time, and which hosts are not empty afterwards."""
    moving, sources = len(plan.schedule.transfers), len(plan.fleet.sources)
    parts = [f"{moving} of {_running(plan)} running guests move off {sources} host{'s' if sources > 1 else ''}"]
    if moving:
        about = "about" if plan.measured else "at least"
        parts.append(f"in {about} {human_ms(plan.schedule.end_s * 1000)}")
    text = " ".join(parts)
    for what, count in (
        ("to be shut down", len(plan.shutdown)),
        ("left by request", len(plan.left)),
        ("without a place to go", len(plan.unplaced)),
    ):
        text += f", {count} {what}" if count else ""
    full = [name for name in plan.fleet.sources if not plan.empties(name)]
    if not full:
        return f"{text}. No running guest is left behind."
    return f"{text}. Not empty afterwards: {', '.join(full[:5])}{' and others' if len(full) > 5 else ''}."


def _running(plan: EvacuationPlan) -> int:
    return len(plan.schedule.transfers) + len(plan.shutdown) + len(plan.left) + len(plan.unplaced)


def _guest(order: int, transfer: PlannedTransfer) -> Document:
    guest, estimate = transfer.guest, transfer.estimate
    sending_s = transfer.end_s - (transfer.rates[0][0] if transfer.rates else transfer.start_s)
    return {
        "name": guest.name,
        "uuid": guest.key,
        "from": guest.host,
        "to": transfer.destination,
        "order": order,
        "priority": guest.priority,
        "start_s": round(transfer.start_s, 1),
        "end_s": round(transfer.end_s, 1),
        "sent_bytes": round(transfer.sent_bytes()),
        "bytes_per_s": int(transfer.sent_bytes() / sending_s) if sending_s > 0 else 0,
        "least_bytes_per_s": int(estimate.floor),
        "way": estimate.way,
        "downtime_ms": estimate.downtime_ms,
        "policy_overrides": dict(guest.said_policy),
        "reason": _why(transfer),
    }


def _why(transfer: PlannedTransfer) -> str:
    estimate = transfer.estimate
    if transfer.guest.moving:
        return "on its way already"
    if not estimate.measured:
        return "not measured: gets at least half of its way"
    if not estimate.busy:
        return "quiet: fills what others leave of the links"
    alone = estimate.floor >= estimate.top
    return f"busy: gets {'its way for itself' if alone else 'at least ' + human_rate(estimate.floor)}"


def _stays(guest: PlannedGuest, reason: str) -> Document:
    return {"name": guest.name, "uuid": guest.key, "host": guest.host, "reason": reason}


def _unplaceable(entry: Unplaced) -> Document:
    guest = entry.guest
    return {
        "name": guest.name,
        "uuid": guest.key,
        "host": guest.host,
        "together_with": list(entry.together_with),
        "reasons": _reasons(entry),
        "changes": [obstacle.document() for obstacle in entry.changes],
    }


def _reasons(entry: Unplaced) -> list[Document]:
    """Why a guest goes nowhere: each kind of obstacle once, with all the hosts where it is one. Its sentence is that of
    the host on which the least would have to be changed."""
    kinds: dict[tuple[str, str], list[tuple[Obstacle, tuple[str, ...]]]] = {}
    for obstacle, hosts in entry.reasons:
        kinds.setdefault((obstacle.reason, obstacle.subject), []).append((obstacle, hosts))
    return [
        {
            "reason": reason,
            "subject": subject,
            "hosts": list(dict.fromkeys(host for _obstacle, hosts in found for host in hosts)),
            "why": min(found, key=lambda one: one[0].size_bytes + one[0].count)[0].why,
        }
        for (reason, subject), found in kinds.items()
    ]


def _source(plan: EvacuationPlan, name: str) -> Document:
    def count(guests: t.Iterable[PlannedGuest]) -> int:
        return sum(guest.host == name for guest in guests)

    ends = [transfer.end_s for transfer in plan.schedule.transfers if transfer.guest.host == name]
    return {
        "name": name,
        "migrate": len(ends),
        "shutdown": count(plan.shutdown),
        "left": count(plan.left),
        "unplaceable": count(entry.guest for entry in plan.unplaced),
        "empties": plan.empties(name),
        "eta_s": round(max(ends, default=0.0), 1),
    }


def _hosts(plan: EvacuationPlan, links: t.Sequence[Document]) -> list[Document]:
    by_host = {(link["name"], link["direction"]): link for link in links}
    found = []
    for host in plan.fleet.hosts:
        out, come = by_host.get((host.name, OUT)), by_host.get((host.name, IN))
        if out is None and come is None:
            continue
        found.append(
            {
                "name": host.name,
                "outgoing": out["transfers"] if out else 0,
                "incoming": come["transfers"] if come else 0,
                "peak_outgoing": out["peak_transfers"] if out else 0,
                "peak_incoming": come["peak_transfers"] if come else 0,
                "peak_out_bytes_per_s": out["peak_bytes_per_s"] if out else 0,
                "peak_in_bytes_per_s": come["peak_bytes_per_s"] if come else 0,
                "memory_taken_bytes": plan.placement.memory_bytes.get(host.name, 0),
                "memory_left_bytes": sum(pool.free_bytes for pool in host.pools)
                - plan.placement.memory_bytes.get(host.name, 0),
                "guests": plan.placement.guests.get(host.name, 0),
            }
        )
    return found


def _link(load: LinkLoad) -> Document:
    rate = load.link.bytes_per_s
    return {
        "name": load.link.name,
        "direction": load.link.direction,
        "bytes_per_s": 0 if math.isinf(rate) else int(rate),
        "sent_bytes": round(load.bytes),
        "transfers": load.transfers,
        "peak_bytes_per_s": int(load.peak_bytes_per_s),
        "peak_transfers": load.peak_transfers,
        "least_s": round(load.bytes / rate, 1),
    }
