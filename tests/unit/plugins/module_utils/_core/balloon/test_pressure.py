# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.pressure import pressure
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.statistics import MemoryStatistics

MIB = 1 << 20
HELD = MemoryStatistics(400 * MIB, 400 * MIB, 100 * MIB, 90 * MIB, swap_out_bytes=7 * MIB, updated_s=10)


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({}, ""),
        ({"usable_bytes": 13 * MIB}, ""),
        ({"usable_bytes": 12 * MIB}, "of the 100.0 MiB that it was to keep, 12.0 MiB are left"),
        ({"usable_bytes": 0}, "0 B are left"),
        ({"swap_out_bytes": 23 * MIB}, ""),
        ({"swap_out_bytes": 24 * MIB}, "written 17.0 MiB to swap"),
        ({"usable_bytes": 0, "updated_s": 10}, ""),  # told before
        ({"usable_bytes": None}, ""),
    ],
)
def test_what_presses_a_guest(now: dict[str, t.Any], says: str) -> None:
    found = pressure(HELD, replace(HELD, **{"updated_s": 11, **now}), 100 * MIB)
    assert says in found
    assert bool(says) == bool(found)


def test_one_that_could_keep_less_than_it_was_to_is_not_pressed_by_that() -> None:
    """A reserve larger than what the guest had to spare took nothing from it."""
    held = replace(HELD, usable_bytes=20 * MIB)
    assert pressure(held, replace(held, updated_s=11), 500 * MIB) == ""
