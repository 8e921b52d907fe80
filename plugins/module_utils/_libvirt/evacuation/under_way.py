# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The guests of an evacuation that have a thread: begun, let go, dismissed, aborted."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.evacuation.run.result import Row
from ..._core.job.sample import Phase
from ..connection import Connection, libvirt
from ..guest import find_guest
from ..job.sampling import glance
from ..timeout import within
from .guest_thread import Departing, Thread

_ABORTABLE = (Phase.SETUP, Phase.PRECOPY)


class UnderWay:
    """``aborted``: keys of those whose migration was aborted because the user wants it to end."""

    def __init__(self, source: Connection, rows: t.Mapping[str, Row]) -> None:
        self._source, self._rows = source, rows
        self._threads: dict[str, Thread] = {}
        self._began_s: dict[str, float] = {}
        self.aborted: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._threads)

    def start(self, thread: Thread) -> None:
        self._threads[thread.key] = thread
        self._began_s.setdefault(thread.key, time.monotonic())
        self._rows[thread.key].attempts += 1
        thread.start()

    def let_go(self, key: str) -> None:
        self._departing(key).let_go()

    def dismiss(self, key: str, why: t.Optional[MigrationError] = None) -> None:
        self._departing(key).dismiss(why or _no_more(self._rows[key].name))

    def ended(self, key: str) -> float:
        """How long it took in seconds, from its first attempt."""
        del self._threads[key]
        return round(time.monotonic() - self._began_s[key], 1)

    def abort(self, keys: t.Iterable[str]) -> None:
        """Those in pre-copy. A guest in post-copy has no whole copy on either host: it is sent to its end."""
        for key in keys:
            if key in self.aborted or key not in self._threads:
                continue
            with contextlib.suppress(MigrationError, libvirt.libvirtError):
                guest = find_guest(self._source, None, key)
                job = glance(guest)
                if job is not None and job.phase in _ABORTABLE and job.operation != "incoming":
                    within(guest.raw.abortJob, f"aborting the migration of {guest.name!r}")
                    self.aborted.add(key)

    def _departing(self, key: str) -> Departing:
        return t.cast(Departing, self._threads[key])


def _no_more(name: str) -> MigrationError:
    return MigrationError(
        "NOT_STARTED",
        f"{name!r} was not sent, as no more were to begin.",
        state="It runs on the source as before. Nothing was changed.",
        remedy="Run this again.",
    )
