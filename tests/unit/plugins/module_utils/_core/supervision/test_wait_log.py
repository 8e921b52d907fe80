# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.history import History
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.wait_log import WaitLog
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look


@pytest.mark.parametrize(
    ("every_look", "told_at_s"),
    [
        (False, [0.0, 1.0, 2.0]),  # the same again after a second
        (True, [0.0]),  # what is found at every look once
    ],
)
def test_the_same_is_not_said_again_at_once(every_look: bool, told_at_s: list[float]) -> None:
    history = History()
    log, told = WaitLog(history), []
    for at_s in (0.0, 0.5, 1.0, 1.5, 2.0):
        history.add(look(at_s), False)
        if log.wait("SHRINKING", "it gets less", {}, every_look=every_look):
            told.append(at_s)
    assert told == told_at_s


def test_another_reason_is_said_at_once_and_the_first_one_then_again() -> None:
    history = History()
    history.add(look(0.0), False)
    log = WaitLog(history)
    found = [log.wait(reason, "", {}, every_look=True) for reason in ("A", "B", "A", "A")]
    assert [[action.reason for action in one] for one in found] == [["A"], ["B"], ["A"], []]
