# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.postcopy_obstacles import by_host_devices


def test_devices_of_the_host() -> None:
    assert by_host_devices(0) == []
    (obstacle,) = by_host_devices(2)
    assert (obstacle.id, obstacle.why) == (
        "HOST_DEVICES",
        "it has 2 host device(s), whose state post-copy cannot fetch",
    )
