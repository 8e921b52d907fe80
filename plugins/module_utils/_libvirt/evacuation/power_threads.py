# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that are switched off for an evacuation, because the user says so, and on again after it."""

from __future__ import annotations

import queue
import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.evacuation.run.home_mark_xml import HomeMark, started_again
from ..._core.evacuation.strategy import SHUTDOWN
from ..connection import Connection, host_uuid, libvirt
from ..errors import translate
from ..guest import Guest, find_guest
from ..migration.definition import defined
from ..timeout import within
from .guest_thread import Ended, Post, Thread
from .home_mark import NAMESPACE, mark, mark_of, mark_of_this_host, unmark, write_home

_POLL_S = 1.0


class PowerOff(Thread):
    """Asks the guest to shut down, and waits. It is never destroyed."""

    def __init__(self, key: str, source_uri: str, mailbox: queue.Queue[Post], limit_s: float) -> None:
        super().__init__(key, mailbox)
        self._source_uri, self._limit_s = source_uri, limit_s

    def work(self) -> Ended:
        with Connection(self._source_uri) as source:
            guest = find_guest(source, None, self.key)
            if not guest.state().active:
                return Ended(self.key, {"outcome": "already_off", "runs_on": None})
            if not defined(guest):
                raise MigrationError(
                    "TRANSIENT",
                    f"{guest.name!r} is transient: shut down, it would be gone for good.",
                    state=f"The guest is {guest.state_text()} here. Nothing was changed.",
                    remedy="Migrate it, or define it first.",
                )
            mark(guest, mark_of_this_host(source, SHUTDOWN))
            shut_down(guest, self._limit_s)
            return Ended(self.key, {"outcome": "shut_down", "runs_on": None, "changed": True})


class PowerOn(Thread):
    """Starts a guest that an evacuation has shut down on this host.

    At home its mark is taken away then; a guest whose home is another host keeps it.
    """

    def __init__(self, key: str, source_uri: str, mailbox: queue.Queue[Post]) -> None:
        super().__init__(key, mailbox)
        self._source_uri = source_uri

    def work(self) -> Ended:
        with Connection(self._source_uri) as source:
            guest, name = find_guest(source, None, self.key), str(source.raw.getHostname())
            home, outcome = self._home(guest), "already_there"
            if home is not None and home.strategy == SHUTDOWN and not guest.state().active:
                self._may_start(guest, home, source)
                within(guest.raw.create, f"starting {guest.name!r}", 120.0)
                outcome = "started"
            if home is not None and home.shut_down_on_uuid:
                if guest.state().active:
                    write_home(guest, started_again(home))
            elif unmark(guest) and outcome == "already_there":
                outcome = "unmarked"
            return Ended(self.key, {"outcome": outcome, "runs_on": name if guest.state().active else None})

    @staticmethod
    def _home(guest: Guest) -> t.Optional[HomeMark]:
        found = mark_of(guest)
        if found is None or found.of_another:
            return None
        if found.problem:
            raise MigrationError(
                "BAD_MARK",
                f"It cannot be told whether {guest.name!r} is to be started. {found.problem}",
                state=f"The guest is {guest.state_text()} here. Nothing was changed.",
                remedy=f"Correct the mark, or take it away: 'virsh metadata {guest.uuid} --uri {NAMESPACE} --remove'.",
            )
        return found.home

    def _may_start(self, guest: Guest, home: HomeMark, source: Connection) -> None:
        problem = remedy = ""
        if home.off_at != host_uuid(source.raw):
            where = home.shut_down_on or home.host
            problem = f"{guest.name!r} was shut down on {where}, and is to be started there."
            remedy = f"Bring the guests of {where} home; or start it by hand, when it runs on no other host."
        elif not home.guest_uuid:
            # As version 0.1.0 wrote it: a clone of the guest carries the same.
            problem = f"Nobody knows whether the mark that {guest.name!r} carries is its own: it names no guest."
            remedy = "Start it by hand, when it is the guest and no clone of it, and run this again."
        if problem:
            raise MigrationError("MARK_OF_ANOTHER", problem, state="It is off. Nothing was changed.", remedy=remedy)


def shut_down(guest: Guest, limit_s: float) -> None:
    """Ask the guest to shut down and wait. Raises STILL_RUNNING after ``limit_s``; it is never destroyed."""
    try:
        within(guest.raw.shutdown, f"asking {guest.name!r} to shut down")
    except libvirt.libvirtError as exc:
        if not guest.state().active:
            return
        raise translate(
            exc, f"{guest.name!r} could not be asked to shut down.", guest_state=guest.state_text()
        ) from exc
    deadline_s = time.monotonic() + limit_s
    while guest.state().active:
        if time.monotonic() >= deadline_s:
            raise MigrationError(
                "STILL_RUNNING",
                f"{guest.name!r} was asked to shut down, but has not done so within {limit_s:g} s.",
                state=f"The guest is {guest.state_text()} here. It was not destroyed, and may still shut down.",
                remedy="Look at its console; shut it down from the inside, or allow it more time.",
            )
        time.sleep(_POLL_S)
