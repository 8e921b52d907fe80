# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the planner from its document and from what the user says of it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...balloon.owed import owed_by_guest
from ...errors import MigrationError
from ...forecast.link_bandwidth import RouteDevice, expected_bandwidth
from ...host.document import HostDocument
from ...units import KIB, MIB
from .fleet import ORDINARY, Host, MemoryPool

NO_LIMIT = 0  # of an option


@dataclass(frozen=True)
class HostSettings:
    """For all hosts, or for one of them; None: nothing was said. 0 of a limit: there is none."""

    cordoned: t.Optional[bool] = None
    link_mib_per_s: t.Optional[float] = None
    reserve_mib: t.Optional[int] = None
    max_incoming: t.Optional[int] = None
    max_outgoing: t.Optional[int] = None
    max_guests: t.Optional[int] = None
    max_vcpus: t.Optional[int] = None
    uplinks: t.Optional[t.Sequence[str]] = None


def host_from_document(document: HostDocument, settings: HostSettings) -> Host:
    """What its guests get back of a migration that has left them smaller is not free there.

    Raises BANDWIDTH_UNKNOWN when neither the settings nor a real interface tell its rate.
    """
    rate = _bytes_per_s(document, settings)
    return Host(
        document.name,
        tuple(_ordinary(document) + _hugepages(document)),
        rate,
        rate,
        (settings.reserve_mib or 0) * MIB + sum(owed_by_guest(document.domains).values()),
        bool(document.cordoned if settings.cordoned is None else settings.cordoned),
        _limit(settings.max_incoming),
        _limit(settings.max_outgoing),
        settings.max_guests,
        settings.max_vcpus,
        tuple(dict.fromkeys(settings.uplinks or ())),  # one that is named twice is there once
    )


def _limit(value: t.Optional[int]) -> t.Optional[int]:
    return None if value in (None, NO_LIMIT) else value


def _bytes_per_s(document: HostDocument, settings: HostSettings) -> float:
    path = document.migration
    speed = path.speed_mbit_per_s if path.speed_is_real else None
    found = expected_bandwidth(settings.link_mib_per_s, 0, RouteDevice(path.interface, speed))
    if not found.bytes_per_s:
        raise MigrationError(
            "BANDWIDTH_UNKNOWN",
            f"What the migration link of {document.name!r} carries is {found.known_from}.",
            state="Nothing was planned and nothing was changed.",
            remedy="Say it with link_mib_per_s, for all hosts or for this one; 10 Gbit/s are about 1100 MiB/s.",
        )
    return float(found.bytes_per_s)


def _ordinary(document: HostDocument) -> list[MemoryPool]:
    """What new processes can get. The caches that the kernel would drop for them are spread as the free memory is."""
    memory = document.memory
    available = memory.available_bytes if memory.available_bytes is not None else memory.free_bytes
    if available is None:
        return []
    nodes = [(node.node, node.free_bytes or 0) for node in memory.nodes]
    free = sum(size for _node, size in nodes)
    if not nodes or free <= 0:
        return [MemoryPool(available, ORDINARY, nodes[0][0] if nodes else 0)]
    return [MemoryPool(int(available * size / free), ORDINARY, node) for node, size in nodes]


def _hugepages(document: HostDocument) -> list[MemoryPool]:
    return [
        MemoryPool(pool.free * pool.size_bytes, pool.size_bytes // KIB, pool.node)
        for pool in document.memory.hugepages or []
        if pool.free
    ]
