# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found out about a guest and its route before it is moved: the facts that its forecast rests on."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import MigrationError
from ..._core.forecast.forecast import MOST_CONNECTIONS
from ..._core.forecast.link_bandwidth import DestinationPath, ExpectedBandwidth, RouteDevice, expected_bandwidth
from ..._core.forecast.measuring_windows import measuring_windows_s, next_window_s
from ..._core.forecast.simulation import MigrationFacts
from ..._core.forecast.working_set import Window, WorkingSet, working_set
from ..._core.libvirt_uri import host_of
from ..._core.migration.start_plan import Choices, planned
from ..._core.policy import Policy
from ..._core.units import KIB, MIB
from ..._host.qemu_process import guest_memory
from ..connection import Connection, libvirt
from ..guest import Guest
from ..timeout import within
from .both_hosts import BothHosts
from .dirty_rate import BegunMeasurement, mode_for

_LEAST_CACHE_BYTES = 64 * MIB  # QEMU's default; where less can be spared there is none


def touched_memory(connection: Connection, guest: Guest, whole: int) -> tuple[int, str]:
    """Bytes of the guest's touched memory, and where they are known from, as the end of a sentence.

    From the kernel where this is the guest's host, else from libvirt, else ``whole``, all that it may have.
    """
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


def spare_cache_bytes(connection: Connection, whole: int) -> int:
    """What the source can spare for a compression cache: a quarter of what is free, half the guest's size at most."""
    try:
        memory = within(lambda: connection.raw.getMemoryStats(-1), "reading this host's memory")
    except libvirt.libvirtError:
        return 0
    free = sum(int(memory.get(key, 0)) for key in ("free", "buffers", "cached")) * KIB
    spare = min(free // 4, whole // 2)
    return spare if spare >= _LEAST_CACHE_BYTES else 0


_MAY_XBZRLE = ("auto", "xbzrle", "auto_zstd")


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
            "idle_processors": [round(one, 1) for one in self.facts.idle_processors or ()] or None,
            "host_devices": self.facts.host_devices,
        }


class MeasurementOptions(t.NamedTuple):
    """``choices``: what the user has decided about how pages are sent.

    ``measure``: whether the guest's writing may be measured. ``route_to``: by which device this machine reaches the
    first of these hosts (names or addresses) that it can resolve. ``no_more_than_for``: only what a start under this
    policy needs is measured; None: all that can be. ``over``: for a measurement beside a wait, which is made of any
    guest: whether the wait is over, and no further window begins.
    """

    choices: Choices
    measure: bool
    route_to: t.Callable[[t.Iterable[str]], RouteDevice]
    no_more_than_for: t.Optional[Policy] = None
    over: t.Optional[t.Callable[[], bool]] = None


def measure_facts(
    connection: Connection,
    destination: Connection,
    guest: Guest,
    path: DestinationPath,
    options: MeasurementOptions,
    begun: t.Optional[BegunMeasurement] = None,
) -> MeasuredFacts:
    """The facts that the forecast of a migration rests on, the guest's writing measured where ``options`` allow it.

    While it is measured the rest is looked up. ``begun``: a measurement of it that runs already.

    Raises what must not be passed over before a start: JOB_RUNNING, MONITOR_HUNG and their like. A measurement that
    fails for another reason is noted in ``not_measured``.
    """
    document, running, whole = guest.document(), guest.state().running, guest.memory().maximum_bytes
    bandwidth = _bandwidth(connection, destination, path, options.route_to)
    both, wished = BothHosts(connection, destination), options.choices.compression
    # libvirt refuses post-copy for a guest that stands still, and it is not asked for beside several connections.
    postcopy_possible = (
        running and not document.postcopy_obstacles and not options.choices.parallel_connections and wished != "zstd"
    )
    # Beside a limit, which QEMU does not keep on several connections, only the user's own word has them used.
    may_zstd = wished == "zstd" or (wished == "auto_zstd" and not path.bandwidth_mib_per_s)
    zstd = may_zstd and both.can("multifd_zstd")
    idle = both.idle_processors() if zstd and wished == "auto_zstd" else None
    all_s = whole / bandwidth.bytes_per_s if bandwidth.bytes_per_s else 0.0
    first_pass_tells = postcopy_possible and needs_no_measurement(options, all_s)
    why_not = _why_not(options, bandwidth.bytes_per_s, running, first_pass_tells)
    measuring = _Measuring(connection, guest, mode_for(document), begun) if not why_not or begun else None
    touched, touched_from = touched_memory(connection, guest, whole)
    facts = MigrationFacts(
        touched_bytes=touched,
        bandwidth_bytes_per_s=bandwidth.bytes_per_s or 0,
        postcopy_possible=postcopy_possible,
        xbzrle_cache_bytes=spare_cache_bytes(connection, whole) if wished in _MAY_XBZRLE else 0,
        parallel_connections=_parallel(both, path, options.choices),
        host_devices=len(document.sent_host_devices),
        memory_bytes=document.memory.total_bytes,
        link_bytes_per_s=bandwidth.link_bytes_per_s or 0,
        zstd_possible=zstd,
    )
    if measuring is not None and bandwidth.bytes_per_s is not None:
        measured, why_not = measuring.end(facts, whole, options, idle)
        facts = replace(facts, measured=measured, vcpus_busy=measuring.busy)
    return MeasuredFacts(replace(facts, idle_processors=idle() if idle else None), bandwidth, touched_from, why_not)


