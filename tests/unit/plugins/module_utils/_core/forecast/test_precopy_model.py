# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.dirty_curve import (
    DirtyCurve,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.precopy_model import (
    TransferPath,
    latest_share,
    postcopy,
    precopy,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import MIB


def test_a_straight_load_gives_a_geometric_series() -> None:
    course = precopy(DirtyCurve(1000 * MIB, 50 * MIB, scattered=False), TransferPath(1000 * MIB, 100 * MIB, 1), 1, 1e9)
    assert course.finishes
    assert course.total_s == pytest.approx(20, rel=0.02)  # M/B / (1 - r)
    assert course.sent_bytes == pytest.approx(2000 * MIB, rel=0.02)


def test_a_hot_set_is_the_floor() -> None:
    course = precopy(DirtyCurve(300 * MIB, 1000 * MIB), TransferPath(1000 * MIB, 100 * MIB, 60), 500, 5)
    assert not course.finishes
    assert course.floor_bytes == pytest.approx(300 * MIB, rel=0.05)


def test_late_post_copy_sends_more_twice() -> None:
    load, path = DirtyCurve(900 * MIB, 500 * MIB), TransferPath(1000 * MIB, 100 * MIB, 60)
    again = [postcopy(load, path, share / 10).floor_bytes for share in range(1, 11)]
    assert again == sorted(again)
    share = latest_share(load, path, 0.12)
    assert postcopy(load, path, share).floor_bytes <= 0.12 * 1000 * MIB
