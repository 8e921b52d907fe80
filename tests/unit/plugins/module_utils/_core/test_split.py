# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.actions import Action, Kind, Result
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.plan import Plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Contract
from ansible_collections.virtops.live_migration.plugins.module_utils._core.split import BACK_OFF_S
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import done, look

FAILED = [Result(Kind.RECOVER, "unable to connect to the destination")]


class Broken:
    """A post-copy that breaks; :meth: looks at it each second."""

    def __init__(self) -> None:
        self.supervisor = Supervisor(Contract(max_downtime_ms=500, deadline_s=5), Plan())
        self.at_s = 0.0

    def look(self, phase: Phase = Phase.POSTCOPY_FAILED, left_mib: float = 300, **more: t.Any) -> list[Action]:
        self.at_s += 1
        return self.supervisor.observe(look(self.at_s, 2, left_mib, phase=phase, sent_mib=700), **more)

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
    for _attempt in BACK_OFF_S[1:]:
        broken.look(results=FAILED)
        waits.append(broken.until_recover())
    assert waits == sorted(waits)
    broken.look(results=FAILED)
    rest = [action for _second in range(200) for action in broken.look()]
    assert done(rest) == [(Kind.LEAVE, None)]
    assert broken.supervisor.outcome == "left"


def test_nothing_is_joined_to_a_half_that_has_ended() -> None:
    broken = Broken()
    broken.look()
    broken.until_recover()
    ended = [Result(Kind.RECOVER, "it is shut off (shut down) on kvm02", "HALF_ENDED")]
    (left,) = broken.look(results=ended)
    assert (left.kind, left.reason, left.because) == (Kind.LEAVE, "HALF_ENDED", ended[0].problem)
    assert broken.supervisor.outcome == "left"


def test_an_attempt_that_is_never_reported_is_repeated_late() -> None:
    broken = Broken()
    broken.look()
    broken.until_recover()
    assert broken.until_recover() >= BACK_OFF_S[-1]


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
    assert broken.until_recover() <= BACK_OFF_S[0]


def test_somebody_else_may_end_it() -> None:
    broken = Broken()
    broken.look()
    broken.look(Phase.POSTCOPY, 100)
    broken.look(Phase.COMPLETED, 0)
    assert broken.supervisor.outcome == "completed"