def needs_no_measurement(options: MeasurementOptions, all_s: float = 0.0) -> bool:
    """Whether what the passes show is soon enough, for a guest that goes by post-copy where nothing else ends it, and
    only after they have shown that.

    ``all_s``: how long all of its memory takes, which may have to be fetched while it depends on both hosts.
    """
    policy = options.no_more_than_for
    if policy is None or options.over is not None:
        return False
    return policy.postcopy == "if_needed" and all_s <= policy.max_postcopy_s


def _why_not(options: MeasurementOptions, bandwidth: t.Optional[int], running: bool, first_pass_tells: bool) -> str:
    """Why the guest is not measured; empty where it is."""
    if not options.measure:
        return "measuring was switched off"
    if bandwidth is None:
        return "without a bandwidth there is nothing to compare it with"
    if not running:
        return "the guest stands still"
    if first_pass_tells:
        return "it may go by post-copy, so the first pass tells what is needed"
    return ""


def _bandwidth(
    connection: Connection,
    destination: Connection,
    path: DestinationPath,
    route_to: t.Callable[[t.Iterable[str]], RouteDevice],
) -> ExpectedBandwidth:
    way = RouteDevice()
    if path.link_mib_per_s is None and connection.local:
        host = host_of(path.migrate_uri) or within(destination.raw.getHostname, "asking the destination for its name")
        way = route_to([str(host or ""), host_of(path.destination_uri) or ""])
    return expected_bandwidth(path.link_mib_per_s, path.bandwidth_mib_per_s, way)


class _Measuring:
    """A measurement that runs; what only keeps it from being made is its answer. ``busy``: known when it has ended."""

    def __init__(self, connection: Connection, guest: Guest, mode: str, begun: t.Optional[BegunMeasurement]) -> None:
        self._problem, self._begun = "", begun
        self.busy: tuple[float, ...] = ()
        if begun is None:
            with self._passing():
                self._begun = BegunMeasurement(connection, guest, mode)

    def end(
        self,
        facts: MigrationFacts,
        whole: int,
        options: MeasurementOptions,
        idle: t.Optional[t.Callable[[], t.Optional[tuple[float, float]]]],
    ) -> tuple[t.Optional[WorkingSet], str]:
        """What it has found, or why it has found nothing. ``idle``: tells how many processors the hosts have idle."""
        begun, found = self._begun, None
        if begun is None:
            return None, self._problem
        busy = begun.busy
        _short_s, long_s = measuring_windows_s(facts.touched_bytes / facts.bandwidth_bytes_per_s)

        def following_s(windows: t.Sequence[Window]) -> t.Optional[int]:
            last, policy = windows[-1], options.no_more_than_for
            if options.over is not None:  # beside a wait, so that it costs no time
                return long_s if last.window_s < long_s and not options.over() else None
            if policy is None:
                return long_s if last.window_s < long_s else None
            seen = replace(
                facts,
                measured=working_set(windows, whole),
                vcpus_busy=busy.shares(),
                idle_processors=idle() if idle else None,
            )
            return next_window_s(last, seen, policy, lambda guest: planned(policy, guest, options.choices))

        with self._passing():
            found = working_set(begun.windows(following_s), whole)
        self.busy = busy.shares()
        return found, "" if found else self._problem

    @contextlib.contextmanager
    def _passing(self) -> t.Iterator[None]:
        try:
            yield
        except MigrationError as exc:
            if exc.reason not in ("LIBVIRT_TOO_OLD", "NOT_MEASURED", "ALREADY_MEASURING"):
                raise
            self._problem = exc.problem


def _parallel(both: BothHosts, path: DestinationPath, choices: Choices) -> int:
    """The most connections that may be used: none of themselves beside a limit, which QEMU then does not keep."""
    if choices.parallel_connections is not None or path.bandwidth_mib_per_s:
        return 0
    return MOST_CONNECTIONS if both.can("multifd") else 0
