# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.host import (
    evacuation_metrics,
    host_metrics,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.metrics import NUMBERS, values


def test_an_evacuation() -> None:
    text = evacuation_metrics(NUMBERS, began_s=100.0, expected_end_s=400.0, now_s=200.0, running=True)
    assert values(text) == {
        "live_migration_evacuation_running": 1,
        "live_migration_evacuation_guests done": 2,
        "live_migration_evacuation_guests failed": 1,
        "live_migration_evacuation_guests moving": 2,
        "live_migration_evacuation_guests waiting": 2,
        "live_migration_evacuation_remaining_bytes": 1 << 30,
        "live_migration_evacuation_bytes_per_second": 45 << 20,
        "live_migration_evacuation_time_left_seconds": 12.5,
        "live_migration_evacuation_start_timestamp_seconds": 100,
        "live_migration_evacuation_expected_end_timestamp_seconds": 400,
        "live_migration_evacuation_updated_timestamp_seconds": 200,
    }


def test_what_is_not_known_is_left_out() -> None:
    numbers = {**NUMBERS, "time_left_s": None}
    text = evacuation_metrics(numbers, began_s=100.0, expected_end_s=None, now_s=200.0, running=True)
    assert "time_left" not in text and "expected_end" not in text


def test_a_host() -> None:
    assert values(host_metrics(away=3, cordoned=True, now_s=5.0)) == {
        "live_migration_host_guests_away_from_home": 3,
        "live_migration_host_cordoned": 1,
        "live_migration_host_updated_timestamp_seconds": 5,
    }
