# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that want events, opened by several threads at once."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import connection


class SlowLoop:
    """libvirt's event loop, which takes a moment to be registered."""

    def __init__(self) -> None:
        self.registered, self.over = 0, False
        self.runners: set[int] = set()

    def virEventRegisterDefaultImpl(self) -> None:  # noqa: N802 - the binding's name
        self.registered += 1
        time.sleep(0.1)

    def virEventRunDefaultImpl(self) -> None:  # noqa: N802 - the binding's name
        self.runners.add(threading.get_ident())
        time.sleep(0.01)
        if self.over:
            threading.Event().wait()  # no more of it in the tests that follow


def test_one_thread_runs_the_event_loop_whoever_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = SlowLoop()
    monkeypatch.setattr(connection, "libvirt", loop)
    monkeypatch.setattr(connection, "_loop_started", False)
    start: t.Callable[[], None] = connection._start_event_loop
    threads = [threading.Thread(target=start) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(0.1)
    loop.over = True
    assert (loop.registered, len(loop.runners)) == (1, 1)
