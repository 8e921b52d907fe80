# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.timeout import each_within, within


def test_answer_in_time() -> None:
    assert within(lambda: 7, "asking", 10) == 7


def test_none_is_an_answer() -> None:
    assert within(lambda: None, "asking", 10) is None


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), MigrationError("A_REASON", "No.")])
def test_errors_pass_through(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        within(fail, "asking", 10)
    assert caught.value is error


def test_no_answer() -> None:
    never = threading.Event()
    try:
        with pytest.raises(MigrationError) as caught:
            within(never.wait, "reading the job of 'erp01'", 0.02)
    finally:
        never.set()
    assert caught.value.reason == "MONITOR_HUNG"
    assert "0.02 s while reading the job of 'erp01'" in caught.value.problem
    assert "may still take effect" in caught.value.state


def test_a_call_that_hangs_does_not_keep_the_process_alive() -> None:
    never = threading.Event()
    with pytest.raises(MigrationError):
        within(never.wait, "asking", 0.01)
    hung = [thread for thread in threading.enumerate() if thread.name == "libvirt-call"]
    assert all(thread.daemon for thread in hung)
    never.set()


def test_one_thread_makes_many_calls_and_goes_on_after_one_that_hangs() -> None:
    made: list[int] = []
    hang = threading.Event()

    def call(number: int) -> t.Callable[[], int]:
        def make() -> int:
            made.append(number)
            if number == 3:
                raise ValueError("three")
            if number in (1, 4):
                hang.wait(10)
            return number

        return make

    answers = each_within([call(number) for number in range(6)], 0.2, 3)
    assert [answers[number] for number in (0, 1, 2, 4, 5)] == [0, None, 2, None, 5]
    assert isinstance(answers[3], ValueError)
    made.clear()
    assert each_within([call(number) for number in (1, 4, 0)], 0.2, 2) == [None, None, None]
    hang.set()
    time.sleep(0.1)
    assert made == [1, 4], "what was given up goes on with nothing else"
