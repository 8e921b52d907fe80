# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN


def test_standing_still_longer_than_allowed_ends_in_an_abort() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert done(supervisor.observe(look(10, 2, 600, phase=Phase.SWITCHOVER))) == []
    assert done(supervisor.observe(look(12, 2, 400, phase=Phase.SWITCHOVER))) == []
    assert done(supervisor.observe(look(13.5, 2, 250, phase=Phase.SWITCHOVER))) == [(Kind.ABORT, None)]


def test_the_last_bytes_are_waited_for() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    for at_s, left in ((10, 390), (12, 190), (13.5, 40), (14, 0), (40, 0)):
        assert done(supervisor.observe(look(at_s, 2, left, phase=Phase.SWITCHOVER))) == []
    assert done(supervisor.observe(look(71, 2, 0, phase=Phase.SWITCHOVER))) == [(Kind.ABORT, None)]
