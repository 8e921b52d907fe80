# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a job on a host with what a strategy wants, peer to peer as every peer here does."""

from __future__ import annotations

import threading
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.limits import set_max_downtime
from ansible_collections.virtops.live_migration.tests.sim.qemu import Start

_LIVE, _PEER2PEER, _PERSIST_DEST = 1 << 0, 1 << 1, 1 << 3
_COMPRESSED, _AUTO_CONVERGE, _POSTCOPY = 1 << 11, 1 << 13, 1 << 15


def flags_of(start: Start) -> int:
    return (
        _LIVE
        | _PEER2PEER
        | _PERSIST_DEST
        | (_COMPRESSED if start.xbzrle_cache_bytes else 0)
        | (_AUTO_CONVERGE if start.auto_converge else 0)
        | (_POSTCOPY if start.postcopy else 0)
    )


def parameters_of(start: Start) -> dict[str, t.Any]:
    parameters: dict[str, t.Any] = {}
    if start.bandwidth_mib_per_s:
        parameters["bandwidth"] = start.bandwidth_mib_per_s
    if start.auto_converge:
        parameters["auto_converge.initial"] = start.throttle_initial
        parameters["auto_converge.increment"] = start.throttle_increment
    if start.xbzrle_cache_bytes:
        parameters["compression"] = ["xbzrle"]
        parameters["compression.xbzrle.cache"] = start.xbzrle_cache_bytes
    return parameters


class Launch:
    """The call that migrates; it comes back when the migration has ended, so it has a thread of its own.

    It has a connection of its own, too: before libvirt 10, a call beside one that waits on the same connection may
    be forgotten until the next keep-alive, 5 s later.
    """

    def __init__(self, guest: Guest, uri: str, destination_uri: str, start: Start) -> None:
        # Set for every run: a limit that was set before an aborted job is still there.
        set_max_downtime(guest, start.limit_ms)
        self.problem: t.Optional[Exception] = None
        self._uuid, self._uri, self._destination_uri, self._start = guest.uuid, uri, destination_uri, start
        self._thread = threading.Thread(target=self._run, name="migrate", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with Connection(self._uri) as connection:
                raw, start = find_guest(connection, None, self._uuid).raw, self._start
                raw.migrateToURI3(self._destination_uri, parameters_of(start), flags_of(start))
        except Exception as exc:  # it is looked at by whoever waits for the end
            self.problem = exc

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return self.over
