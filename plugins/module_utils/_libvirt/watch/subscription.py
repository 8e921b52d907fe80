# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of a daemon about all its guests, handed over from libvirt's thread."""

from __future__ import annotations

import contextlib
import enum
import typing as t

from ..._core.job.sample import Operation, Stats
from ..connection import Connection, libvirt

_LIFECYCLE, _ITERATION, _JOB_COMPLETED = 0, 20, 21  # VIR_DOMAIN_EVENT_ID_*
# virDomainEventType, and of its details the one of a guest that arrives.
_STARTED, _SUSPENDED, _RESUMED, _STOPPED, _CRASHED = 2, 3, 4, 5, 8
_STARTED_MIGRATED = 1


class What(enum.Enum):
    SYNC = "sync"  # a pass over a guest's memory begins
    COMPLETED = "completed"
    STATE = "state"  # of a guest: it runs, stands still, or is gone
    CLOSED = "closed"  # the connection; there is no guest


class Notice(t.NamedTuple):
    """``active``: there is a QEMU for the guest; ``running``: and its processors run."""

    what: What
    uuid: str = ""
    active: bool = False
    running: bool = False


class Subscription:
    """Calls ``notify`` from libvirt's thread, until the connection is closed."""

    def __init__(self, connection: Connection, notify: t.Callable[[Notice], None]) -> None:
        self._notify = notify
        self._completions: dict[str, Stats] = {}
        raw = connection.raw
        raw.registerCloseCallback(lambda *_all: notify(Notice(What.CLOSED)), None)
        for kind, callback in (
            (_LIFECYCLE, self._lifecycle),
            (_ITERATION, self._iteration),
            (_JOB_COMPLETED, self._completed),
        ):
            raw.domainEventRegisterAny(None, kind, callback, None)
        self._raw = raw

    def completion(self, uuid: str) -> t.Optional[Stats]:
        """The statistics of a migration that has completed since then."""
        return self._completions.get(uuid)

    def forget(self, uuid: str) -> None:
        """Forget the statistics of a guest's migration, once they were used: the next migration is another one."""
        self._completions.pop(uuid, None)

    def end(self) -> None:
        with contextlib.suppress(libvirt.libvirtError):
            self._raw.unregisterCloseCallback()

    def _iteration(self, _connection: t.Any, domain: t.Any, _number: int, _opaque: t.Any) -> None:
        self._notify(Notice(What.SYNC, domain.UUIDString()))

    def _completed(self, _connection: t.Any, domain: t.Any, stats: Stats, _opaque: t.Any) -> None:
        if stats.get("operation") == Operation.MIGRATION_OUT:  # backups end with this event too
            self._completions[domain.UUIDString()] = dict(stats)
            self._notify(Notice(What.COMPLETED, domain.UUIDString()))

    def _lifecycle(self, _connection: t.Any, domain: t.Any, kind: int, detail: int, _opaque: t.Any) -> None:
        told = {
            _STARTED: (True, detail != _STARTED_MIGRATED),
            _SUSPENDED: (True, False),
            _RESUMED: (True, True),
            _STOPPED: (False, False),
            _CRASHED: (False, False),
        }.get(kind)
        if told is not None:
            self._notify(Notice(What.STATE, domain.UUIDString(), *told))
