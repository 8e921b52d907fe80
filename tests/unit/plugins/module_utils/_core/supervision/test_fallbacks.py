# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck


def test_a_pause_that_is_allowed_is_taken_as_a_limit() -> None:
    supervisor = Supervisor(replace(NEVER, max_pause_s=10), PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 900)).kind is Kind.WAIT  # one pass proves nothing
    action = only(at_boundary(supervisor, 19, 3, 900))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "NEEDED_PAUSE")
    assert 9000 <= (action.value or 0) <= 10_000
    undone = supervisor.observe(look(49, 3, 10, sent_mib=2000))
    assert done(undone) == [(Kind.SET_DOWNTIME, highest_limit_ms(1000, 0))]


@pytest.mark.parametrize("more", [{"host_devices": 1}, {"postcopy_possible": False}])
def test_a_pause_is_not_kept_waiting_by_a_post_copy_that_cannot_be(more: dict[str, t.Any]) -> None:
    """The policy allows both, and the job has the flag."""
    plan = replace(PLAN, flags=Flags(postcopy=True), **more)
    supervisor = Supervisor(replace(NEVER, postcopy="if_needed", max_pause_s=10), plan)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 900)
    assert only(at_boundary(supervisor, 19, 3, 900)).reason == "NEEDED_PAUSE"


@pytest.mark.parametrize(("choice", "kind"), [("abort", Kind.ABORT), ("leave", Kind.LEAVE), ("pause", Kind.SUSPEND)])
def test_at_the_deadline_the_policy_says_what_is_done(choice: str, kind: Kind) -> None:
    policy = replace(NEVER, on_hopeless=choice, max_pause_s=9 if choice == "pause" else 0, max_throttle_percent=0)
    supervisor, _actions = stuck(replace(policy, deadline_s=19))
    action = only([a for a in supervisor.observe(look(20, 4, 200)) if a.apply])
    assert (action.kind, action.reason) == (kind, "DEADLINE")
    assert action.numbers["diagnosis"] == "DIRTY_RATE"
    assert supervisor.done is (choice == "leave")
