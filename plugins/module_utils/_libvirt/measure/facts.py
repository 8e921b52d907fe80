# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What is found out about a guest and its way before it is moved: the facts that a forecast rests on."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.errors import MigrationError
from ..._core.forecast.dirty_curve import measuring_windows_s
from ..._core.forecast.link_bandwidth import Bandwidth, Way, expected_bandwidth
from ..._core.forecast.simulation import Facts
from ..._core.forecast.working_set import WorkingSet, working_set
from ..._core.libvirt_uri import host_of
from ..connection import Connection
from ..guest import Guest
from ..job.postcopy import host_devices
from ..timeout import within
from .dirty_rate import measure_windows, memory_bytes
from .footprint import spare_cache_bytes, touched_memory
from .processors import busy_while

_MOST_CONNECTIONS = 8
_PARALLEL_LIBVIRT, _PARALLEL_QEMU = 5_002_000, 4_000_000


@dataclass(frozen=True)
class Survey:
    """Facts, and where they come from. ``bandwidth.bytes_per_s`` is what is in the facts, where it is known."""

    facts: Facts
    bandwidth: Bandwidth
    touched_from: str
    not_measured: str = ""

    def document(self) -> dict[str, t.Any]:
        measured = self.facts.measured
        return {
            "touched_bytes": self.facts.touched_bytes,
            "touched_from": self.touched_from,
            "bandwidth_bytes_per_s": self.bandwidth.bytes_per_s,
            "bandwidth_from": self.bandwidth.known_from,
            "working_set_bytes": measured.working_set_bytes if measured else None,
            "working_set_is_lower_bound": measured.working_set_is_lower_bound if measured else None,
            "dirty_bytes_per_s": measured.dirty_bytes_per_s if measured else None,
            "dirty_rate_is_lower_bound": measured.dirty_rate_is_lower_bound if measured else None,
            "not_measured": self.not_measured or None,
            "vcpus_busy_percent": self.facts.vcpus_busy_percent,
            "host_devices": self.facts.host_devices,
        }


class Asked(t.NamedTuple):
    """``measure``: whether the guest's writing may be measured. ``way_to``: how this machine reaches a host."""

    destination_uri: str
    migrate_uri: t.Optional[str]
    link_mib_per_s: t.Optional[float]
    bandwidth_mib_per_s: int
    compression: str
    parallel_connections: t.Optional[int]
    measure: bool
    way_to: t.Callable[[t.Iterable[str]], Way]


def survey(connection: Connection, destination: Connection, guest: Guest, asked: Asked) -> Survey:
    """Raises what must not be passed over before a start: JOB_RUNNING, MONITOR_HUNG and their like."""
    bandwidth = _bandwidth(connection, destination, asked)
    touched, touched_from = touched_memory(connection, guest)
    running = guest.state().running
    measured: t.Optional[WorkingSet] = None
    why_not = "measuring was switched off"
    busy: tuple[float, ...] = ()
    if asked.measure and bandwidth.bytes_per_s is None:
        why_not = "without a bandwidth there is nothing to compare it with"
    elif asked.measure and not running:
        why_not = "the guest stands still"
    elif asked.measure and bandwidth.bytes_per_s:
        least_s = touched / bandwidth.bytes_per_s
        (measured, why_not), busy = busy_while(guest, lambda: _measured(connection, guest, least_s))
    facts = Facts(
        touched_bytes=touched,
        bandwidth_bytes_per_s=bandwidth.bytes_per_s or 0,
        measured=measured,
        # libvirt refuses post-copy for a guest that stands still, and QEMU beside parallel connections.
        postcopy_possible=running and not asked.parallel_connections,
        xbzrle_cache_bytes=spare_cache_bytes(connection, guest) if asked.compression != "none" else 0,
        parallel_connections=_parallel(connection, destination, asked),
        host_devices=host_devices(guest),
        vcpus_busy=busy,
    )
    return Survey(facts, bandwidth, touched_from, "" if measured else why_not)


def _bandwidth(connection: Connection, destination: Connection, asked: Asked) -> Bandwidth:
    way = Way()
    if asked.link_mib_per_s is None and connection.local:
        host = host_of(asked.migrate_uri) or within(destination.raw.getHostname, "asking the destination for its name")
        way = asked.way_to([str(host or ""), host_of(asked.destination_uri) or ""])
    return expected_bandwidth(asked.link_mib_per_s, asked.bandwidth_mib_per_s, way)


def _measured(connection: Connection, guest: Guest, least_s: float) -> tuple[t.Optional[WorkingSet], str]:
    ring = guest.definition().find("./features/kvm/dirty-ring")
    mode = "dirty-ring" if ring is not None and ring.get("state") == "on" else "page-sampling"
    try:
        windows = measure_windows(connection, guest, measuring_windows_s(least_s), mode)
    except MigrationError as exc:
        if exc.reason in ("LIBVIRT_TOO_OLD", "NOT_MEASURED", "ALREADY_MEASURING"):
            return None, exc.problem
        raise
    return working_set(windows, memory_bytes(guest)), ""


def _parallel(connection: Connection, destination: Connection, asked: Asked) -> int:
    """The most connections that may be used: none of themselves beside a limit, which QEMU then does not keep."""
    if asked.parallel_connections is not None or asked.bandwidth_mib_per_s:
        return 0
    for daemon in (connection.raw, destination.raw):
        if int(daemon.getLibVersion()) < _PARALLEL_LIBVIRT or int(daemon.getVersion()) < _PARALLEL_QEMU:
            return 0
    return _MOST_CONNECTIONS
