# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found out about a guest and its way before it is moved: the facts that a forecast rests on."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import MigrationError
from ..._core.forecast.dirty_curve import busy_shares, measuring_windows_s
from ..._core.forecast.forecast import forecast
from ..._core.forecast.link_bandwidth import DestinationPath, ExpectedBandwidth, RouteDevice, expected_bandwidth
from ..._core.forecast.quiet_moment import QuietMoment, moment
from ..._core.forecast.simulation import MigrationFacts
from ..._core.forecast.working_set import WorkingSet, working_set
from ..._core.libvirt_uri import host_of
from ..._core.policy import Policy
from ..._core.units import KIB, MIB
from ..._host.qemu_process import guest_memory
from ..connection import Connection, libvirt
from ..guest import Guest
from ..job.current import completed_job, require_running
from ..job.postcopy import size_of
from ..timeout import within
from .dirty_rate import measure_windows

_LEAST_CACHE_BYTES = 64 * MIB


def touched_memory(connection: Connection, guest: Guest) -> tuple[int, str]:
    """Bytes of the guest's touched memory, and where they are known from, as the end of a sentence.

    From the kernel where this is the guest's host, else from libvirt, else all of it.
    """
    whole = guest.memory().maximum_bytes
    found = guest_memory(guest.name, guest.uuid, whole) if connection.local else None
    if found is not None:
        return found
    try:
        resident_kib = int(within(guest.raw.memoryStats, f"reading the memory of {guest.name!r}").get("rss", 0))
    except libvirt.libvirtError:
        resident_kib = 0
    if 0 < resident_kib * KIB < whole:
        return resident_kib * KIB, "the size of its QEMU process, which is somewhat more"
    return whole, "the size of its memory"


