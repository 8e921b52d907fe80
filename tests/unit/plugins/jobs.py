# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration jobs as libvirt tells them, for tests to start from."""

from __future__ import annotations

import typing as t

MIB = 1 << 20
GIB = 1 << 30
UNLIMITED = 8_796_093_022_207  # how libvirt spells "no limit" of the pre-copy bandwidth

NO_JOB: dict[str, t.Any] = {"type": 0}
# 4 GiB of memory, its fifth pass at 100 MiB/s: 256 MiB are rewritten in each pass.
MIGRATING: dict[str, t.Any] = {
    "type": 2,
    "operation": 5,
    "time_elapsed": 60_000,
    "downtime": 2560,
    "memory_total": 4 * GIB,
    "memory_processed": 5 * GIB,
    "memory_remaining": 200 * MIB,
    "memory_bps": 100 * MIB,
    "memory_dirty_rate": 25_600,
    "memory_page_size": 4096,
    "memory_iteration": 5,
    "memory_postcopy_requests": 0,
    "disk_total": 0,
    "disk_processed": 0,
    "disk_remaining": 0,
}
FIRST_PASS = {**MIGRATING, "memory_iteration": 1, "memory_dirty_rate": 0, "memory_processed": GIB, "downtime": 300}
POSTCOPY = {**MIGRATING, "memory_postcopy_requests": 12}
BACKUP = {"type": 2, "operation": 9, "time_elapsed": 1000, "disk_total": GIB}
COMPLETED = {
    **MIGRATING,
    "type": 3,
    "time_elapsed": 70_000,
    "downtime": 351,
    "memory_remaining": 0,
    "memory_dirty_rate": 0,
    "memory_processed": 6 * GIB,
}


def later(seconds: float, stats: t.Optional[t.Mapping[str, t.Any]] = None, **changes: t.Any) -> dict[str, t.Any]:
    """The same job after some seconds in which it has sent at its bandwidth."""
    stats = MIGRATING if stats is None else stats
    sent = int(seconds * stats["memory_bps"])
    return {
        **stats,
        "time_elapsed": stats["time_elapsed"] + int(seconds * 1000),
        "memory_processed": stats["memory_processed"] + sent,
        "memory_remaining": max(0, stats["memory_remaining"] - sent),
        **changes,
    }
