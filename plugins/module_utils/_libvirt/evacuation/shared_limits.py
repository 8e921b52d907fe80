# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that hold over all hosts that are being emptied: who may start at a destination, and over a shared link.

*At a destination* one host starts at a time: it looks how many arrive there, begins, and lets the next one look when
its guest shows. So no two of them take the last place. *Over a link, or over all hosts* a transfer has a lease for as
long as it sends, kept by the libvirt of the one destination that all of them name.
"""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import dataclass, field

from ..._core.errors import MigrationError
from ..connection import Connection, libvirt
from .lease import Lease, Leases

_SILENT_S = 30.0  # so long a destination that does not answer is waited for; a choice
# So long whoever keeps the limits may be silent: as a host takes that boots again; a choice. It is asked each 5 s,
# since a daemon that hangs holds up each question for 10 s.
_KEEPER_SILENT_S, _KEEPER_ASKED_AGAIN_S = 300.0, 5.0
_SHOWS_S = 20.0  # a QEMU that starts slowly shows within that; then the next one may look


@dataclass(frozen=True)
class SharedLimits:
    """``kept_at``: name of the destination that keeps the leases; ``most``: by the name of the limit;
    ``crossed``: the limits that count on the way to a destination, by its name."""

    kept_at: str = ""
    most: t.Mapping[str, int] = field(default_factory=dict)
    crossed: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)


class SharedSlots:
    """The leases that this host holds. ``connection``: gives the connection to a destination by its name, None while
    there has never been one.

    A destination that does not answer is waited for as long as a restart of its daemon takes. After that it is no limit
    to a start there any more: the look right before the transfer says what is wrong. Over links and over all hosts
    nothing begins meanwhile: what others send is not known then. When whoever keeps those limits has not answered for
    as long as a host takes to boot, :meth:`out_of_reach` gives the error of the guests that need them.
    """

    def __init__(self, limits: SharedLimits, connection: t.Callable[[str], t.Optional[Connection]]) -> None:
        self._limits, self._connection = limits, connection
        self._leases = Leases()
        self._start_leases: dict[str, tuple[Lease, str, float]] = {}  # lease, key of the guest that begins, since when
        self._link_leases: dict[str, list[Lease]] = {}  # by key of the guest
        self._silent_since_s: dict[str, float] = {}  # destinations that did not answer, by name
        self._keeper_silent_since_s: t.Optional[float] = None
        self._keeper_asked_s = 0.0

    def take_start_lease(self, destination: str) -> bool:
        """Whether this host may start somebody there now; if so nobody else may, until :meth:`return_start_leases`."""
        if destination in self._start_leases:
            return not self._start_leases[destination][1]  # one that begins has to show first
        lease: t.Optional[Lease] = None
        connection, answers = self._connection(destination), False
        if connection is not None:
            with contextlib.suppress(MigrationError, libvirt.libvirtError):
                lease, answers = self._leases.take(connection, "start"), True
        if answers:
            self._silent_since_s.pop(destination, None)
        elif time.monotonic() - self._silent_since_s.setdefault(destination, time.monotonic()) >= _SILENT_S:
            lease = Lease("start")
        if lease is None:
            return False
        self._start_leases[destination] = (lease, "", time.monotonic())
        return True

    def begins(self, key: str, destination: str) -> None:
        if destination in self._start_leases:
            self._start_leases[destination] = (self._start_leases[destination][0], key, time.monotonic())

    def return_start_leases(self, still_begins: t.Callable[[str, str], bool]) -> None:
        """Where nobody begins, or the one that begins shows. ``still_begins``: by key and destination."""
        now_s = time.monotonic()
        for name, (lease, key, since_s) in list(self._start_leases.items()):
            if key and now_s - since_s < _SHOWS_S and still_begins(key, name):
                lease.renew(now_s)
                continue
            lease.give_back()
            del self._start_leases[name]

    def reserve(self, key: str, destination: str) -> bool:
        """Whether it may cross every limit on its way: all of them or none."""
        if key in self._link_leases:
            return True
        names = self._limits.crossed.get(destination, ())
        now_s = time.monotonic()
        if names and self._keeper_silent_since_s is not None and now_s - self._keeper_asked_s < _KEEPER_ASKED_AGAIN_S:
            return False
        taken: list[Lease] = []
        for name in names:
            lease = self._take_of_keeper(name)
            if lease is None:
                for one in taken:
                    one.give_back()
                return False
            taken.append(lease)
        self._link_leases[key] = taken
        return True

    def _take_of_keeper(self, name: str) -> t.Optional[Lease]:
        """A place of a limit; None while all are taken, or while whoever keeps them does not answer."""
        kept_at = self._connection(self._limits.kept_at)
        if kept_at is not None:
            with contextlib.suppress(MigrationError, libvirt.libvirtError):
                lease = self._leases.take(kept_at, name, self._limits.most[name])
                self._keeper_silent_since_s = None
                return lease
        now_s = time.monotonic()
        # Nobody may have asked for long, as no place was free: it was not silent all that time.
        if self._keeper_silent_since_s is None or now_s - self._keeper_asked_s > 2 * _SILENT_S:
            self._keeper_silent_since_s = now_s
        self._keeper_asked_s = now_s
        return None

    def out_of_reach(self, destination: str, guest: str) -> t.Optional[MigrationError]:
        """LIMITS_UNREACHABLE for a guest whose way there counts for limits of which nobody has known for too long."""
        since_s = self._keeper_silent_since_s
        names = self._limits.crossed.get(destination, ())
        if not names or since_s is None or self._keeper_asked_s - since_s < _KEEPER_SILENT_S:
            return None
        keeper, limits = self._limits.kept_at, ", ".join(names)
        return MigrationError(
            "LIMITS_UNREACHABLE",
            f"{guest!r} was not sent to {destination}: libvirt on {keeper}, which keeps the limits that its transfer"
            f" counts for ({limits}), has not answered for {_KEEPER_SILENT_S:g} s, so that nobody knows how many"
            " transfers of other hosts run.",
            state="It runs on the source as before. Nothing was changed.",
            remedy=f"See that libvirt on {keeper} answers, and run this again. Where {keeper} stays away, make another"
            " plan without it: its limits are kept elsewhere then, so do so for all hosts that are being emptied.",
            evidence={"kept_at": keeper, "limits": list(names)},
        )

    def renew(self) -> None:
        now_s = time.monotonic()
        for leases in self._link_leases.values():
            for lease in leases:
                lease.renew(now_s)

    def release(self, sending: t.Callable[[str], bool]) -> None:
        """Of those that do not send any more. ``sending``: by key, also while it is about to."""
        for key in [key for key in self._link_leases if not sending(key)]:
            for lease in self._link_leases.pop(key):
                lease.give_back()

    def close(self) -> None:
        self.return_start_leases(lambda _key, _name: False)
        self.release(lambda _key: False)
