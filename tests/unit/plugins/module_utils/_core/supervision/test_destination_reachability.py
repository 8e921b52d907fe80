# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags, Plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import Action, Kind
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record, replay
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, first_pass, look

CONTRACT = Policy(max_downtime_ms=30_000, postcopy="if_needed", deadline_s=600)
PLAN = Plan(flags=Flags(postcopy=True), start_limit_ms=300)


def silent(supervisor: t.Any, seconds: int, from_s: int = 10, phase: Phase = Phase.PRECOPY) -> list[Action]:
    """What is decided while nobody answers, a look and a boundary each second."""
    return [
        action
        for at_s in range(from_s, from_s + seconds + 1)
        for action in supervisor.observe(look(at_s, at_s, 400, phase=phase), at_sync=True, path_ok=False)
    ]


@pytest.fixture
def supervisor() -> Supervisor:
    made = Supervisor(CONTRACT, PLAN)
    first_pass(made)
    return made


def test_nothing_finishes_while_nobody_answers(supervisor: Supervisor) -> None:
    (said,) = silent(supervisor, 6)
    assert (said.kind, said.reason) == (Kind.WAIT, "NO_PATH")
    (back,) = supervisor.observe(look(17, 17, 400), path_ok=True)
    assert (back.kind, back.reason) == (Kind.WAIT, "PATH_BACK")
    (decided,) = supervisor.observe(look(18, 18, 400), at_sync=True, path_ok=True)
    assert decided.reason == "NEEDED_DOWNTIME", "it goes on, by passes that leave the same each time"


def test_it_is_aborted_before_libvirt_gives_the_connection_up(supervisor: Supervisor) -> None:
    actions = silent(supervisor, 7)
    assert done(actions) == [(Kind.ABORT, None)]
    assert actions[-1].reason == "NO_PATH"


def test_silence_begins_anew_after_an_answer(supervisor: Supervisor) -> None:
    assert done(silent(supervisor, 6)) == []
    supervisor.observe(look(17, 17, 400), path_ok=True)
    assert done(silent(supervisor, 6, from_s=18)) == []


def test_left_where_that_is_what_was_asked_for() -> None:
    supervisor = Supervisor(replace(CONTRACT, on_hopeless="leave"), PLAN)
    first_pass(supervisor)
    assert done(silent(supervisor, 7)) == [(Kind.LEAVE, None)]
    assert supervisor.outcome == "left"


def test_a_guest_that_changes_hosts_is_not_called_back(supervisor: Supervisor) -> None:
    assert done(silent(supervisor, 1, phase=Phase.SWITCHOVER)) == []
    assert "NO_PATH" not in {action.reason for action in silent(supervisor, 9, from_s=12, phase=Phase.POSTCOPY)}


def test_replayed() -> None:
    record = Record(Supervisor(CONTRACT, PLAN), name="erp01", uuid="")
    silent(record, 5)
    record.observe(look(16, 16, 400), path_ok=True)
    silent(record, 7, from_s=17)
    document = record.document()
    assert [one["reason"] for one in document["decisions"]][-1] == "NO_PATH"
    assert replay(document) == document["decisions"]
