# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.history import History
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary


def test_between_boundaries_nothing_is_compared() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    # A sawtooth: what is left falls within the pass and would fit, which means nothing.
    assert supervisor.observe(look(13.9, 2, 10)) == []


def test_a_job_without_pass_numbers() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    for at_s in range(10):
        supervisor.observe(look(at_s + 0.5, None, 1000 - 100 * at_s))
    assert only(supervisor.observe(look(10, None, 500), at_sync=True)).reason == "SHRINKING"


@pytest.mark.parametrize(
    ("told_ms", "after_s", "processed", "elapsed_ms"),
    [
        (9_000, 8.0, 1, 9_000),  # as it should be
        (25_000, 8.0, 1, 25_000),  # a look that was answered late
        (3_609_000, 8.0, 1, 9_000),  # the clock was set ahead
        (0, 8.0, 1, 9_000),  # set back
        (0, 0.5, 1, 0),  # it has just begun
        (0, 8.0, 0, 0),  # it has ended, and its statistics are gone
    ],
)
def test_the_age_of_a_job_whose_host_has_its_clock_set(
    told_ms: int, after_s: float, processed: int, elapsed_ms: int
) -> None:
    history = History()
    begin = replace(look(1.0), elapsed_ms=1_000)
    assert history.timed(begin) is begin
    history.add(begin, False)
    memory = replace(begin.memory, processed_bytes=processed)
    later = replace(begin, at_s=begin.at_s + after_s, elapsed_ms=told_ms, memory=memory)
    assert history.timed(later) == replace(later, elapsed_ms=elapsed_ms)


def looked(history: History, at_s: float, number: int, left_mib: int, sent_mib: int) -> bool:
    """One look; whether a pass has begun."""
    sample = look(at_s, number, left_mib)
    memory = replace(sample.memory, processed_bytes=sent_mib * 2**20)
    return history.add(replace(sample, memory=memory), True)


def test_qemu_that_syncs_within_passes() -> None:
    """After the first pass a pass is over when about all that was left has been sent, however often QEMU has synced."""
    history = History()
    began = [
        looked(history, at_s, number, left, sent)
        for at_s, number, left, sent in [
            (1.0, 1, 900, 50),
            (10.0, 1, 200, 500),
            (10.5, 110, 300, 520),  # the first pass is over
            (11.0, 116, 310, 540),
            (16.0, 170, 280, 700),
            (18.5, 200, 290, 800),  # 280 of the 300 MiB have been sent
            (19.0, 206, 300, 820),
        ]
    ]
    assert began == [False, False, True, False, False, True, False]
    assert [(one.pass_number, one.remaining_bytes >> 20) for one in history.boundaries] == [(2, 300), (3, 290)]
    assert history.first_pass_bytes == 520 * 2**20


def test_qemu_that_syncs_when_a_pass_begins() -> None:
    history = History()
    began = [
        looked(history, *each)
        for each in [(1.0, 1, 900, 50), (10.5, 2, 300, 520), (11.0, 3, 310, 540), (11.5, 5, 300, 560)]
    ]
    assert began == [False, True, True, True]
    assert [one.pass_number for one in history.boundaries] == [2, 3, 5]
