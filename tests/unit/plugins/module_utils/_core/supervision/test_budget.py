# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase, Progress
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, stuck


def test_no_more_data_than_allowed() -> None:
    supervisor, _actions = stuck(replace(NEVER, max_data_factor=2))
    action = only([a for a in supervisor.observe(look(21, 4, 100)) if a.apply])
    assert (action.kind, action.reason) == (Kind.ABORT, "DATA_LIMIT")


def test_an_adopted_job_is_not_blamed_for_its_past() -> None:
    supervisor = Supervisor(NEVER, adopted_plan())
    sample = look(100_000, 40, 300, dirty_pages_per_s=25_000, expected_downtime_ms=4000)
    assert done(supervisor.observe(sample)) == []


def test_set_up_that_never_ends() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    nothing = replace(look(0, 0, phase=Phase.SETUP), memory=Progress())
    given = [done(supervisor.observe(replace(nothing, at_s=float(at_s)))) for at_s in range(0, 200, 10)]
    assert [(Kind.ABORT, None)] in given
    assert all(not each for each in given[:18])


def test_disks_have_a_deadline_of_their_own() -> None:
    def copying(at_s: float) -> list[Action]:
        disk = Progress(1 << 40, int(at_s * 1e6), 1 << 39)
        return supervisor.observe(replace(look(at_s, 0), memory=Progress(), disk=disk))

    supervisor = Supervisor(replace(NEVER, deadline_s=10, storage_deadline_s=100), PLAN)
    assert done([a for at_s in range(1, 100, 5) for a in copying(at_s)]) == []
    action = only([a for a in copying(110) if a.apply])
    assert (action.kind, action.reason) == (Kind.ABORT, "STORAGE_DEADLINE")
