# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the migration jobs of a host: once, or over a while with every bitmap sync."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.diagnosis.verdict import Context
from ..._core.errors import MigrationError
from ..._core.host.features import COUNTS_WHAT_CONNECTIONS_SEND
from ..._core.job.domain_state import DomainState
from ..._core.job.sample import JobSample, Limits, Phase
from ..._core.libvirt_errors.codes import Err
from ..._core.policy import Policy
from ..._core.postcopy_obstacles import Obstacle
from ..._host.sending_threads import SendingThreads
from ..._host.status_file import other_outgoing, start_flags
from ..connection import Connection, libvirt, version_parts
from ..errors import translate
from ..events import Events
from ..guest import Guest
from ..timeout import within
from .current import answers, completed_job, current_stats, is_migration, sample_unless_gone
from .end import ended
from .limits import limits_of

T = t.TypeVar("T")

_POLL_S = 0.5  # between looks, beside those at each bitmap sync
_HAS_GONE = (Err.NO_DOMAIN, Err.OPERATION_INVALID)  # the latter: it does not run any more


@dataclass
class Watched:
    """A guest with a migration, and the looks at it, oldest first; given up when it cannot be looked at any more.

    ``failing``: the error of the last look, which may be gone at the next one. ``sending``: the threads that send it,
    where they can be watched.
    """

    guest: Guest
    samples: list[JobSample] = field(default_factory=list)
    given_up: bool = False
    failing: list[MigrationError] = field(default_factory=list)
    sending: t.Optional[SendingThreads] = None

    @property
    def running(self) -> bool:
        return not self.given_up and self.samples[-1].phase.running


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
    return sample_unless_gone(guest, stats, at_s=time.monotonic())


def may_have_job(guest: Guest) -> bool:
    """Whether a migration of the guest runs, or may: one that could not be asked counts, one that has gone does not."""
    try:
        return glance(guest) is not None
    except MigrationError:
        return True
    except libvirt.libvirtError as exc:
        return exc.get_error_code() not in _HAS_GONE


def arriving(guest: Guest) -> JobSample:
    """A look at a guest that arrives: on the destination libvirt knows nothing but the state of the domain."""
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
        sample = _unless_problem(guest, problems, glance)
        if sample is not None:
            watched.append(Watched(guest, [sample]))
    if observe_s > 0 and watched:
        for one in watched:
            if connection.local and one.running and one.samples[-1].operation == "outgoing":
                one.sending = SendingThreads(one.guest.name, one.guest.uuid)
        _observe(connection, watched, observe_s, problems)
    for one in watched:
        if one.running and one.samples[-1].operation == "outgoing":
            limits = _unless_problem(one.guest, problems, limits_of)
            one.samples[-1] = replace(one.samples[-1], limits=limits or Limits())
    return watched, problems


def look_back(guests: t.Sequence[Guest]) -> tuple[list[JobSample], list[MigrationError]]:
    """The last completed migrations of ``guests``, without guests that have none; and what could not be looked at."""
    problems: list[MigrationError] = []
    samples = [_unless_problem(guest, problems, completed_job) for guest in guests]
    return [sample for sample in samples if sample is not None], problems


def _unless_problem(
    guest: Guest, problems: list[MigrationError], read: t.Callable[[Guest], t.Optional[T]]
) -> t.Optional[T]:
    """What is read of a guest, or None and one problem more: one guest must not hide the others."""
    try:
        return read(guest)
    except libvirt.libvirtError as exc:
        problems.append(translate(exc, f"Could not read the job of {guest.name!r}.", guest_state=guest.state_text()))
    except MigrationError as exc:
        problems.append(exc)
    return None


def _observe(
    connection: Connection, watched: t.Sequence[Watched], observe_s: float, problems: list[MigrationError]
) -> None:
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
                _add_look(one, events, problems)
        for one in watched:
            _add_look(one, events, problems)
            if one.failing and not one.given_up:
                problems += one.failing
                one.given_up = True


def _add_look(one: Watched, events: Events, problems: list[MigrationError]) -> None:
    if not one.running:
        return

    def next_look(guest: Guest) -> JobSample:
        sample = glance(guest)
        if sample is not None:
            return sample
        if one.samples[-1].operation == "incoming":
            return replace(one.samples[-1], phase=Phase.NONE)
        return ended(guest, events)

    one.failing = []
    sample = _unless_problem(one.guest, one.failing, next_look)
    if sample is not None:
        one.samples.append(sample)
    elif one.failing[0].reason == "MONITOR_HUNG" or not answers(one.guest):
        problems += one.failing
        one.given_up = True


def context_of(
    one: Watched,
    connection: Connection,
    policy: Policy,
    link_bytes_per_s: t.Optional[int] = None,
) -> Context:
    """What is known about a job beside its statistics; more of it on the hypervisor itself than from afar."""
    obstacles = _postcopy_obstacles(one)
    if not connection.local:
        return Context(policy, link_bytes_per_s, postcopy_obstacles=obstacles)
    started = started_with(connection, one.guest.name, one.guest.uuid)
    return Context(
        policy,
        link_bytes_per_s,
        postcopy_flag=started.postcopy,
        other_streams=other_outgoing(one.guest.uuid),
        parallel_compression=started.parallel_compression,
        sending_busy=one.sending.busy() if one.sending else None,
        postcopy_obstacles=obstacles,
        auto_converge_flag=started.auto_converge,
    )


def _postcopy_obstacles(one: Watched) -> t.Sequence[Obstacle]:
    """By its definition, which is read where post-copy may be named as a remedy. That nothing could be read does not
    keep the job from being told; migration_postcopy and the engine look again."""
    last = one.samples[-1]
    if not one.running or last.operation != "outgoing" or last.phase is not Phase.PRECOPY:
        return ()
    try:
        return one.guest.document().postcopy_obstacles
    except (MigrationError, libvirt.libvirtError):
        return ()


class StartedWith(t.NamedTuple):
    """What a job was started with, as far as it is known here. ``parallel_compression``: as of :class:`Context`."""

    postcopy: t.Optional[bool] = None
    auto_converge: t.Optional[bool] = None
    parallel_compression: bool = False


def started_with(connection: Connection, name: str, uuid: str) -> StartedWith:
    """By libvirt's status file, which is read where this runs on the hypervisor."""
    flags = start_flags(name, uuid) if connection.local else None
    if flags is None:
        return StartedWith()
    counted = flags.parallel_compression and counts_sent(connection)
    return StartedWith(flags.postcopy, flags.auto_converge, counted)


def counts_sent(connection: Connection) -> bool:
    """Whether the host's QEMU counts what several connections send as it is sent."""
    version = within(connection.raw.getVersion, "asking for the version of QEMU")
    return version_parts(int(version)) >= COUNTS_WHAT_CONNECTIONS_SEND.qemu
