# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a guest dirties, measured by QEMU before a migration.

The measurement runs inside QEMU: libvirt starts it, and the guest's statistics tell when it is done. It takes the
guest's lock, which a job holds until it ends, so it is refused at once instead of hanging for libvirt's 30 s.
"""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.forecast.working_set import Window, sampling_error_bytes
from ..._core.host.features import feature
from ..._core.host.guest import GuestDocument
from ..._core.units import MIB
from ..connection import Connection, require_version
from ..guest import Guest
from ..job.current import current_stats
from ..timeout import within
from .busy_watch import BusyWatch

# Bindings older than libvirt 11.2 lack names for most of these.
MODES = {"page-sampling": 0, "dirty-bitmap": 1, "dirty-ring": 2}
_STATS_DIRTY_RATE = 1 << 9  # VIR_DOMAIN_STATS_DIRTYRATE
_STATS_NOWAIT = 1 << 29  # VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
_STATUS_MEASURING = 1  # VIR_DOMAIN_DIRTYRATE_*
_STATUS_MEASURED = 2

_POLL_S = 0.2
_SHORT_S = 1
_GRACE_S = 30.0  # QEMU hashes or syncs all of a guest's memory around the window; big guests take seconds
# The first results of these modes count memory that was dirtied long before.
_WARM_UP_RUNS = {"page-sampling": 0, "dirty-bitmap": 2, "dirty-ring": 1}
_NOTHING = "Nothing was changed."


def measure_windows(connection: Connection, guest: Guest, windows_s: t.Sequence[int], mode: str) -> list[Window]:
    """The unique bytes dirtied in each window, one window after the other; see :func:`measure` for the errors."""
    for _run in range(_WARM_UP_RUNS[mode]):
        measure(connection, guest, 1, mode)
    return [measure(connection, guest, seconds, mode) for seconds in windows_s]


def measure(
    connection: Connection,
    guest: Guest,
    seconds: int,
    mode: str,
    *,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Window:
    """The unique bytes dirtied in a window of 1 to 60 s; the guest runs on. Raises what :class:`BegunWindow` does."""
    return BegunWindow(connection, guest, seconds, mode, clock=clock, sleep=sleep).result()


class BegunWindow:
    """A window of 1 to 60 s that QEMU measures by itself, while the guest runs on and whoever asks does other things.

    Raises MigrationError: LIBVIRT_TOO_OLD, GUEST_NOT_RUNNING, JOB_RUNNING, INCOMING, DIRTY_BITMAP_NEEDS_KVM,
    DIRTY_RING_OFF, DIRTY_RING_ON, ALREADY_MEASURING, NOT_MEASURED, MONITOR_HUNG. libvirt's own errors pass through.
    """

    def __init__(
        self,
        connection: Connection,
        guest: Guest,
        seconds: int,
        mode: str,
        *,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection, self._guest, self._seconds, self._mode = connection, guest, seconds, mode
        self._clock, self._sleep = clock, sleep
        _refuse_what_would_hurt(connection, guest, mode)
        within(lambda: guest.raw.startDirtyRateCalc(seconds, MODES[mode]), f"starting to measure {guest.name!r}")
        self._over_s = clock() + seconds

    def result(self) -> Window:
        """The unique bytes dirtied in it, waited for."""
        # Starting clears the last result, so the first "measured" is ours. The start time in the statistics is no help:
        # older QEMU counts it from the host's boot, newer ones from 1970.
        guest, seconds = self._guest, self._seconds
        self._sleep(max(0.0, self._over_s - self._clock()))
        while True:
            stats = _dirty_rate_stats(self._connection, guest)
            if stats.get("dirtyrate.calc_status") == _STATUS_MEASURED:
                return _window(guest, seconds, self._mode, stats)
            if self._clock() > self._over_s + _GRACE_S:
                raise MigrationError(
                    "NOT_MEASURED",
                    f"QEMU has no result for {guest.name!r} {_GRACE_S:g} s after the end of the {seconds} s window.",
                    state=f"The guest is {guest.state_text()}. The measurement may still run; it ends by itself.",
                    remedy="See whether a job has begun in between ('virsh domjobinfo'), and measure again later.",
                )
            self._sleep(_POLL_S)


class BegunMeasurement:
    """A window of one second that runs already, and longer ones after it, as long as those before do not tell enough.

    ``busy``: watches the guest's processors since it began. Raises what :class:`BegunWindow` does.
    """

    def __init__(self, connection: Connection, guest: Guest, mode: str) -> None:
        self._connection, self._guest, self._mode = connection, guest, mode
        self.busy = BusyWatch(guest)
        self._first = self._begin(_SHORT_S)

    @property
    def uuid(self) -> str:
        return self._guest.uuid

    def windows(self, next_window_s: t.Callable[[t.Sequence[Window]], t.Optional[int]]) -> list[Window]:
        """``next_window_s``: how long the next one is to be after these; None ends it."""
        for _run in range(_WARM_UP_RUNS[self._mode]):
            self._first.result()
            self._first = self._begin(_SHORT_S)
        found = [self._first.result()]
        while (seconds := next_window_s(found)) is not None:
            found.append(self._begin(seconds).result())
        return found

    def _begin(self, seconds: int) -> BegunWindow:
        return BegunWindow(self._connection, self._guest, seconds, self._mode, clock=time.monotonic, sleep=time.sleep)


def mode_for(guest: GuestDocument) -> str:
    """The mode that can measure a guest beside what it was started with."""
    return "dirty-ring" if guest.dirty_ring else "page-sampling"


def _window(guest: Guest, seconds: int, mode: str, stats: t.Mapping[str, t.Any]) -> Window:
    period_s = int(stats.get("dirtyrate.calc_period", seconds))
    if period_s != seconds:
        raise _already_measuring(guest, f"somebody else measured it over {period_s} s in between")
    mib_per_s = int(stats.get("dirtyrate.megabytes_per_second", -1))
    if mib_per_s < 0:
        raise MigrationError(
            "NOT_MEASURED",
            f"QEMU found no memory of {guest.name!r} to measure.",
            state=_NOTHING,
            remedy="The guest is too small for page-sampling; use dirty-ring, or dirty-bitmap on a KVM guest.",
        )
    unique_bytes = mib_per_s * seconds * MIB
    return Window(seconds, unique_bytes, _tolerance_bytes(unique_bytes, seconds, mode, guest.memory().maximum_bytes))


def _tolerance_bytes(unique_bytes: int, seconds: int, mode: str, all_bytes: int) -> int:
    """How far the result may be off: QEMU tells whole MiB/s, and in the default mode looks at a sample of pages."""
    rounding_bytes = MIB * seconds
    if mode != "page-sampling" or all_bytes <= 0:
        return rounding_bytes
    return rounding_bytes + sampling_error_bytes(unique_bytes, all_bytes)


def _dirty_rate_stats(connection: Connection, guest: Guest) -> t.Mapping[str, t.Any]:
    # Without NOWAIT this would queue behind a job that has begun in the meantime.
    found = within(
        lambda: connection.raw.domainListGetStats([guest.raw], _STATS_DIRTY_RATE, _STATS_NOWAIT),
        f"reading the dirty rate of {guest.name!r}",
    )
    return t.cast("t.Mapping[str, t.Any]", found[0][1]) if found else {}


def _refuse_what_would_hurt(connection: Connection, guest: Guest, mode: str) -> None:
    if mode == "page-sampling":
        require_version(connection, feature("dirty_rate").libvirt, "Measuring the dirty rate")
    else:
        require_version(connection, feature("dirty_rate_modes").libvirt, f"Measuring the dirty rate by {mode}")
    job = current_stats(guest)
    if job is not None:
        raise MigrationError(
            "JOB_RUNNING",
            f"The dirty rate of {guest.name!r} cannot be measured while a job runs on it; libvirt would wait 30 s for"
            " it and then give up.",
            state=_NOTHING,
            remedy="For a migration, migration_job_info tells the rate that the job itself sees. Else wait until"
            " 'virsh domjobinfo' shows none.",
            evidence={"operation": job.get("operation"), "elapsed_ms": job.get("time_elapsed")},
        )
    if not guest.state().running:
        raise MigrationError(
            "GUEST_NOT_RUNNING",
            f"The dirty rate of {guest.name!r} cannot be measured: it is {guest.state_text()}.",
            state=_NOTHING,
            remedy="Measure it while it runs and does its usual work.",
        )
    if mode != "page-sampling":
        _refuse_mode(guest, mode)
    if _dirty_rate_stats(connection, guest).get("dirtyrate.calc_status") == _STATUS_MEASURING:
        raise _already_measuring(guest, "a measurement of it runs already")


def _refuse_mode(guest: Guest, mode: str) -> None:
    document = guest.document()
    if mode == "dirty-ring" and not document.dirty_ring:
        raise MigrationError(
            "DIRTY_RING_OFF",
            f"{guest.name!r} was started without a dirty ring.",
            state=_NOTHING,
            remedy="Use mode page-sampling, or add <dirty-ring state='on'/> to the KVM features of its definition and"
            " start it anew.",
        )
    if mode == "dirty-bitmap" and document.dirty_ring:
        raise MigrationError(
            "DIRTY_RING_ON",
            f"{guest.name!r} tracks its memory with a dirty ring, and QEMU allows no bitmap beside it.",
            state=_NOTHING,
            remedy="Use mode dirty-ring, which is also the more exact one.",
        )
    if mode == "dirty-bitmap" and document.type != "kvm":
        raise MigrationError(
            "DIRTY_BITMAP_NEEDS_KVM",
            f"{guest.name!r} is a guest of type {document.type!r}; QEMU 7.2 crashes, and the guest with it, when the"
            " dirty bitmap of a guest without KVM is measured.",
            state=_NOTHING,
            remedy="Use mode page-sampling.",
            evidence={"domain_type": document.type},
        )


def _already_measuring(guest: Guest, how: str) -> MigrationError:
    return MigrationError(
        "ALREADY_MEASURING",
        f"The dirty rate of {guest.name!r} was not measured: {how}.",
        state=_NOTHING,
        remedy="Let the other measurement end (a minute at most), then run this again.",
    )
