# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.postcopy_obstacles import postcopy_obstacles


def test_devices_of_the_host() -> None:
    assert postcopy_obstacles(0) == []
    (obstacle,) = postcopy_obstacles(2)
    assert (obstacle.id, obstacle.why) == (
        "HOST_DEVICES",
        "it has 2 host device(s), whose state post-copy cannot fetch",
    )
