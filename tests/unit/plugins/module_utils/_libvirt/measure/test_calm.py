# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.calm import wait_for_calm
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import FakeLibvirt

MEASURES_S = 9.0


@pytest.mark.parametrize(
    ("wait_s", "calm_from", "looks", "calm", "told"),
    [
        (0.0, 1, 1, True, []),
        (0.0, 2, 1, False, []),  # it is measured once whatever the bound is
        (60.0, 3, 3, True, [(1, 9.0), (2, 23.0)]),
        # The fifth would begin after 56 s, which is beyond the bound.
        (50.0, 9, 4, False, [(1, 9.0), (2, 23.0), (3, 37.0)]),
    ],
)
def test_it_is_measured_until_it_is_calm_or_the_time_is_over(
    libvirt: FakeLibvirt, wait_s: float, calm_from: int, looks: int, calm: bool, told: list[tuple[int, float]]
) -> None:
    made: list[int] = []
    waits: list[tuple[int, float]] = []

    def measure() -> int:
        libvirt.clock.sleep(MEASURES_S)
        made.append(len(made) + 1)
        return made[-1]

    found = wait_for_calm(measure, lambda number: number >= calm_from, wait_s, lambda *wait: waits.append(wait))
    assert found == (looks, calm)
    assert waits == told
