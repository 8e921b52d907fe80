# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that several hosts share without knowing of each other: leases, kept by the libvirt of one of them.

libvirt's daemon takes no second secret for the same use, so that whoever defines one first has the place. Such a secret
has no value, is in the daemon's memory only, and is renewed while it is held. One that nobody renews is that of a run
which died, and is taken away: by the clock of whoever waits for it, so that no clocks have to agree.
"""

from __future__ import annotations

import contextlib
import functools
import time
import typing as t
import uuid
from dataclasses import dataclass
from html import escape

from ..._core.errors import MigrationError
from ..connection import Connection, libvirt
from ..cordon_secret import keeps_no_notes
from ..timeout import within

_USAGE_ISCSI = 3  # VIR_SECRET_USAGE_TYPE_ISCSI: the one whose use is any text
_RENEW_S, _DEAD_S, _LIMIT_S = 5.0, 30.0, 10.0


@dataclass
class Lease:
    """``connection``: to the daemon that keeps it; None for one that is kept nowhere, so that nothing is shared."""

    use: str
    connection: t.Optional[Connection] = None
    key: str = ""
    renewed_s: float = 0.0
    count: int = 0

    def xml(self) -> str:
        return (
            f"<secret ephemeral='yes' private='no'><uuid>{self.key}</uuid>"
            f"<description>{self.count}</description>"
            f"<usage type='iscsi'><target>{escape(self.use, quote=False)}</target></usage></secret>"
        )

    def renew(self, now_s: float) -> None:
        """What cannot be renewed for long is lost, and another run may take the place."""
        if self.connection is None or now_s - self.renewed_s < _RENEW_S:
            return
        self.count, self.renewed_s = self.count + 1, now_s
        raw = self.connection.raw
        with contextlib.suppress(libvirt.libvirtError, MigrationError):
            within(lambda: raw.secretDefineXML(self.xml(), 0), f"renewing {self.use}", _LIMIT_S)

    def give_back(self) -> None:
        if self.connection is not None:
            _remove(self.connection, self.key)


class Leases:
    """Takes leases; remembers those of others that stood in the way, and since when they have not been renewed."""

    def __init__(self) -> None:
        self._others: dict[tuple[str, str], tuple[tuple[str, str], float]] = {}

    def take(self, connection: Connection, name: str, most: int = 1) -> t.Optional[Lease]:
        """One of ``most`` places of that name; None while all are taken. One that is kept nowhere where the daemon has
        no driver for secrets. Raises what libvirt says, or MONITOR_HUNG, while the daemon does not answer."""
        for number in range(most):
            lease = Lease(f"virtops.live_migration/{name}/{number}", connection, str(uuid.uuid4()), time.monotonic())
            try:
                within(functools.partial(connection.raw.secretDefineXML, lease.xml(), 0), "taking a place", _LIMIT_S)
                return lease
            except libvirt.libvirtError as exc:
                if keeps_no_notes(connection, exc):
                    return Lease(name)
                if connection.lost(exc):
                    raise
                self._look_at_the_other(connection, lease.use)
        return None

    def _look_at_the_other(self, connection: Connection, use: str) -> None:
        """Whoever has it: one that has not renewed it for long is dead."""
        place, now_s = (connection.uri, use), time.monotonic()
        try:
            other = within(
                lambda: connection.raw.secretLookupByUsage(_USAGE_ISCSI, use), "asking for a place", _LIMIT_S
            )
            key, shown = str(other.UUIDString()), str(within(lambda: other.XMLDesc(0), "reading a place", _LIMIT_S))
        except (libvirt.libvirtError, MigrationError):
            self._others.pop(place, None)
            return
        before, since_s = self._others.get(place, (("", ""), now_s))
        if before != (key, shown):
            self._others[place] = ((key, shown), now_s)
        elif now_s - since_s > _DEAD_S:
            self._others.pop(place)
            _remove(connection, key)


def _remove(connection: Connection, key: str) -> None:
    with contextlib.suppress(libvirt.libvirtError, MigrationError):
        secret = within(lambda: connection.raw.secretLookupByUUIDString(key), "looking for a place", _LIMIT_S)
        within(secret.undefine, "giving a place back", _LIMIT_S)
