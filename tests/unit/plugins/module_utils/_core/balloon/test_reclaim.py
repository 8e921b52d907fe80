# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.reclaim import (
    LEAST_STEP_BYTES,
    Reclaim,
    not_worth_it,
    obstacle,
    reclaimable,
    step_bytes,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.statistics import MemoryStatistics
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Balloon,
    GuestDocument,
    GuestMemory,
    HostDevice,
    MemoryCell,
)

MIB, GIB = 1 << 20, 1 << 30
PLAIN = GuestDocument("erp01", "u", memory=GuestMemory(GIB, GIB), balloon=Balloon("virtio"))


def told(**changes: t.Any) -> MemoryStatistics:
    """1 GiB, of which 300 MiB are used, 200 a cache, and 500 free."""
    sizes = {"available_bytes": 1000 * MIB, "usable_bytes": 700 * MIB, "unused_bytes": 500 * MIB, "updated_s": 9}
    return MemoryStatistics(**{"actual_bytes": 1024 * MIB, **sizes, **changes})


@pytest.mark.parametrize(
    ("guest", "reason"),
    [
        (PLAIN, None),
        (replace(PLAIN, balloon=Balloon("virtio-non-transitional")), None),
        (replace(PLAIN, balloon=Balloon("none")), "NO_BALLOON"),
        (replace(PLAIN, balloon=Balloon("xen")), "NO_BALLOON"),
        (replace(PLAIN, balloon=Balloon()), "NO_BALLOON"),
        (replace(PLAIN, host_devices=[HostDevice("pci")]), "HOST_DEVICES"),
        (replace(PLAIN, host_devices=[HostDevice("vdpa")]), "HOST_DEVICES"),
        (replace(PLAIN, memory=GuestMemory(GIB, GIB, locked=True)), "LOCKED_MEMORY"),
        (replace(PLAIN, memory=GuestMemory(GIB, GIB, hugepages=True)), "HUGEPAGES"),
        (replace(PLAIN, memory=GuestMemory(GIB, GIB, cells=[MemoryCell(0, GIB, True)])), "HUGEPAGES"),
        (replace(PLAIN, memory=GuestMemory(GIB, GIB, nvdimm=True)), "NVDIMM"),
        (replace(PLAIN, launch_security="sev"), "ENCRYPTED_MEMORY"),
    ],
)
def test_for_whom_never(guest: GuestDocument, reason: str | None) -> None:
    found = obstacle(guest)
    assert (found.reason if found else None) == reason


def test_what_was_touched_less_what_is_used_less_the_reserve() -> None:
    found = reclaimable(told(), 900 * MIB, 100 * MIB)
    assert found.saved_bytes == (900 - 300 - 100) * MIB
    assert found.floor_bytes == (1024 - 600) * MIB
    assert found.taken_bytes == 600 * MIB
    assert found.cache_bytes == (600 - 400) * MIB  # 400 of the 500 that are free go beside the reserve
    assert found.keep_bytes == 100 * MIB


@pytest.mark.parametrize(
    ("touched_mib", "keep_mib", "saved_mib", "cache_mib"),
    [
        (350, 100, 0, 200),  # all that was touched is used or kept
        (900, 700, 0, 0),  # the reserve is all that there is
        (900, 800, 0, 0),
        (5000, 0, 700, 200),  # no more than the balloon takes
        (900, 550, 50, 150),  # the reserve is in the cache
    ],
)
def test_never_less_than_nothing(touched_mib: int, keep_mib: int, saved_mib: int, cache_mib: int) -> None:
    found = reclaimable(told(), touched_mib * MIB, keep_mib * MIB)
    assert (found.saved_bytes, found.cache_bytes) == (saved_mib * MIB, cache_mib * MIB)
    assert 0 <= found.floor_bytes <= found.from_bytes


def test_a_guest_that_says_it_can_spare_more_than_it_has() -> None:
    found = reclaimable(told(available_bytes=1 << 50, usable_bytes=1 << 50), 900 * MIB, 0)
    assert found.floor_bytes == 128 * MIB
    assert found.saved_bytes <= 900 * MIB


@pytest.mark.parametrize(
    ("saved_mib", "bandwidth_mib_per_s", "reason"),
    [
        (31, None, "NOTHING_TO_SPARE"),
        (500, None, None),
        (500, 0, None),
        (500, 45, None),
        (500, 1100, "NOT_WORTH_IT"),  # 0.5 s saved, more needed
    ],
)
def test_only_where_it_pays(saved_mib: int, bandwidth_mib_per_s: int | None, reason: str | None) -> None:
    reclaim = Reclaim(1024 * MIB, 500 * MIB, saved_mib * MIB, 200 * MIB, 0)
    found = not_worth_it(reclaim, bandwidth_mib_per_s * MIB if bandwidth_mib_per_s else bandwidth_mib_per_s)
    assert (found.reason if found else None) == reason


def test_a_cache_goes_in_eighths() -> None:
    assert step_bytes(0) == step_bytes(100 * MIB) == LEAST_STEP_BYTES
    assert step_bytes(80 * GIB) == 10 * GIB
    few, many = (Reclaim(100 * GIB, 0, GIB, cache, 0).takes_s for cache in (64 * MIB, 80 * GIB))
    assert few < many < few + 10
