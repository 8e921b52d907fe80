# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The facts of a forecast, gathered from a guest that is not being migrated."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ..._core.errors import MigrationError
from ..._core.forecast.dirty_curve import measuring_windows_s
from ..._core.forecast.forecast import forecast
from ..._core.forecast.link_bandwidth import Bandwidth, Way, expected_bandwidth
from ..._core.forecast.quiet_moment import Moment, moment
from ..._core.forecast.simulation import Facts
from ..._core.forecast.working_set import working_set
from ..._core.policy import Contract
from ..connection import Connection
from ..guest import Guest
from ..job.current import completed_job, require_running
from ..job.postcopy import host_devices
from .dirty_rate import measure_windows, memory_bytes
from .footprint import spare_cache_bytes, touched_memory
from .processors import busy_while

_REST_S = 5.0  # between two measurements of a search, so that the guest is left alone for half of the time


def gather(
    connection: Connection, guest: Guest, bandwidth: Bandwidth, parallel_connections: int, *, compress: bool
) -> Facts:
    """Everything but the measurement."""
    require_running(guest)
    return Facts(
        touched_bytes=touched_memory(connection, guest)[0],
        bandwidth_bytes_per_s=bandwidth.bytes_per_s or 0,
        xbzrle_cache_bytes=spare_cache_bytes(connection, guest) if compress else 0,
        parallel_connections=parallel_connections,
        host_devices=host_devices(guest),
    )


def bandwidth_of(
    guest: Guest, link_mib_per_s: t.Optional[float], limit_mib_per_s: t.Optional[int], way: Way
) -> Bandwidth:
    """What was given, or what the way to the destination carries, or else what the guest's last migration had."""
    asked = link_mib_per_s is None and way.speed_mbit_per_s is None
    last = completed_job(guest) if asked else None
    found = expected_bandwidth(link_mib_per_s, limit_mib_per_s or 0, way, last.bandwidth_bytes_per_s if last else None)
    if found.bytes_per_s is None:
        raise MigrationError(
            "BANDWIDTH_UNKNOWN",
            f"What the link carries is {found.known_from}; and libvirt remembers no migration of {guest.name!r}.",
            state="Nothing was measured.",
            remedy="Say it with link_mib_per_s; a link of 10 Gb/s carries about 1100 MiB/s.",
        )
    return found


def measure(connection: Connection, guest: Guest, facts: Facts, mode: str) -> Facts:
    """The facts with what the guest does, over windows as long as the first pass of its migration."""
    windows_s = measuring_windows_s(facts.touched_bytes / facts.bandwidth_bytes_per_s)
    windows, busy = busy_while(guest, lambda: measure_windows(connection, guest, windows_s, mode))
    return replace(facts, measured=working_set(windows, memory_bytes(guest)), vcpus_busy=busy)


def wait_for_calm(look: t.Callable[[], Facts], contract: Contract, wait_s: float) -> tuple[list[Moment], Facts]:
    """Measure until the guest is quiet enough for the contract, or for so long; at least once."""
    began_s = time.monotonic()
    moments: list[Moment] = []
    while True:
        after_s = time.monotonic() - began_s
        facts = look()
        if facts.measured is not None:
            moments.append(moment(after_s, facts.measured, forecast(contract, facts)))
        spent_s = time.monotonic() - began_s
        if moments[-1].quiet or spent_s + _REST_S > wait_s:
            return moments, facts
        time.sleep(_REST_S)
