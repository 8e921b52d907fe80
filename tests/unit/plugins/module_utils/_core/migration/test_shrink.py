# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.reclaim import Obstacle, Reclaim
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    blind_forecast,
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.shrink import ShrinkOutlook
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

MIB = 1 << 20
RECLAIM = Reclaim(1024 * MIB, 424 * MIB, 500 * MIB, 200 * MIB, 100 * MIB)
IDLE = WorkingSet(0, False, 0, False)


def facts(touched_mib: int) -> MigrationFacts:
    return MigrationFacts(touched_mib * MIB, 50 * MIB, IDLE)


def test_both_times_and_what_it_costs() -> None:
    whole, less = (forecast(Policy(), facts(touched)) for touched in (900, 400))
    found = ShrinkOutlook(RECLAIM, whole).document(less)
    assert (found["from_bytes"], found["to_bytes"], found["saved_bytes"]) == (1024 * MIB, 424 * MIB, 500 * MIB)
    assert (found["cache_bytes"], found["keep_bytes"], found["possible"]) == (200 * MIB, 100 * MIB, True)
    assert whole.expected is not None and less.expected is not None
    assert found["total_without_s"] == round(whole.expected.total_s, 1)
    assert found["takes_s"] == round(RECLAIM.takes_s, 1)
    assert abs(found["total_s"] - less.expected.total_s - RECLAIM.takes_s) < 0.11
    assert found["sent_without_bytes"] - found["sent_bytes"] > 450 * MIB
    assert "200.0 MiB of what is taken are a cache" in found["msg"]


def test_where_nothing_is_foreseen_there_are_no_times() -> None:
    blind = blind_forecast(Policy(), MigrationFacts(900 * MIB, 0))
    found = ShrinkOutlook(RECLAIM, blind).document(blind)
    assert (found["possible"], found["total_s"], found["total_without_s"], found["sent_bytes"]) == (
        True,
        None,
        None,
        None,
    )


def test_why_nothing_is_taken() -> None:
    found = ShrinkOutlook(Obstacle("NO_BALLOON", "it has no virtio balloon device"))
    assert found.document() == {
        "possible": False,
        "reason": "NO_BALLOON",
        "msg": "Nothing is taken: it has no virtio balloon device.",
    }
    assert found.saved_bytes == 0
    assert ShrinkOutlook(RECLAIM).saved_bytes == 500 * MIB
