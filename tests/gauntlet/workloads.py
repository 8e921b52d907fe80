# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of the gauntlet: those of the simulation, built for real."""

from __future__ import annotations

import typing as t

from virtlab.guest import FINE_BEAT_MS, FINE_SLICE_MS, GuestOptions

from ansible_collections.virtops.live_migration.tests.sim.cases import WORKLOADS
from ansible_collections.virtops.live_migration.tests.sim.guest import MIB, Guest

PHASIC = "phasic"
_SYSTEM_MIB = 40  # what the guest's kernel touches
_PAGE_BYTES = 4096


def options_of(guest: Guest) -> GuestOptions:
    """The lab's guest that does what the simulation's does; in its calm spells it writes nothing at all."""
    busy = guest.spells[0]
    calm_s = guest.spells[1].duration_s if len(guest.spells) > 1 else 0.0
    hot_mib = round(busy.hot_bytes / MIB)
    return GuestOptions(
        ram_mib=guest.memory_bytes // MIB,
        hot_mib=hot_mib,
        cold_mib=guest.touched_bytes // MIB - _SYSTEM_MIB - hot_mib,
        pages_per_s=round(busy.dirty_bytes_per_s / _PAGE_BYTES),
        whole_pages=guest.delta_share == 1.0,
        busy_s=busy.duration_s if calm_s else 0.0,
        calm_s=calm_s,
        beat_ms=FINE_BEAT_MS,
        slice_ms=FINE_SLICE_MS,
    )


OPTIONS: t.Mapping[str, GuestOptions] = {name: options_of(guest) for name, guest in WORKLOADS.items()}
