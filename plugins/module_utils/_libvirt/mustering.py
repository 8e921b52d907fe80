# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What each guest of an evacuation needs, from where it is found now."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._core.departure import Wanted
from .._core.errors import MigrationError
from .._core.evacuated import FAILED, LEAVE, MIGRATE, SHUTDOWN, START, Row
from .census import Census, Destinations, census
from .connection import Connection, libvirt
from .domain import Guest, seek_guest
from .look import glance

_NOT_FOUND = "Look for it on the other hosts. When it is gone for good, leave it out."


@dataclass
class Muster:
    """By key, which is the UUID where the guest is known.

    ``asked``: what the user said of it; ``here``: those that run here.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    moving: list[Wanted] = field(default_factory=list)
    stopping: list[str] = field(default_factory=list)
    starting: list[str] = field(default_factory=list)
    seen: dict[str, Census] = field(default_factory=dict)
    asked: dict[str, t.Mapping[str, t.Any]] = field(default_factory=dict)
    here: dict[str, Guest] = field(default_factory=dict)

    @property
    def left(self) -> set[str]:
        return {key for key, row in self.rows.items() if row.strategy == LEAVE}


def muster(source: Connection, destinations: Destinations, guests: t.Sequence[t.Mapping[str, t.Any]]) -> Muster:
    """Looks only. A guest that is, or arrives, at another destination than the planned one belongs there now."""
    found = Muster()
    host = str(source.raw.getHostname())
    for name in destinations.names:
        seen = destinations.census(name)
        if seen is not None:
            found.seen[name] = seen
    own = census(source)
    for one in guests:
        _add(found, source, host, own, one)
    return found


def _add(found: Muster, source: Connection, host: str, own: Census, one: t.Mapping[str, t.Any]) -> None:
    name, uuid, strategy = one.get("name"), one.get("uuid"), str(one["strategy"])
    here = own.find(name, uuid) or seek_guest(source, None if uuid else name, uuid)
    there = _elsewhere(found, name, here.uuid if here else uuid)
    guest = here or (there[1] if there else None)
    key = guest.uuid if guest else str(uuid or name)
    if key in found.rows:
        raise MigrationError(
            "GUEST_TWICE",
            f"{name or uuid!r} is in the list of guests more than once.",
            state="Nothing was changed.",
            remedy="Name each guest once.",
        )
    found.asked[key] = one
    active = here is not None and here.state().active
    if here is not None and active:
        found.here[key] = here
    row = found.rows[key] = Row(guest.name if guest else str(name or uuid), key if guest else "", strategy, host)
    planned = str(one.get("destination") or "")
    if strategy == LEAVE:
        row.outcome, row.runs_on = "left", host if active else None
    elif guest is None:
        error = MigrationError(
            "GUEST_NOT_FOUND",
            f"Neither {host} nor a destination has {row.name!r}.",
            state="Nothing was changed.",
            remedy=_NOT_FOUND,
        )
        row.fail(error)
    elif strategy == START:
        if there is not None:
            row.outcome, row.reason, row.runs_on = FAILED, "RUNS_ELSEWHERE", there[0]
            row.msg = f"{row.name!r} runs on {there[0]}, so it was not started on {host}."
        else:
            found.starting.append(key)
    elif strategy == SHUTDOWN and (active or there is None):
        found.stopping.append(key)
    elif not active and there is None:
        row.outcome = "already_off"
    else:
        row.strategy = MIGRATE
        row.destination = there[0] if there else planned
        others = [str(other) for other in one.get("alternatives") or ()]
        found.moving.append(_wanted(key, row, here if active else None, others, bool(there), one))


def _wanted(
    key: str, row: Row, here: t.Optional[Guest], others: t.Sequence[str], there: bool, one: t.Mapping[str, t.Any]
) -> Wanted:
    destinations = (row.destination,) if there else tuple(dict.fromkeys([row.destination, *others]))
    moving = here is not None and _has_job(here)
    size = int(one.get("sent_bytes") or 0) or (_memory_bytes(here) if here else 0)
    return Wanted(key, row.name, destinations, 0 if here is None else size, moving or (here is None and there))


def _elsewhere(found: Muster, name: t.Optional[str], uuid: t.Optional[str]) -> t.Optional[tuple[str, Guest]]:
    for host, seen in found.seen.items():
        guest = seen.find(name, uuid)
        if guest is not None:
            return host, guest
    return None


def _has_job(guest: Guest) -> bool:
    try:
        return glance(guest) is not None
    except (MigrationError, libvirt.libvirtError):
        return False


def _memory_bytes(guest: Guest) -> int:
    try:
        return int(guest.raw.info()[2]) * 1024
    except libvirt.libvirtError:
        return 0
