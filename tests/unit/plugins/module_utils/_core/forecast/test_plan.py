# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import (
    MIB,
    NEVER,
    measured,
    told,
)


def test_the_supervisor_is_told_what_was_measured() -> None:
    plan = told(NEVER, measured(600, 50)).plan
    assert (plan.set_bytes, plan.rate_bytes_per_s, plan.touched_bytes) == (600 * MIB, 50 * MIB, 1000 * MIB)
    assert plan.left_after(4) == 200 * MIB
    assert plan.left_after(100) == 600 * MIB
    seen_for_a_second = told(NEVER, measured(50, 50, set_bound=True, rate_bound=True)).plan
    assert [seen_for_a_second.left_after(time_s) for time_s in (0.5, 4, 100)] == [25 * MIB, 200 * MIB, 1000 * MIB]
    assert told(NEVER, None).plan.left_after(4) is None
