# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a migration: what is prepared, the call itself, and what is taken back when nothing comes of it."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.job.sample import JobSample
from ..connection import libvirt
from ..guest import Guest
from ..job.current import answers
from ..job.limits import max_downtime_ms, set_max_downtime
from ..job.migrate_call import MigrateCall
from ..job.sampling import glance, may_have_job
from .definition import note_autostart

OVERTAKEN = ("ALREADY_MIGRATING", "JOB_RUNNING")  # somebody else was faster
_POLL_S = 0.1
_SHOWS_S = 120.0  # until the job shows: libvirt first starts a QEMU on the destination; a choice
_ENDS_S = 30.0  # until the call comes back once the job has ended; a choice


class MigrationStart:
    """One start of a migration. ``call``: parameters and flags of ``migrateToURI3``; ``limit_ms``: the downtime limit
    to start with (None: left as it is); ``autostart``: whether that is to be noted in the guest for the way.

    ``definition``: makes the parameters that hold definitions; called last, when nothing of the guest is changed any
    more before the start.
    """

    def __init__(
        self,
        source_uri: str,
        guest: Guest,
        destination_uri: str,
        call: tuple[t.Mapping[str, t.Any], int],
        *,
        limit_ms: t.Optional[int],
        autostart: bool,
        definition: t.Callable[[], t.Mapping[str, t.Any]] = dict,
    ) -> None:
        self._guest, self._call, self._definition = guest, call, definition
        self._source_uri, self._destination_uri = source_uri, destination_uri
        self._limit_ms, self._autostart = limit_ms, autostart
        self._limit_before_ms: t.Optional[int] = None
        self._transfer: t.Optional[MigrateCall] = None

    def begin(self) -> None:
        """Start it, and wait until the job shows. What has failed by then is told by :meth:`problem`."""
        if self._limit_ms is not None:
            self._limit_before_ms = max_downtime_ms(self._guest)
            if self._limit_before_ms != self._limit_ms:
                set_max_downtime(self._guest, self._limit_ms)
        if self._autostart:
            note_autostart(self._guest, True)
        doing = f"The migration of {self._guest.name!r} could not be made."
        parameters, flags = self._call
        parameters = {**parameters, **self._definition()}
        transfer = self._transfer = MigrateCall(
            self._source_uri, self._guest, self._destination_uri, parameters, flags, doing
        )
        deadline_s = time.monotonic() + _SHOWS_S
        # A look that fails says nothing: who looks after the job looks again.
        while not transfer.ended and not may_have_job(self._guest) and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        if transfer.problem is not None and transfer.problem.reason in OVERTAKEN:
            raise transfer.problem

    def begin_and_leave(self) -> t.Optional[JobSample]:
        """Start it, and wait until its first bytes are on their way; None when it is over by then."""
        self.begin()
        deadline_s = time.monotonic() + _SHOWS_S
        while True:
            try:
                sample = glance(self._guest)
            except (libvirt.libvirtError, MigrationError):
                if time.monotonic() >= deadline_s or not answers(self._guest):
                    raise
                time.sleep(_POLL_S)
                continue
            if sample is None and self.wait(_ENDS_S):
                return None
            flows = sample is not None and sample.memory.processed_bytes + sample.disk.processed_bytes > 0
            if flows or time.monotonic() >= deadline_s:
                return sample
            time.sleep(_POLL_S)

    def wait(self, limit_s: float = _ENDS_S) -> bool:
        """Whether the call has come back within so many seconds."""
        return self._transfer is not None and self._transfer.wait(limit_s)

    @property
    def started(self) -> bool:
        return self._transfer is not None

    @property
    def problem(self) -> t.Optional[MigrationError]:
        return self._transfer.problem if self._transfer is not None else None

    def take_back(self) -> None:
        """Undo what was prepared, where nothing came of it. A job that goes on needs it, and holds the guest anyway."""
        with contextlib.suppress(libvirt.libvirtError, MigrationError):
            if not self._guest.state().active or glance(self._guest) is not None:
                return
            if self._limit_before_ms is not None:
                set_max_downtime(self._guest, self._limit_before_ms)
            if self._autostart:
                note_autostart(self._guest, False)
