# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each guest of an evacuation is found, and what is therefore to be done with it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.errors import MigrationError
from ..._core.evacuation.run.queued_guest import TransferOptions
from ..._core.evacuation.run.result import FAILED, GuestResult
from ..._core.evacuation.strategy import LEAVE, MIGRATE, SHUTDOWN, START
from ..connection import Connection, libvirt
from ..guest import Guest, seek_guest
from ..job.sampling import may_have_job
from ..timeout import within
from .host_guests import Destinations, HostGuests, host_guests

_LIMIT_S = 10.0  # of a call; a choice
_NOT_FOUND = "Look for it on the other hosts. When it is gone for good, leave it out."
_ASK_ALL = (
    "See that libvirt answers on each host that could run it, name all of them as destinations, and run this again."
)


@dataclass
class Discovery:
    """What was found, by key, which is the UUID where the guest is known.

    ``rows``: a result for each guest; ``moving``: those to be sent, or that are on their way; ``stopping`` and
    ``starting``: keys of those to be shut down, or started; ``seen``: guests by name of each destination that answered.
    ``entries``: the guest's entry in the option ``guests``; ``here``: those that run here. ``silent``: names of the
    destinations that did not answer; ``one_for_two``: what is wrong where two of them are one. What was not seen there
    may be there.
    """

    rows: dict[str, GuestResult] = field(default_factory=dict)
    moving: list[TransferOptions] = field(default_factory=list)
    stopping: list[str] = field(default_factory=list)
    starting: list[str] = field(default_factory=list)
    seen: dict[str, HostGuests] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    one_for_two: str = ""
    entries: dict[str, t.Mapping[str, t.Any]] = field(default_factory=dict)
    here: dict[str, Guest] = field(default_factory=dict)

    @property
    def left(self) -> set[str]:
        return {key for key, row in self.rows.items() if row.strategy == LEAVE}


def discover(
    source: Connection,
    destinations: Destinations,
    guests: t.Sequence[t.Mapping[str, t.Any]],
) -> Discovery:
    """Look at the source and all destinations, and change nothing. ``guests``: the option of that name.

    A guest that is, or arrives, at another destination than the planned one belongs there now. Raises GUEST_TWICE.
    """
    found = Discovery()
    host = str(source.raw.getHostname())
    for name in destinations.names:
        seen = destinations.guests_on(name)
        if seen is None:
            found.silent.append(name)
        else:
            found.seen[name] = seen
    if any(one["strategy"] == START for one in guests):
        found.one_for_two = _one_for_two(host, destinations)
    own = host_guests(source)
    for one in guests:
        _add(found, source, host, own, one)
    return found


def _add(found: Discovery, source: Connection, host: str, own: HostGuests, one: t.Mapping[str, t.Any]) -> None:
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
    found.entries[key] = one
    active = here is not None and here.state().active
    if here is not None and active:
        found.here[key] = here
    row = found.rows[key] = GuestResult(
        guest.name if guest else str(name or uuid), key if guest else "", strategy, host
    )
    planned = str(one.get("destination") or "")
    if strategy == LEAVE:
        row.outcome, row.runs_on = "left", host if active else None
    elif not active and there is None and (guest is None or found.silent or strategy == START):
        _not_seen(found, row, key, known=guest is not None)
    elif strategy == START and there is not None:
        row.outcome, row.reason, row.runs_on = FAILED, "RUNS_ELSEWHERE", there[0]
        row.msg = f"{row.name!r} runs on {there[0]}, so it was not started on {host}."
        row.remedy = f"Leave it where it is, or send it home from {there[0]}."
    elif strategy == START:
        found.starting.append(key)
    elif strategy == SHUTDOWN and (active or there is None):
        found.stopping.append(key)
    elif not active and there is None:
        row.outcome = "already_off"
    else:
        row.strategy = MIGRATE
        row.destination = there[0] if there else planned
        others = [str(other) for other in one.get("alternatives") or ()]
        found.moving.append(_transfer_options(key, row, here if active else None, others, bool(there), one))


def _not_seen(found: Discovery, row: GuestResult, key: str, *, known: bool) -> None:
    """One that runs on no host that answered. Nothing is done while it may run on another one."""
    if found.silent:
        silent = ", ".join(found.silent)
        error = MigrationError(
            "HOSTS_NOT_ASKED",
            f"{row.name!r} does not run on {row.source}, and {silent} did not answer: it may run there.",
            state="Nothing was done with it.",
            remedy=_ASK_ALL,
            evidence={"not_asked": list(found.silent)},
        )
    elif not known:
        error = MigrationError(
            "GUEST_NOT_FOUND",
            f"Neither {row.source} nor a destination has {row.name!r}.",
            state="Nothing was changed.",
            remedy=_NOT_FOUND,
        )
    elif not found.seen:
        error = MigrationError(
            "HOSTS_NOT_ASKED",
            f"{row.name!r} was not started on {row.source}: no other host was named, so that none was asked whether it"
            " runs there.",
            state="Nothing was done with it.",
            remedy=_ASK_ALL,
        )
    elif found.one_for_two:
        error = MigrationError(
            "HOSTS_NOT_ASKED",
            f"{row.name!r} was not started on {row.source}: {found.one_for_two}, so that not all of them were asked.",
            state="Nothing was done with it.",
            remedy="Correct destination_uri, or give each host a name of its own, and run this again.",
        )
    else:
        found.starting.append(key)
        return
    row.fail(error)


def _one_for_two(host: str, destinations: Destinations) -> str:
    """What is wrong where two of the names lead to one host; the others were asked for nothing then."""
    answered = {host: "this host"}
    for name in destinations.names:
        connection = destinations.connection(name)
        if connection is None:
            continue
        try:
            own_name = str(within(connection.raw.getHostname, f"asking {name} for its name"))
        except (MigrationError, libvirt.libvirtError):
            return f"{name} does not say who it is"
        if own_name in answered:
            return f"{name} and {answered[own_name]} both call themselves {own_name!r}"
        answered[own_name] = name
    return ""


def _transfer_options(
    key: str,
    row: GuestResult,
    here: t.Optional[Guest],
    others: t.Sequence[str],
    there: bool,
    one: t.Mapping[str, t.Any],
) -> TransferOptions:
    """``here``: the guest, where it is active on this host; ``there``: whether a destination has it."""
    destinations = (row.destination,) if there else tuple(dict.fromkeys([row.destination, *others]))
    if here is None:
        return TransferOptions(key, row.name, destinations, there=there)
    moving = may_have_job(here)
    size_bytes = int(one.get("sent_bytes") or 0) or _current_memory_bytes(here)
    return TransferOptions(key, row.name, destinations, size_bytes, moving)


def _elsewhere(found: Discovery, name: t.Optional[str], uuid: t.Optional[str]) -> t.Optional[tuple[str, Guest]]:
    for host, seen in found.seen.items():
        guest = seen.find(name, uuid)
        if guest is not None:
            return host, guest
    return None


def _current_memory_bytes(guest: Guest) -> int:
    """The memory that the guest has now, which is at most what is sent; 0 when libvirt does not say."""
    try:
        return guest.memory(_LIMIT_S).current_bytes
    except (MigrationError, libvirt.libvirtError):
        return 0
