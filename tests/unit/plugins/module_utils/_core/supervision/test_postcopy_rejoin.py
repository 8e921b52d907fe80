# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.postcopy_rejoin import (
    JOIN_AGAIN_AFTER_S,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, done, look

GOES_ON = [ActionResult(Kind.RECOVER, "QEMU reports migration is still running", "POSTCOPY_RUNNING")]
FAILED = [ActionResult(Kind.RECOVER, "unable to connect to the destination")]


class Broken:
    """A post-copy that breaks; each look comes a second after the one before."""

    def __init__(self, **plan: t.Any) -> None:
        self.supervisor = Supervisor(Policy(max_downtime_ms=500, deadline_s=5), Plan(**plan))
        self.at_s = 0.0

    def look(
        self, phase: Phase = Phase.POSTCOPY_FAILED, left_mib: float = 300, *, sent_mib: float = 700, **more: t.Any
    ) -> list[Action]:
        self.at_s += 1
        return self.supervisor.observe(look(self.at_s, 2, left_mib, phase=phase, sent_mib=sent_mib), **more)

    def goes_on(self, **more: t.Any) -> list[Action]:
        """A look at which 1 MiB more has been sent."""
        moved = 1 + self.supervisor.history.last.memory.processed_bytes // MIB
        return self.look(left_mib=1000 - moved, sent_mib=moved, **more)

    def until_recover(self, **more: t.Any) -> float:
        """Seconds until the next attempt."""
        begin_s = self.at_s
        for _second in range(400):
            if any(action.kind is Kind.RECOVER for action in self.look(**more)):
                return self.at_s - begin_s
        raise AssertionError("no attempt")


def test_post_copy_is_never_aborted() -> None:
    broken = Broken()
    actions = [action for _second in range(300) for action in broken.look(Phase.POSTCOPY)]
    assert done(actions) == []
    assert {"POSTCOPY_RUNNING", "NETWORK_STALL"} == {action.reason for action in actions}


def test_attempts_back_off_and_end_without_touching_either_half() -> None:
    broken = Broken()
    broken.look()
    waits = [broken.until_recover()]
    for _attempt in JOIN_AGAIN_AFTER_S[1:]:
        broken.look(results=FAILED)
        waits.append(broken.until_recover())
    assert waits == sorted(waits)
    end = broken.look(results=FAILED)
    end += [action for _second in range(200) for action in broken.look()]
    assert done(end) == [(Kind.LEAVE, None)]
    assert broken.supervisor.outcome == "left"


@pytest.mark.parametrize("reason", ["HALF_ENDED", "HALF_MISSING"])
def test_nothing_is_joined_to_a_half_that_has_ended(reason: str) -> None:
    broken = Broken()
    broken.look()
    broken.until_recover()
    ended = [ActionResult(Kind.RECOVER, "it is shut off (shut down) on kvm02", reason)]
    (left,) = broken.look(results=ended)
    assert (left.kind, left.reason, left.because) == (Kind.LEAVE, reason, ended[0].problem)
    assert broken.supervisor.outcome == "left"


def test_an_attempt_that_is_never_reported_is_repeated_late() -> None:
    broken = Broken()
    broken.look()
    broken.until_recover()
    assert broken.until_recover() >= JOIN_AGAIN_AFTER_S[-1]


def test_no_attempt_without_a_path() -> None:
    broken = Broken()
    actions = [action for _second in range(60) for action in broken.look(path_ok=False)]
    assert done(actions) == []
    assert "NO_PATH" in {action.reason for action in actions}
    assert broken.until_recover(path_ok=True) == 1


def test_progress_makes_the_next_break_a_new_one() -> None:
    broken = Broken()
    broken.look()
    broken.until_recover()
    broken.look(Phase.POSTCOPY, 200)
    broken.look(left_mib=150)
    assert broken.until_recover() <= JOIN_AGAIN_AFTER_S[0]


def test_what_is_met_broken_is_joined_without_a_wait() -> None:
    broken = Broken()
    broken.look()
    assert broken.until_recover() == 1


def test_what_breaks_while_it_is_watched_gets_time_to_become_well() -> None:
    broken = Broken()
    broken.look(Phase.POSTCOPY)
    broken.look()
    assert broken.until_recover() == JOIN_AGAIN_AFTER_S[0]


@pytest.mark.parametrize("before", [Phase.POSTCOPY, Phase.POSTCOPY_FAILED])
def test_nothing_is_joined_while_qemu_goes_on_by_itself(before: Phase) -> None:
    broken = Broken()
    broken.look(before)
    actions = [action for _second in range(200) for action in broken.goes_on()]
    assert done(actions) == []
    assert "POSTCOPY_RUNNING" in {action.reason for action in actions}
    still = {"left_mib": 100, "sent_mib": 900}
    begin_s = broken.at_s
    while not any(action.kind is Kind.RECOVER for action in broken.look(**still)):
        assert broken.at_s < begin_s + 10
    assert broken.at_s == begin_s + 5


def test_a_refusal_because_qemu_runs_is_no_attempt_and_comes_to_an_end() -> None:
    broken = Broken(join_attempts=1)
    broken.look()
    end: list[Action] = []
    asked = 0
    while not end and broken.at_s < 400:
        broken.until_recover()
        asked += 1
        end = [action for action in broken.look(results=GOES_ON) if action.kind is Kind.LEAVE]
    assert [action.reason for action in end] == ["POSTCOPY_SILENT"]
    assert 120 <= end[0].numbers["silent_s"] <= 140
    assert asked >= 5
    assert broken.supervisor.postcopy.resumed == 0
    assert broken.supervisor.outcome == "left"


def test_what_libvirt_calls_failed_may_have_been_joined() -> None:
    broken = Broken(join_attempts=1)
    broken.look()
    broken.until_recover()
    assert done(broken.goes_on(results=FAILED)) == []
    for _second in range(200):
        assert done(broken.goes_on()) == []
    assert broken.supervisor.postcopy.resumed == 1


def test_as_many_attempts_as_are_allowed() -> None:
    broken = Broken(join_attempts=7)
    broken.look()
    for _attempt in range(7):
        broken.until_recover()
        left = broken.look(results=FAILED)
    assert done(left) == [(Kind.LEAVE, None)]
    assert FAILED[0].problem in left[0].because


def test_what_no_repetition_changes() -> None:
    broken = Broken()
    broken.look()
    broken.until_recover()
    refused = [ActionResult(Kind.RECOVER, "unsupported flags", "NOT_SUPPORTED")]
    (left,) = broken.look(results=refused)
    assert (left.kind, left.reason, left.because) == (Kind.LEAVE, "POSTCOPY_BROKEN", "unsupported flags")


def test_a_silence_longer_than_tcp_tries_is_told() -> None:
    broken = Broken()
    actions = [action for _second in range(1300) for action in broken.look(Phase.POSTCOPY)]
    assert [(action.kind, action.reason) for action in actions if action.apply] == [(Kind.LEAVE, "POSTCOPY_SILENT")]


def test_somebody_else_may_end_it() -> None:
    broken = Broken()
    broken.look()
    broken.look(Phase.POSTCOPY, 100)
    broken.look(Phase.COMPLETED, 0)
    assert broken.supervisor.outcome == "completed"
