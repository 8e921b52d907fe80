# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.statistics import (
    FRESH_S,
    statistics_of,
)

KIB = 1024
# As libvirt 9.0 told them of a guest of the lab with a kernel 6.1.
LAB = {
    "actual": 524288,
    "swap_in": 0,
    "swap_out": 0,
    "major_fault": 0,
    "minor_fault": 77903,
    "unused": 305888,
    "available": 480272,
    "usable": 305708,
    "last_update": 1795972015,
    "disk_caches": 1288,
    "rss": 515576,
}


def test_sizes_are_in_bytes() -> None:
    found = statistics_of(LAB)
    assert (found.actual_bytes, found.available_bytes, found.usable_bytes) == (
        524288 * KIB,
        480272 * KIB,
        305708 * KIB,
    )
    assert (found.unused_bytes, found.disk_caches_bytes, found.swap_out_bytes) == (305888 * KIB, 1288 * KIB, 0)
    assert (found.resident_bytes, found.updated_s) == (515576 * KIB, 1795972015)
    assert found.told
    assert found.used_bytes == (480272 - 305708) * KIB


@pytest.mark.parametrize("missing", ["available", "usable", "last_update"])
def test_without_these_nothing_can_be_decided(missing: str) -> None:
    assert not statistics_of({key: value for key, value in LAB.items() if key != missing}).told


def test_of_a_guest_without_a_driver_only_qemu_tells() -> None:
    found = statistics_of({"actual": 524288, "rss": 100, "last_update": 0})
    assert (found.actual_bytes, found.resident_bytes, found.told) == (524288 * KIB, 100 * KIB, False)
    assert statistics_of({}, current_bytes=77).actual_bytes == 77


@pytest.mark.parametrize(
    ("said", "usable_kib"), [({"usable": 900000}, 480272), ({"usable": -1}, None), ({"usable": "much"}, None)]
)
def test_a_guest_may_say_anything(said: dict[str, t.Any], usable_kib: int | None) -> None:
    found = statistics_of({**LAB, **said})
    assert found.usable_bytes == (None if usable_kib is None else usable_kib * KIB)


def test_what_was_told_long_ago_is_not_true_any_more() -> None:
    found = statistics_of(LAB)
    assert found.fresh(1795972015 + FRESH_S)
    assert not found.fresh(1795972015 + FRESH_S + 1)
