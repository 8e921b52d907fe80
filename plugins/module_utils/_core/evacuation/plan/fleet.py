# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emptying of hosts is planned over: hosts, guests, the rules between them, and the network."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...errors import MigrationError
from ..strategy import LEAVE, MIGRATE, PLANNED, SHUTDOWN
from .transfer_estimate import TransferDemand

ORDINARY = 0  # the page size of memory that is not in huge pages


@dataclass(frozen=True)
class MemoryPool:
    """Free memory of one page size on one NUMA node of a host."""

    free_bytes: int
    page_kib: int = ORDINARY
    node: int = 0


@dataclass(frozen=True)
class MemoryNeed:
    """Memory that a guest takes. ``nodes``: the NUMA nodes of the host it is bound to (none: any)."""

    size_bytes: int
    page_kib: int = ORDINARY
    nodes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Host:
    """A host of the plan. ``reserve_bytes`` of ordinary memory stay free. A limit that is None does not exist.

    ``uplinks``: shared links that traffic between this host and one that is not behind them crosses as well.
    """

    name: str
    pools: tuple[MemoryPool, ...]
    in_bytes_per_s: float
    out_bytes_per_s: float
    reserve_bytes: int = 0
    cordoned: bool = False
    max_incoming: t.Optional[int] = 2
    max_outgoing: t.Optional[int] = 4
    max_guests: t.Optional[int] = None
    max_vcpus: t.Optional[int] = None
    uplinks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blocker:
    """A check that a guest fails on a destination."""

    check: str
    summary: str = ""
    remedy: str = ""


@dataclass(frozen=True, eq=False)
class PlannedGuest:
    """A guest of the plan. ``key``: its UUID. ``blocked``: by name of a destination, the checks that it fails there.

    ``allowed``: the only hosts it may go to (None: any). ``bound_for``: it goes there or nowhere, as decided before;
    ``moving``: it is on its way already. ``priority``: who is sent earlier, the higher the earlier; ``claim``: the
    same for who gets a place where there are too few, None for the same number. ``if_unplaceable``: to leave it where
    it is, or to shut it down, which is never done unless somebody says so. ``said_policy``: the fields of a policy that
    the user says for it alone.
    """

    key: str
    name: str
    host: str
    needs: tuple[MemoryNeed, ...] = ()
    demand: t.Optional[TransferDemand] = None
    vcpus: int = 1
    running: bool = True
    strategy: str = MIGRATE
    if_unplaceable: str = LEAVE
    priority: int = 0
    claim: t.Optional[int] = None
    pinned: bool = False
    host_devices: int = 0
    blocked: t.Mapping[str, tuple[Blocker, ...]] = field(default_factory=dict)
    allowed: t.Optional[frozenset[str]] = None
    bound_for: t.Optional[str] = None
    moving: bool = False
    said_policy: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def place_priority(self) -> int:
        return self.priority if self.claim is None else self.claim

    @property
    def memory_bytes(self) -> int:
        return sum(need.size_bytes for need in self.needs)


@dataclass(frozen=True)
class Group:
    """Guests (by key) that belong on one host (``together``) or on different ones; ``hard``: else they do not move."""

    name: str
    members: frozenset[str]
    together: bool
    hard: bool = True


@dataclass(frozen=True)
class Uplink:
    """A link that several hosts share, with the same rate in both directions."""

    name: str
    bytes_per_s: float
    max_transfers: t.Optional[int] = None


@dataclass(frozen=True)
class Fleet:
    """What a plan is made over. ``sources``: names of the hosts to be emptied; ``guests``: those on them, and those on
    other hosts, which count there.

    ``max_transfers``: over all hosts. ``setup_s``: what a migration takes before it sends.
    ``most_bytes_per_s``: what a single migration can fill.
    """

    hosts: tuple[Host, ...]
    guests: tuple[PlannedGuest, ...]
    sources: tuple[str, ...]
    groups: tuple[Group, ...] = ()
    uplinks: tuple[Uplink, ...] = ()
    max_transfers: t.Optional[int] = None
    setup_s: float = 1.0
    most_bytes_per_s: t.Optional[float] = None

    def __post_init__(self) -> None:
        _unique("host", [host.name for host in self.hosts])
        _unique("uplink", [uplink.name for uplink in self.uplinks])
        _unique("group", [group.name for group in self.groups])
        self._check_guests()
        known = {host.name for host in self.hosts}
        for name in self.sources:
            if name not in known:
                raise _bad(f"The source {name!r} is not among the hosts.")
        uplinks = {uplink.name for uplink in self.uplinks}
        for host in self.hosts:
            if not (host.in_bytes_per_s > 0 and host.out_bytes_per_s > 0):
                raise _bad(f"The migration link of {host.name!r} has no speed.")
            for name in host.uplinks:
                if name not in uplinks:
                    raise _bad(f"The host {host.name!r} is behind {name!r}, which is not described.")
        for uplink in self.uplinks:
            if not uplink.bytes_per_s > 0:
                raise _bad(f"The link {uplink.name!r} has no speed.")
        if any(host.reserve_bytes < 0 for host in self.hosts):
            raise _bad("A reserve is less than 0 bytes.")
        limits = [limit for host in self.hosts for limit in (host.max_incoming, host.max_outgoing)]
        for limit in [*limits, *(uplink.max_transfers for uplink in self.uplinks), self.max_transfers]:
            if limit is not None and limit < 1:
                raise _bad("A limit of transfers is less than 1, so that nothing could ever move.")

    def _check_guests(self) -> None:
        known = {host.name for host in self.hosts}
        seen: dict[str, PlannedGuest] = {}
        for guest in self.guests:
            other = seen.setdefault(guest.key, guest)
            if other is not guest:
                raise MigrationError(
                    "GUEST_TWICE",
                    f"The guest {guest.name!r} ({guest.key}) is on {other.host!r} and on {guest.host!r}.",
                    state="Nothing was planned and nothing was changed.",
                    remedy="Find out which of the two is the guest before anything is moved: they may be two running"
                    " copies, or a migration that is under way.",
                )
            if guest.host not in known:
                raise _bad(f"The guest {guest.name!r} is on {guest.host!r}, which is not among the hosts.")
            for value, choices in ((guest.strategy, PLANNED), (guest.if_unplaceable, (LEAVE, SHUTDOWN))):
                if value not in choices:
                    raise _bad(f"For {guest.name!r} it says {value!r}, not one of {', '.join(choices)}.")

    @property
    def destinations(self) -> tuple[Host, ...]:
        """A host that is being emptied receives nothing."""
        sources = set(self.sources)
        return tuple(host for host in self.hosts if host.name not in sources)


def _unique(what: str, names: t.Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _bad(f"There are two of the {what} {name!r}.")
        seen.add(name)


def _bad(problem: str) -> MigrationError:
    return MigrationError(
        "BAD_FLEET", problem, state="Nothing was planned and nothing was changed.", remedy="Correct what was given."
    )
