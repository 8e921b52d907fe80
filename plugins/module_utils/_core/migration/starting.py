# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A plan and the wishes beside it as libvirt's flags and parameters for the start."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..forecast.plan import Flags

# VIR_MIGRATE_*; older bindings lack some of the names.
LIVE = 1 << 0
PEER2PEER = 1 << 1
PERSIST_DEST = 1 << 3
UNDEFINE_SOURCE = 1 << 4
NON_SHARED_DISK = 1 << 6
NON_SHARED_INC = 1 << 7
COMPRESSED = 1 << 11
AUTO_CONVERGE = 1 << 13
POSTCOPY = 1 << 15
TLS = 1 << 16
PARALLEL = 1 << 17

STORAGE = {"none": 0, "all": NON_SHARED_DISK, "incremental": NON_SHARED_INC}


@dataclass(frozen=True)
class Wishes:
    """What the user has decided beside the plan. ``bandwidth_mib_per_s``: a limit, also for post-copy (0: none)."""

    migrate_uri: t.Optional[str] = None
    bandwidth_mib_per_s: int = 0
    copy_storage: str = "none"
    tls: bool = False
    persistent: bool = True
    undefine_source: bool = True


def start_call(flags: Flags, wishes: Wishes) -> tuple[dict[str, t.Any], int]:
    """Parameters and flags of ``migrateToURI3``. Always peer-to-peer: it outlives whoever has started it."""
    parameters: dict[str, t.Any] = {}
    bits = LIVE | PEER2PEER | STORAGE[wishes.copy_storage]
    if wishes.migrate_uri:
        parameters["migrate_uri"] = wishes.migrate_uri
    if wishes.bandwidth_mib_per_s:
        parameters["bandwidth"] = wishes.bandwidth_mib_per_s
    for wanted, bit in (
        (wishes.persistent, PERSIST_DEST),
        (wishes.persistent and wishes.undefine_source, UNDEFINE_SOURCE),
        (wishes.tls, TLS),
    ):
        bits |= bit if wanted else 0
    if flags.postcopy:
        bits |= POSTCOPY
        if wishes.bandwidth_mib_per_s:
            parameters["bandwidth.postcopy"] = wishes.bandwidth_mib_per_s
    if flags.auto_converge:
        bits |= AUTO_CONVERGE
        parameters["auto_converge.initial"] = flags.throttle_initial_percent
        parameters["auto_converge.increment"] = flags.throttle_increment_percent
    if flags.xbzrle_cache_bytes:
        bits |= COMPRESSED
        parameters["compression"] = "xbzrle"
        parameters["compression.xbzrle.cache"] = flags.xbzrle_cache_bytes
    if flags.parallel_connections:
        bits |= PARALLEL
        parameters["parallel.connections"] = flags.parallel_connections
    return parameters, bits
