# SPDX-License-Identifier: GPL-3.0-or-later
"""The source and the destination of a guest, looked at together."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.job.domain_state import DomainState
from ..._core.migration.location import GuestLocation, Situation
from ..connection import Connection, host_uuid, libvirt
from ..guest import Guest, seek_guest
from ..job.current import outgoing_job
from ..timeout import within

_CONNECT_S = 30.0  # a daemon that was restarted is connected to again within that; a choice
_SURE_S = 5.0  # so long does what looks wrong have to stay so: a guest may be changing hosts this very moment
_POLL_S = 1.0
_SETTLED = (Situation.START, Situation.ADOPT, Situation.BROKEN, Situation.THERE)
_HALF_LOST = (Situation.HALF_ENDED, Situation.SOURCE_HALF_ENDED)
_OFF = (Situation.OFF, Situation.NOWHERE)


class TwoHosts:
    """``here`` and ``there``: the guest on the source and on the destination as of the last look; None: not known."""

    def __init__(
        self, source: Connection, destination: Connection, name: t.Optional[str], uuid: t.Optional[str]
    ) -> None:
        if host_uuid(source.raw) == within(lambda: host_uuid(destination.raw), "asking the destination who it is"):
            raise MigrationError(
                "SAME_HOST",
                f"{destination.uri} leads to the host that {name or uuid!r} is to leave.",
                state="Nothing was changed.",
                remedy="Correct destination_uri. If these are two hosts, they have one host UUID: set host_uuid in"
                " libvirtd.conf or virtqemud.conf.",
            )
        self.source, self.destination = source, destination
        self.source_name = str(source.raw.getHostname())
        self.destination_name = str(within(destination.raw.getHostname, "asking the destination for its name"))
        self._asked: tuple[t.Optional[str], t.Optional[str]] = (name, uuid)
        self.here: t.Optional[Guest] = None
        self.there: t.Optional[Guest] = None

    @property
    def names(self) -> tuple[str, str]:
        return self.source_name, self.destination_name

    @property
    def guest(self) -> Guest:
        """On whichever host knows it."""
        found = self.here or self.there
        if found is None:
            name, uuid = self._asked
            raise MigrationError(
                "GUEST_NOT_FOUND",
                f"Neither {self.source_name} nor {self.destination_name} has a guest {name or uuid!r}.",
                state="Nothing was changed.",
                remedy="Check the name or UUID, and look for the guest on the other hosts.",
            )
        return found

    def look(self) -> GuestLocation:
        """Raises OTHER_JOB and INCOMING, as the source tells them."""
        name, uuid = self._asked
        self.here = seek_guest(self.source, name, uuid)
        job = outgoing_job(self.here) if self.here else None
        known = self.here.uuid if self.here else uuid
        self.there, there = self._ask_destination(None if known else name, known)
        found = self.here or self.there
        if found is not None:
            self._asked = (found.name, found.uuid)  # from now on it is this one, whoever takes its name
        return GuestLocation(_state(self.here), there, job.phase if job else None)

    def _ask_destination(
        self, name: t.Optional[str], uuid: t.Optional[str]
    ) -> tuple[t.Optional[Guest], t.Optional[DomainState]]:
        """The guest and its state on the destination, asked over a new connection where the old one is lost."""
        deadline_s = time.monotonic() + _CONNECT_S
        while True:
            try:
                if not self.destination.alive:
                    self._reconnect()
                there = seek_guest(self.destination, name, uuid)
                return there, _state(there)
            except libvirt.libvirtError as exc:
                if not self.destination.lost(exc) or time.monotonic() >= deadline_s:
                    raise

    def _reconnect(self) -> None:
        """Connect to the destination anew, for up to 30 s: a daemon that was restarted needs a moment."""
        deadline_s = time.monotonic() + _CONNECT_S
        while True:
            try:
                self.destination.reopen()
                return
            except MigrationError as exc:
                if exc.reason != "CONNECTION_FAILED" or time.monotonic() >= deadline_s:
                    raise
            time.sleep(_POLL_S)

    def settled(self) -> GuestLocation:
        """A look that is sure: a situation that would be refused is looked at again for 5 s."""
        deadline_s = time.monotonic() + _SURE_S
        while True:
            where = self.look()
            if where.situation in _SETTLED or time.monotonic() >= deadline_s:
                return where
            if where.situation in _OFF:
                deadline_s = min(deadline_s, time.monotonic() + _POLL_S)
            time.sleep(_POLL_S)

    def runs_on(self, where: GuestLocation) -> t.Optional[str]:
        """The host that it runs on, or stands still on; None when that is no one host, or it has lost a half."""
        if where.situation in _HALF_LOST or where.lost_there:
            return None
        states = [
            (host, state)
            for host, state in ((self.source_name, where.here), (self.destination_name, where.there))
            if state is not None and state.active
        ]
        running = [host for host, state in states if state.running]
        split = [state for _host, state in states if state.in_postcopy or state.postcopy_failed]
        waiting = [host for host, state in states if host == self.source_name or not state.arriving]
        found = running or (waiting if not split else [])
        return found[0] if len(found) == 1 else None


def _state(guest: t.Optional[Guest]) -> t.Optional[DomainState]:
    return within(guest.known_state, f"reading the state of {guest.name!r}") if guest else None
