# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary


def test_a_finish_that_fits_the_limit_is_left_to_qemu() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 20)).reason == "FINISHING"


def test_the_needed_downtime_is_set_once_when_a_pass_does_not_get_it_down() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 60)
    action = only(at_boundary(supervisor, 10.6, 3, 60))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "NEEDED_DOWNTIME")
    assert 600 <= (action.value or 0) <= highest_limit_ms(1000, 0)
    assert action.numbers["needed_downtime_ms"] == 600
    assert only(at_boundary(supervisor, 11.2, 4, 60, limit_ms=int(action.value or 0))).kind is Kind.WAIT


def test_a_measured_set_finishes_at_the_first_boundary() -> None:
    supervisor = Supervisor(NEVER, replace(PLAN, set_bytes=60 * MIB, rate_bytes_per_s=500 * MIB))
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 60)).kind is Kind.SET_DOWNTIME


def test_patience_ends_the_waiting_for_less() -> None:
    supervisor = Supervisor(replace(NEVER, max_downtime_ms=8000), PLAN)
    first_pass(supervisor)
    assert only(at_boundary(supervisor, 10, 2, 700)).kind is Kind.WAIT
    assert only(at_boundary(supervisor, 17, 3, 500)).kind is Kind.SET_DOWNTIME


def test_a_busy_spell_is_no_moment_to_finish() -> None:
    supervisor = Supervisor(replace(NEVER, patience_s=60), PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 35)
    assert only(at_boundary(supervisor, 11.5, 3, 90)).kind is Kind.WAIT


def test_a_limit_that_qemu_does_not_meet_is_raised() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 20)
    action = only(at_boundary(supervisor, 11.5, 9, 20))
    assert (action.kind, action.reason) == (Kind.SET_DOWNTIME, "LIMIT_NOT_MET")
    assert 300 < (action.value or 0) <= highest_limit_ms(1000, 0)


def test_the_limit_at_first() -> None:
    fresh = Supervisor(NEVER, replace(PLAN, start_limit_ms=60))
    assert done(fresh.observe(look(0.5, 1))) == [(Kind.SET_DOWNTIME, 60)]
    assert fresh.observe(look(1, 1, limit_ms=60)) == []
    adopted = Supervisor(NEVER, adopted_plan())
    assert done(adopted.observe(look(5, 1, limit_ms=30_000))) == [(Kind.SET_DOWNTIME, highest_limit_ms(1000, 0))]
    assert done(Supervisor(NEVER, adopted_plan()).observe(look(5, 1, limit_ms=30))) == []
