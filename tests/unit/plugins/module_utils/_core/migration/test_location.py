# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domain_state import DomainState
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.location import (
    GuestLocation,
    Situation,
)

RUNNING = DomainState(1, 1)


MOVED_HERE = DomainState(1, 2)


PAUSED_BY_USER = DomainState(3, 1)


IO_ERROR = DomainState(3, 5)


ARRIVING = DomainState(3, 2)


STARTING_UP = DomainState(3, 11)


STOPPED_FOR_SWITCH = DomainState(3, 2)


SPLIT_SOURCE = DomainState(3, 12)


SPLIT_DESTINATION = DomainState(1, 10)


BROKEN_SOURCE = DomainState(3, 13)


BROKEN_DESTINATION = DomainState(1, 11)


OFF = DomainState(5, 1)


CRASHED = DomainState(5, 3)


DESTROYED = DomainState(5, 2)


OFF_SINCE_BOOT = DomainState(5, 0)


BROKEN_AND_PAUSED = DomainState(3, 13)


MOVED_AWAY = DomainState(5, 4)


State = t.Optional[DomainState]


@pytest.mark.parametrize(
    ("here", "there", "situation"),
    [
        (RUNNING, None, Situation.START),
        (RUNNING, OFF, Situation.START),
        (PAUSED_BY_USER, None, Situation.START),
        (IO_ERROR, MOVED_AWAY, Situation.START),
        (None, RUNNING, Situation.THERE),
        (MOVED_AWAY, MOVED_HERE, Situation.THERE),
        (OFF, PAUSED_BY_USER, Situation.THERE),
        (None, ARRIVING, Situation.ARRIVING_THERE),
        (OFF, STARTING_UP, Situation.ARRIVING_THERE),
        (None, SPLIT_DESTINATION, Situation.ARRIVING_THERE),
        (None, BROKEN_DESTINATION, Situation.ARRIVING_THERE),
        (MOVED_AWAY, BROKEN_DESTINATION, Situation.ARRIVING_THERE),
        (CRASHED, SPLIT_DESTINATION, Situation.ARRIVING_THERE),
        (CRASHED, BROKEN_DESTINATION, Situation.SOURCE_HALF_ENDED),
        (DESTROYED, BROKEN_AND_PAUSED, Situation.SOURCE_HALF_ENDED),
        (OFF_SINCE_BOOT, BROKEN_DESTINATION, Situation.SOURCE_HALF_ENDED),
        (None, None, Situation.NOWHERE),
        (OFF, None, Situation.OFF),
        (None, OFF, Situation.OFF),
        (MOVED_AWAY, OFF, Situation.OFF),
        (RUNNING, RUNNING, Situation.SPLIT_BRAIN),
        (RUNNING, MOVED_HERE, Situation.SPLIT_BRAIN),
        (RUNNING, ARRIVING, Situation.UNCLEAR),
        (RUNNING, PAUSED_BY_USER, Situation.UNCLEAR),
        (STOPPED_FOR_SWITCH, RUNNING, Situation.UNCLEAR),
        (STOPPED_FOR_SWITCH, None, Situation.UNCLEAR),
        (BROKEN_SOURCE, None, Situation.UNCLEAR),
        (SPLIT_SOURCE, OFF, Situation.UNCLEAR),
    ],
)
def test_without_a_job(here: State, there: State, situation: Situation) -> None:
    assert GuestLocation(here, there).situation is situation


@pytest.mark.parametrize(
    ("here", "there", "job", "situation"),
    [
        (RUNNING, ARRIVING, Phase.PRECOPY, Situation.ADOPT),
        (RUNNING, STARTING_UP, Phase.SETUP, Situation.ADOPT),
        (STOPPED_FOR_SWITCH, ARRIVING, Phase.SWITCHOVER, Situation.ADOPT),
        (STOPPED_FOR_SWITCH, MOVED_HERE, Phase.SWITCHOVER, Situation.ADOPT),
        (SPLIT_SOURCE, SPLIT_DESTINATION, Phase.POSTCOPY, Situation.ADOPT),
        (BROKEN_SOURCE, BROKEN_DESTINATION, Phase.POSTCOPY_FAILED, Situation.BROKEN),
        (BROKEN_SOURCE, SPLIT_DESTINATION, Phase.POSTCOPY_FAILED, Situation.BROKEN),
        (SPLIT_SOURCE, BROKEN_DESTINATION, Phase.POSTCOPY, Situation.ADOPT),
        (RUNNING, None, Phase.PRECOPY, Situation.ELSEWHERE),
        (RUNNING, OFF, Phase.SETUP, Situation.ELSEWHERE),
        (BROKEN_SOURCE, None, Phase.POSTCOPY_FAILED, Situation.ELSEWHERE),
        (BROKEN_SOURCE, OFF, Phase.POSTCOPY_FAILED, Situation.HALF_ENDED),
        (RUNNING, RUNNING, Phase.PRECOPY, Situation.SPLIT_BRAIN),
        (RUNNING, PAUSED_BY_USER, Phase.PRECOPY, Situation.UNCLEAR),
    ],
)
def test_with_a_job(here: State, there: State, job: Phase, situation: Situation) -> None:
    assert GuestLocation(here, there, job).situation is situation
