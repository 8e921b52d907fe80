# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the destination's daemon answers, as the source's libvirt needs it for the switch-over."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

from ..._core.errors import MigrationError
from ..connection import Connection, libvirt

# Choices: a lost connection is noticed well before the 10 s after which the migration is aborted.
_ASK_S = 1.0
_UNANSWERED_S = 3.0


class DestinationMonitor:
    """Asks the destination's daemon every second whether it is there, in a thread of its own, as a question over a dead
    connection blocks for half a minute.

    Over one and the same connection: one made anew would work at once when the network is back, while that of the
    daemons, which is as old as this one, waits for its next retransmission. And over none that does other work, as a
    call that hangs there would look like a daemon that is gone, and the end of one guest's work would end it for all.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._answered_s: t.Optional[float] = None
        self._lost = False
        threading.Thread(target=self._ask, name="path", daemon=True).start()

    def _ask(self) -> None:
        with contextlib.suppress(libvirt.libvirtError, MigrationError), Connection(self._uri, events=True) as there:
            while True:
                there.raw.getLibVersion()
                self._answered_s = time.monotonic()
                time.sleep(_ASK_S)
        self._lost = True

    @property
    def lost(self) -> bool:
        """Whether the connection is gone for good, so that it will not answer any more."""
        return self._lost

    @property
    def ok(self) -> t.Optional[bool]:
        """Whether it has answered within the last 3 s; None where it has never answered, so that nothing is known."""
        if self._answered_s is None:
            return None
        return not self._lost and time.monotonic() - self._answered_s < _UNANSWERED_S


_paths: dict[str, DestinationMonitor] = {}


def path_to(uri: str) -> DestinationMonitor:
    """The monitor of a destination, one for all guests that go there; it lives as long as this process."""
    if uri not in _paths or _paths[uri].lost:
        _paths[uri] = DestinationMonitor(uri)
    return _paths[uri]
