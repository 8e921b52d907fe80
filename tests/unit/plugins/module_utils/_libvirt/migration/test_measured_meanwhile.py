# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    ExpectedBandwidth,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import MeasuredFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.measured_meanwhile import (
    MeasuredMeanwhile,
)

LIMIT_S = 30.0


def facts(*, measured: bool = True) -> MeasuredFacts:
    found = WorkingSet(1 << 26, False, 1 << 24, False) if measured else None
    return MeasuredFacts(
        MigrationFacts(1 << 30, 1 << 26, measured=found), ExpectedBandwidth(1 << 26, "a test"), "a test"
    )


def ended(measure: t.Callable[[t.Callable[[], bool]], MeasuredFacts]) -> t.Optional[MeasuredFacts]:
    """What is known when the measurement has ended before the wait."""
    threads = set(threading.enumerate())
    meanwhile = MeasuredMeanwhile(measure)
    for thread in set(threading.enumerate()) - threads:
        thread.join(LIMIT_S)
    return meanwhile.end()


def test_what_was_found_before_the_turn_came() -> None:
    found = facts()
    assert ended(lambda _over: found) is found


def test_nothing_where_it_could_not_be_measured() -> None:
    assert ended(lambda _over: facts(measured=False)) is None


@pytest.mark.parametrize("reason", ["JOB_RUNNING", "MONITOR_HUNG"])
def test_nothing_where_the_guest_was_not_to_be_asked(reason: str) -> None:
    def refused(_over: t.Callable[[], bool]) -> MeasuredFacts:
        raise MigrationError(reason, "it cannot be asked")

    assert ended(refused) is None


def test_a_turn_that_comes_is_not_waited_with() -> None:
    """And the measurement is told, so that it begins nothing more."""
    begun, told = threading.Event(), threading.Event()

    def measure(over: t.Callable[[], bool]) -> MeasuredFacts:
        begun.set()
        while not over():
            threading.Event().wait(0.01)
        told.set()
        return facts()

    meanwhile = MeasuredMeanwhile(measure)
    assert begun.wait(LIMIT_S)
    assert meanwhile.end() is None
    assert told.wait(LIMIT_S)
    assert meanwhile.end() is None
