# SPDX-License-Identifier: GPL-3.0-or-later
"""The one call that starts a migration, or resumes one. It comes back when the migration has ended."""

from __future__ import annotations

import threading
import typing as t

from ..._core.errors import MigrationError
from ..connection import Connection, libvirt
from ..errors import translate
from ..guest import Guest, find_guest


class MigrateCall:
    """The call in a thread of its own, as it blocks for as long as the migration runs.

    It has a connection of its own, too: before libvirt 10, calls beside one that waits on the same connection may be
    forgotten until the next keep-alive, seconds later (seen: looks 5 s apart, and a switch to post-copy as late).

    ``problem``: why it failed. libvirt tells that nowhere else. When this process ends, the migration goes on.
    """

    def __init__(
        self,
        source_uri: str,
        guest: Guest,
        destination_uri: str,
        parameters: t.Mapping[str, t.Any],
        flags: int,
        failure_sentence: str,
    ) -> None:
        self.problem: t.Optional[MigrationError] = None
        own = Connection(source_uri, events=True)
        try:
            raw = find_guest(own, None, guest.uuid).raw
        except MigrationError:
            own.close()
            raise

        def run() -> None:
            with own:
                try:
                    raw.migrateToURI3(destination_uri, dict(parameters), flags)
                except libvirt.libvirtError as exc:
                    self.problem = translate(exc, failure_sentence)

        self._thread = threading.Thread(target=run, name="migration", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, limit_s: float) -> bool:
        """Wait for the call; whether it has come back within so many seconds."""
        self._thread.join(limit_s)
        return self.ended
