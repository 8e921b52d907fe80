# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck


def test_an_abort_that_comes_to_nothing_is_repeated_and_then_told() -> None:
    supervisor, _actions = stuck(replace(NEVER, deadline_s=19))
    given = []
    for step in range(60):
        given += done(supervisor.observe(look(20 + 5 * step, 4, 200)))
    assert [kind for kind, _value in given] == [Kind.ABORT] * 3 + [Kind.LEAVE]


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.NONE])
def test_it_is_done_when_the_job_is(phase: Phase) -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert supervisor.observe(look(11, 2, 0, phase=phase)) == []
    assert supervisor.outcome == phase.value
    assert supervisor.observe(look(12, 2, 0)) == []


def test_observing_decides_the_same_and_applies_nothing() -> None:
    policy = replace(NEVER, max_downtime_ms=5000)
    acted, observed = stuck(policy)[0], stuck(replace(policy, mode="observe"))[0]
    assert acted.history.boundaries == observed.history.boundaries
    observing = Supervisor(replace(policy, mode="observe"), PLAN)
    first_pass(observing)
    at_boundary(observing, 10, 2, 400)
    action = only(at_boundary(observing, 14, 3, 400))
    assert (action.kind, action.apply) == (Kind.SET_DOWNTIME, False)
    assert at_boundary(observing, 18, 4, 400) == []  # said once