def spare_cache_bytes(connection: Connection, guest: Guest) -> int:
    """What the source can spare for a compression cache: a quarter of what is free, half the guest's size at most."""
    try:
        memory = within(lambda: connection.raw.getMemoryStats(-1), "reading this host's memory")
    except libvirt.libvirtError:
        return 0
    free = sum(int(memory.get(key, 0)) for key in ("free", "buffers", "cached")) * KIB
    spare = min(free // 4, guest.memory().maximum_bytes // 2)
    return spare if spare >= _LEAST_CACHE_BYTES else 0


T = t.TypeVar("T")


def busy_while(guest: Guest, work: t.Callable[[], T]) -> tuple[T, tuple[float, ...]]:
    """What ``work`` returns, and the part of the time for which each processor ran meanwhile; empty: not known."""
    began_s, before = time.monotonic(), _times_ns(guest)
    result = work()
    after = _times_ns(guest)
    return result, busy_shares(before, after, time.monotonic() - began_s)


def _times_ns(guest: Guest) -> list[int]:
    try:
        found, _maps = within(guest.raw.vcpus, f"reading the processor times of {guest.name!r}")
    except (libvirt.libvirtError, MigrationError):
        return []
    return [int(time_ns) for _number, _state, time_ns, _cpu in found]


_MOST_CONNECTIONS = 8
_PARALLEL_LIBVIRT, _PARALLEL_QEMU = 5_002_000, 4_000_000


@dataclass(frozen=True)
class MeasuredFacts:
    """Facts, and where they come from. ``bandwidth.bytes_per_s`` is what is in the facts, where it is known."""

    facts: MigrationFacts
    bandwidth: ExpectedBandwidth
    touched_from: str
    not_measured: str = ""

    def document(self) -> dict[str, t.Any]:
        measured = self.facts.measured
        return {
            "touched_bytes": self.facts.touched_bytes,
            "touched_from": self.touched_from,
            "bandwidth_bytes_per_s": self.bandwidth.bytes_per_s,
            "bandwidth_source": self.bandwidth.known_from,
            "working_set_bytes": measured.working_set_bytes if measured else None,
            "working_set_is_lower_bound": measured.working_set_is_lower_bound if measured else None,
            "dirty_bytes_per_s": measured.dirty_bytes_per_s if measured else None,
            "dirty_rate_is_lower_bound": measured.dirty_rate_is_lower_bound if measured else None,
            "not_measured": self.not_measured or None,
            "vcpus_busy_percent": self.facts.vcpus_busy_percent,
            "host_devices": self.facts.host_devices,
        }


class MeasurementOptions(t.NamedTuple):
    """``compression``: ``auto``, ``xbzrle`` or ``none``; ``parallel_connections``: None to have them planned.

    ``measure``: whether the guest's writing may be measured. ``way_to``: by which device this machine reaches the first
    of these hosts (names or addresses) that it can resolve.
    """

    compression: str
    parallel_connections: t.Optional[int]
    measure: bool
    way_to: t.Callable[[t.Iterable[str]], RouteDevice]


def measure_facts(
    connection: Connection, destination: Connection, guest: Guest, path: DestinationPath, options: MeasurementOptions
) -> MeasuredFacts:
    """Raises what must not be passed over before a start: JOB_RUNNING, MONITOR_HUNG and their like."""
    bandwidth = _bandwidth(connection, destination, path, options.way_to)
    touched, touched_from = touched_memory(connection, guest)
    running = guest.state().running
    measured: t.Optional[WorkingSet] = None
    why_not = "measuring was switched off"
    busy: tuple[float, ...] = ()
    if options.measure and bandwidth.bytes_per_s is None:
        why_not = "without a bandwidth there is nothing to compare it with"
    elif options.measure and not running:
        why_not = "the guest stands still"
    elif options.measure and bandwidth.bytes_per_s:
        least_s = touched / bandwidth.bytes_per_s
        (measured, why_not), busy = busy_while(guest, lambda: _measured(connection, guest, least_s))
    cache = spare_cache_bytes(connection, guest) if options.compression != "none" else 0
    parallel, size = _parallel(connection, destination, path, options), size_of(guest)
    facts = MigrationFacts(
        touched_bytes=touched,
        bandwidth_bytes_per_s=bandwidth.bytes_per_s or 0,
        measured=measured,
        # libvirt refuses post-copy for a guest that stands still, and QEMU beside parallel connections.
        postcopy_possible=running and not options.parallel_connections,
        xbzrle_cache_bytes=cache,
        parallel_connections=parallel,
        host_devices=size.host_devices,
        vcpus_busy=busy,
        memory_bytes=size.memory_bytes,
        link_bytes_per_s=bandwidth.link_bytes_per_s or 0,
    )
    return MeasuredFacts(facts, bandwidth, touched_from, "" if measured else why_not)


def _bandwidth(
    connection: Connection,
    destination: Connection,
    path: DestinationPath,
    way_to: t.Callable[[t.Iterable[str]], RouteDevice],
) -> ExpectedBandwidth:
    way = RouteDevice()
    if path.link_mib_per_s is None and connection.local:
        host = host_of(path.migrate_uri) or within(destination.raw.getHostname, "asking the destination for its name")
        way = way_to([str(host or ""), host_of(path.destination_uri) or ""])
    return expected_bandwidth(path.link_mib_per_s, path.bandwidth_mib_per_s, way)


def _measured(connection: Connection, guest: Guest, least_s: float) -> tuple[t.Optional[WorkingSet], str]:
    ring = guest.definition().find("./features/kvm/dirty-ring")
    mode = "dirty-ring" if ring is not None and ring.get("state") == "on" else "page-sampling"
    try:
        windows = measure_windows(connection, guest, measuring_windows_s(least_s), mode)
    except MigrationError as exc:
        if exc.reason in ("LIBVIRT_TOO_OLD", "NOT_MEASURED", "ALREADY_MEASURING"):
            return None, exc.problem
        raise
    return working_set(windows, guest.memory().maximum_bytes), ""


def _parallel(
    connection: Connection, destination: Connection, path: DestinationPath, options: MeasurementOptions
) -> int:
    """The most connections that may be used: none of themselves beside a limit, which QEMU then does not keep."""
    if options.parallel_connections is not None or path.bandwidth_mib_per_s:
        return 0
    for daemon in (connection.raw, destination.raw):
        if int(daemon.getLibVersion()) < _PARALLEL_LIBVIRT or int(daemon.getVersion()) < _PARALLEL_QEMU:
            return 0
    return _MOST_CONNECTIONS


_REST_S = 5.0  # between two measurements of a search, so that the guest is left alone for half of the time


def gather(
    connection: Connection, guest: Guest, bandwidth: ExpectedBandwidth, parallel_connections: int, *, compress: bool
) -> MigrationFacts:
    """Everything but the measurement."""
    require_running(guest)
    return MigrationFacts(
        touched_bytes=touched_memory(connection, guest)[0],
        bandwidth_bytes_per_s=bandwidth.bytes_per_s or 0,
        xbzrle_cache_bytes=spare_cache_bytes(connection, guest) if compress else 0,
        parallel_connections=parallel_connections,
        link_bytes_per_s=bandwidth.link_bytes_per_s or 0,
        **size_of(guest)._asdict(),
    )


def bandwidth_of(
    guest: Guest, link_mib_per_s: t.Optional[float], limit_mib_per_s: t.Optional[int], way: RouteDevice
) -> ExpectedBandwidth:
    """What was given, or what the way to the destination carries, or else what the guest's last migration had."""
    unknown = link_mib_per_s is None and way.speed_mbit_per_s is None
    last = completed_job(guest) if unknown else None
    found = expected_bandwidth(link_mib_per_s, limit_mib_per_s or 0, way, last.bandwidth_bytes_per_s if last else None)
    if found.bytes_per_s is None:
        raise MigrationError(
            "BANDWIDTH_UNKNOWN",
            f"What the link carries is {found.known_from}; and libvirt remembers no migration of {guest.name!r}.",
            state="Nothing was measured.",
            remedy="Say it with link_mib_per_s; a link of 10 Gb/s carries about 1100 MiB/s.",
        )
    return found


def measure(connection: Connection, guest: Guest, facts: MigrationFacts, mode: str) -> MigrationFacts:
    """The facts with what the guest does, over windows as long as the first pass of its migration."""
    windows_s = measuring_windows_s(facts.touched_bytes / facts.bandwidth_bytes_per_s)
    windows, busy = busy_while(guest, lambda: measure_windows(connection, guest, windows_s, mode))
    return replace(facts, measured=working_set(windows, guest.memory().maximum_bytes), vcpus_busy=busy)


def wait_for_calm(
    look: t.Callable[[], MigrationFacts], policy: Policy, wait_s: float
) -> tuple[list[QuietMoment], MigrationFacts]:
    """Measure until the guest is quiet enough for the policy, or for so long; at least once."""
    began_s = time.monotonic()
    moments: list[QuietMoment] = []
    while True:
        after_s = time.monotonic() - began_s
        facts = look()
        if facts.measured is not None:
            moments.append(moment(after_s, facts.measured, forecast(policy, facts)))
        spent_s = time.monotonic() - began_s
        if moments[-1].quiet or spent_s + _REST_S > wait_s:
            return moments, facts
        time.sleep(_REST_S)
