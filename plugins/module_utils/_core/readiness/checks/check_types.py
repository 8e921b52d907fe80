# SPDX-License-Identifier: GPL-3.0-or-later
"""What a readiness check is, what it looks at, and what it finds."""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field

from ...destination_changes import DestinationChanges
from ...forecast.working_set import WorkingSet
from ...host.document import HostDocument
from ...host.guest import GuestDocument
from ...host.network import Route
from ...policy import Policy
from .residents import Residents

PASS, WARN, FAIL, SKIP = "pass", "warn", "fail", "skip"
STATUSES = (PASS, WARN, FAIL, SKIP)


@dataclass(frozen=True)
class Finding:
    """``evidence``: the figures and names behind it. ``remedy``: what to do, for anything but a pass."""

    status: str
    summary: str
    remedy: str = ""
    evidence: t.Mapping[str, t.Any] = field(default_factory=dict)


def passed(summary: str, **evidence: t.Any) -> Finding:
    """Nothing stands in the way."""
    return Finding(PASS, summary, evidence=evidence)


def warned(summary: str, remedy: str, **evidence: t.Any) -> Finding:
    """It can go, with a risk or a loss."""
    return Finding(WARN, summary, remedy, evidence)


def failed(summary: str, remedy: str, **evidence: t.Any) -> Finding:
    """It cannot go."""
    return Finding(FAIL, summary, remedy, evidence)


def skipped(summary: str, remedy: str = "") -> Finding:
    """The check does not apply, or what it needs is not known."""
    return Finding(SKIP, summary, remedy)


class Attempt(t.NamedTuple):
    """A connection that the source tried: ``accepted``, ``refused`` (a host answers), or why not."""

    address: str
    port: int
    answer: str
    time_ms: float = 0.0

    @property
    def reached(self) -> bool:
        return self.answer in ("accepted", "refused")


@dataclass(frozen=True)
class Probe:
    """What the source found out about the way to a destination. None: not tried."""

    route: t.Optional[Route] = None
    name_addresses: t.Optional[t.Sequence[str]] = None  # of the destination's name, as the source resolves it
    daemon: t.Optional[Attempt] = None
    port: t.Optional[Attempt] = None
    connection_uri: str = ""
    connection_problem: str = ""  # empty when the daemon took the connection
    connection_remedy: str = ""


class CpuOpinion(t.NamedTuple):
    """What the destination's libvirt says of the guest's processor; None when it could not say."""

    fits: t.Optional[bool]
    text: str


class MigrationBlocker(t.NamedTuple):
    """What libvirt and QEMU have against moving a guest: nothing when ``text`` is empty.

    With ``asked`` False they could not be asked, and ``text`` says why.
    """

    asked: bool
    text: str = ""


@dataclass(frozen=True)
class ReadinessOptions:
    """How the migration is meant to be done. ``bandwidth_bytes_per_s``: None to take the interface's speed."""

    policy: Policy = field(default_factory=Policy)
    copy_storage: str = "none"  # none | all | incremental
    tls: bool = False
    bandwidth_bytes_per_s: t.Optional[int] = None
    critical: t.Collection[str] = ()  # names of guests that must not be risked
    changes: DestinationChanges = field(default_factory=DestinationChanges)
    copy_disks: t.Optional[t.Collection[str]] = None  # targets; None: all that are local


@dataclass(frozen=True)
class Pair:
    """A source and a destination."""

    source: HostDocument
    destination: HostDocument
    probe: Probe = field(default_factory=Probe)
    options: ReadinessOptions = field(default_factory=ReadinessOptions)

    @functools.cached_property
    def residents(self) -> Residents:
        """The guests that the destination has."""
        return Residents(self.destination.domains)


@dataclass(frozen=True)
class Case:
    """A guest that is to go from one host to another.

    ``cpu``: what the destination's libvirt says of its processor; ``measured``: how it writes; ``objection``: why QEMU
    would refuse; ``sent``: the guest as it is to be on the destination, where that differs. None: not asked, or not so.
    """

    guest: GuestDocument
    pair: Pair
    cpu: t.Optional[CpuOpinion] = None
    measured: t.Optional[WorkingSet] = None
    objection: t.Optional[MigrationBlocker] = None
    sent: t.Optional[GuestDocument] = None

    @property
    def arriving(self) -> GuestDocument:
        """The guest as it is to be on the destination: itself, but for names of the host's own."""
        return self.sent or self.guest

    @functools.cached_property
    def arriving_paths(self) -> t.Mapping[str, str]:
        """What its disks are there, by target; of two of the same target the first."""
        return {disk.target: disk.source for disk in reversed(self.arriving.disks)}

    @property
    def source(self) -> HostDocument:
        return self.pair.source

    @property
    def destination(self) -> HostDocument:
        return self.pair.destination

    @property
    def residents(self) -> Residents:
        return self.pair.residents

    @property
    def options(self) -> ReadinessOptions:
        return self.pair.options


@dataclass(frozen=True)
class Check:
    """``id`` is stable. ``asks``: what it wants to know, ``otherwise``: what comes of it if the answer is no.

    A check of hosts finds the same for all guests. One of a guest that needs a running one is skipped for others; what
    a definition needs to be started on the destination counts for all.
    """

    id: str
    theme: str
    asks: str
    otherwise: str
    statuses: tuple[str, ...]  # beside pass and skip
    of_hosts: t.Optional[t.Callable[[Pair], Finding]] = None
    of_guest: t.Optional[t.Callable[[Case], Finding]] = None
    needs_running: bool = True


def counted(number: int, name: str) -> str:
    """``1 snapshot``, ``2 snapshots``."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def listed(names: t.Iterable[str]) -> str:
    """``a, b and c``, and no more than five of them."""
    found = list(names)
    if len(found) > 5:
        found = [*found[:4], f"{len(found) - 4} more"]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)
