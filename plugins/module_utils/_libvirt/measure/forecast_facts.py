# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a forecast that is asked for: of a guest that runs, with no destination connected to."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._core.errors import MigrationError
from ..._core.forecast.link_bandwidth import ExpectedBandwidth, RouteDevice, expected_bandwidth
from ..._core.forecast.measuring_windows import measuring_windows_s
from ..._core.forecast.simulation import MigrationFacts
from ..._core.forecast.working_set import working_set
from ..connection import Connection
from ..guest import Guest
from ..job.current import completed_job, require_running
from .busy_watch import BusyWatch
from .dirty_rate import measure_windows
from .facts import spare_cache_bytes, touched_memory


def unmeasured_facts(
    connection: Connection, guest: Guest, bandwidth: ExpectedBandwidth, parallel_connections: int, *, compress: bool
) -> MigrationFacts:
    """The facts without the measurement; ``compress``: whether to look what a compression cache may take."""
    require_running(guest)
    whole = guest.memory().maximum_bytes
    return MigrationFacts(
        touched_bytes=touched_memory(connection, guest, whole)[0],
        bandwidth_bytes_per_s=bandwidth.bytes_per_s or 0,
        xbzrle_cache_bytes=spare_cache_bytes(connection, whole) if compress else 0,
        parallel_connections=parallel_connections,
        link_bytes_per_s=bandwidth.link_bytes_per_s or 0,
        **_of_definition(guest),
    )


def _of_definition(guest: Guest) -> dict[str, t.Any]:
    """The facts that its live definition tells."""
    document = guest.document()
    return {
        "memory_bytes": document.memory.total_bytes,
        "host_devices": len(document.sent_host_devices),
        "postcopy_possible": not document.postcopy_obstacles,
    }


def bandwidth_of(
    guest: Guest, link_mib_per_s: t.Optional[float], limit_mib_per_s: t.Optional[int], way: RouteDevice
) -> ExpectedBandwidth:
    """What was given, or what the way to the destination carries, or else what the guest's last migration had."""
    unknown = link_mib_per_s is None and way.speed_mbit_per_s is None
    last = completed_job(guest) if unknown else None
    found = expected_bandwidth(link_mib_per_s, limit_mib_per_s or 0, way, last.bandwidth_bytes_per_s if last else None)
    if found.bytes_per_s is None:
        raise MigrationError(
            "BANDWIDTH_UNKNOWN",
            f"What the link carries is {found.known_from}; and libvirt remembers no migration of {guest.name!r}.",
            state="Nothing was measured.",
            remedy="Say it with link_mib_per_s; a link of 10 Gb/s carries about 1100 MiB/s.",
        )
    return found


def with_measurement(connection: Connection, guest: Guest, facts: MigrationFacts, mode: str) -> MigrationFacts:
    """The facts with what the guest does, over windows as long as the first pass of its migration."""
    windows_s = measuring_windows_s(facts.touched_bytes / facts.bandwidth_bytes_per_s)
    watch = BusyWatch(guest)
    windows = measure_windows(connection, guest, windows_s, mode)
    busy = watch.shares()
    return replace(facts, measured=working_set(windows, guest.memory().maximum_bytes), vcpus_busy=busy)
