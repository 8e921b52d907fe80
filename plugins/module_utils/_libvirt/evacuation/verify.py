# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of an evacuation, as libvirt shows it: nobody is left on the host, and everybody runs once."""

from __future__ import annotations

import time
import typing as t

from ..._core.evacuation.run.result import CHANGED, FAILED, GuestResult, LeftOnHost
from ..connection import Connection
from ..guest import Guest
from ..job.sampling import may_have_job
from .host_guests import Destinations, HostGuests, host_guests

# Choices: what is leaving may take so long to go, and a destination to answer, before the run fails.
_OTHERS_END_S = 30.0
_ANSWERS_WITHIN_S = 30.0
_THERE = (*CHANGED, "already_there")
_POLL_S = 1.0


def seen_at_the_end(destinations: Destinations, rows: t.Iterable[GuestResult]) -> dict[str, t.Optional[HostGuests]]:
    """The guests of each destination by its name, None for one that does not answer. Those to which a guest has gone
    are given 30 s to answer."""
    wanted = {row.destination for row in rows if row.outcome in _THERE}
    deadline_s = time.monotonic() + _ANSWERS_WITHIN_S
    while True:
        seen = {name: destinations.guests_on(name) for name in destinations.names}
        if all(seen.get(name) is not None for name in wanted) or time.monotonic() >= deadline_s:
            return seen
        time.sleep(_POLL_S)


def check_locations(
    source: Connection, seen: t.Mapping[str, t.Optional[HostGuests]], rows: t.Mapping[str, GuestResult]
) -> None:
    """Hold the results, by UUID, against what the hosts show: one that is not true becomes that of a failure.

    ``seen``: the guests of each destination by its name, None for one that does not answer.
    """
    host, own = str(source.raw.getHostname()), host_guests(source)
    for key, row in rows.items():
        hosts = [name for name, found in seen.items() if found is not None and key in found.active]
        here = own.active.get(key)
        if here is not None and hosts and here.state().running:
            row.outcome, row.reason = FAILED, "SPLIT_BRAIN"
            row.msg = f"ALARM: {row.name!r} runs on {host} and on {', '.join(hosts)} at once."
        elif row.outcome not in _THERE:
            continue
        elif seen.get(row.destination) is None:
            row.outcome, row.reason = FAILED, "NOT_VERIFIED"
            row.msg = (
                f"{row.name!r} was sent to {row.destination}, which does not answer any more: nobody saw it run there."
            )
            row.remedy = f"See that {row.destination} answers, then run this again."
        elif hosts != [row.destination]:
            row.outcome, row.reason = FAILED, "NOT_WHERE_IT_SHOULD_BE"
            row.msg = f"{row.name!r} should run on {row.destination}, but is seen on {', '.join(hosts) or 'no host'}."


def remains(source: Connection, left: t.AbstractSet[str], *, wait_for_jobs: bool) -> LeftOnHost:
    """Who still runs here, without those that are ``left``. ``wait_for_jobs``: what is leaving is waited for."""
    deadline_s = time.monotonic() + _OTHERS_END_S
    while True:
        own = host_guests(source)
        running = [guest for guest in own.active.values() if guest.uuid not in left]
        jobs = [*own.arriving.values(), *(guest for guest in own.active.values() if may_have_job(guest))]
        if not jobs or not wait_for_jobs or time.monotonic() >= deadline_s:
            return LeftOnHost(_documents(running), _documents(jobs))
        time.sleep(_POLL_S)


def _documents(guests: t.Iterable[Guest]) -> list[dict[str, t.Any]]:
    return [one for guest in sorted(guests, key=lambda guest: guest.name) for one in guest.documents()]
