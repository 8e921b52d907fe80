# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Looks at the migration jobs of a host: once, or over a while with every bitmap sync."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

from .._core.diagnosis import Context
from .._core.errors import MigrationError
from .._core.job import DomainState, JobSample, Phase
from .._core.policy import Contract
from .connection import Connection, libvirt
from .domain import Guest
from .ending import ended
from .errors import translate
from .events import Events
from .job import current_stats, is_migration, sample_of
from .limits import limits_of
from .status_file import other_outgoing, start_flags

_POLL_S = 0.5


@dataclass
class Watched:
    """A guest with a migration, and the looks at it, oldest first."""

    guest: Guest
    samples: list[JobSample] = field(default_factory=list)

    @property
    def running(self) -> bool:
        return self.samples[-1].phase.running


def glance(guest: Guest) -> t.Optional[JobSample]:
    """One look at a guest's running migration, outgoing or incoming, without its limits; None when it has none."""
    try:
        stats = current_stats(guest)
    except MigrationError as exc:
        if exc.reason == "INCOMING":
            return arriving(guest)
        raise
    if stats is None or not is_migration(stats):
        return None
    return sample_of(guest, stats, at_s=time.monotonic())


def arriving(guest: Guest) -> JobSample:
    """What the destination knows of a migration: only the state of the domain."""
    return JobSample(
        phase=_arriving_phase(guest.state()),
        operation="incoming",
        name=guest.name,
        uuid=guest.uuid,
        at_s=time.monotonic(),
    )


def _arriving_phase(state: DomainState) -> Phase:
    if state.postcopy_failed:
        return Phase.POSTCOPY_FAILED
    return Phase.POSTCOPY if state.in_postcopy else Phase.PRECOPY


def look(
    connection: Connection, guests: t.Sequence[Guest], observe_s: float = 0.0
) -> tuple[list[Watched], list[MigrationError]]:
    """The migrations among ``guests``, watched for ``observe_s``; and what could not be looked at.

    With ``observe_s`` the connection needs events.
    """
    watched: list[Watched] = []
    problems: list[MigrationError] = []
    for guest in guests:
        try:
            sample = glance(guest)
        except libvirt.libvirtError as exc:
            problems.append(translate(exc, f"Could not read the job of {guest.name!r}.", guest_state=guest.told()))
        except MigrationError as exc:
            problems.append(exc)
        else:
            if sample is not None:
                watched.append(Watched(guest, [sample]))
    if observe_s > 0 and watched:
        _observe(connection, watched, observe_s)
    for one in watched:
        if one.running and one.samples[-1].operation == "outgoing":
            one.samples[-1] = replace(one.samples[-1], limits=limits_of(one.guest))
    return watched, problems


def _observe(connection: Connection, watched: t.Sequence[Watched], observe_s: float) -> None:
    """Add a look at each guest every half second, and at once at each of its bitmap syncs, until all have ended."""
    by_uuid = {one.guest.uuid: one for one in watched}
    end_s = time.monotonic() + observe_s
    next_poll_s = time.monotonic() + _POLL_S
    with Events(connection) as events:
        while time.monotonic() < end_s and any(one.running for one in watched):
            event = events.next(min(end_s, next_poll_s) - time.monotonic())
            if event is None:
                next_poll_s = time.monotonic() + _POLL_S
                due: t.Sequence[Watched] = watched
            else:
                due = [by_uuid[event.uuid]] if event.uuid in by_uuid else []
            for one in due:
                _add_look(one, events)
        for one in watched:
            _add_look(one, events)


def _add_look(one: Watched, events: Events) -> None:
    if not one.running:
        return
    try:
        sample = glance(one.guest)
    except libvirt.libvirtError:
        sample = None
    if sample is not None:
        one.samples.append(sample)
    elif one.samples[-1].operation == "incoming":
        one.samples.append(replace(one.samples[-1], phase=Phase.NONE))
    else:
        one.samples.append(ended(one.guest, events))


def context_of(
    one: Watched,
    connection: Connection,
    contract: Contract,
    link_bytes_per_s: t.Optional[int] = None,
) -> Context:
    """What is known about a job beside its statistics; more of it on the hypervisor itself than from afar."""
    if not connection.local:
        return Context(contract, link_bytes_per_s)
    flags = start_flags(one.guest.name)
    return Context(
        contract,
        link_bytes_per_s,
        postcopy_flag=None if flags is None else flags.postcopy,
        other_streams=other_outgoing(one.guest.name),
    )
