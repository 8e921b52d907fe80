# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guard import within


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
