# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look at a migration job says, and the document the collection gives it out as.

libvirt's statistics come as a flat mapping with the keys of ``virDomainGetJobStats`` (``virsh domjobinfo --rawstats``
prints the same ones), so a live job and a pasted text become a :class:`JobSample` by the same function.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t
from dataclasses import dataclass, field, replace

from ..errors import MigrationError
from .domain_state import DomainState

Stats = t.Mapping[str, t.Any]

_SYNCS_PER_S = 4  # on average; more than that are within passes. A choice
_FIRST_PASS_SHARE = 0.9  # of all pages; a choice, as some of them may never be sent


class Phase(str, enum.Enum):
    """Where a migration is; libvirt has no such field, see :func:`phase_of`."""

    NONE = "none"
    SETUP = "setup"
    PRECOPY = "precopy"
    SWITCHOVER = "switchover"
    POSTCOPY = "postcopy"
    POSTCOPY_FAILED = "postcopy_failed"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def running(self) -> bool:
        return self in _RUNNING

    @property
    def in_postcopy(self) -> bool:
        """Each host holds a part of the guest, whether that goes on or has broken."""
        return self in _IN_POSTCOPY


_IN_POSTCOPY = (Phase.POSTCOPY, Phase.POSTCOPY_FAILED)
_RUNNING = (Phase.SETUP, Phase.PRECOPY, Phase.SWITCHOVER, *_IN_POSTCOPY)


class JobType(enum.IntEnum):
    """virDomainJobType."""

    NONE = 0
    BOUNDED = 1
    UNBOUNDED = 2
    COMPLETED = 3
    FAILED = 4
    CANCELLED = 5


class Operation(enum.IntEnum):
    """virDomainJobOperation, as far as migrations go."""

    MIGRATION_IN = 4
    MIGRATION_OUT = 5


OPERATION_NAMES: t.Mapping[int, str] = {Operation.MIGRATION_OUT: "outgoing", Operation.MIGRATION_IN: "incoming"}


@dataclass(frozen=True)
class Progress:
    """Bytes of one kind of data: all there is, sent so far (resent pages counted again), and left."""

    total_bytes: int = 0
    processed_bytes: int = 0
    remaining_bytes: int = 0

    def document(self) -> dict[str, t.Any]:
        return {
            "total_bytes": self.total_bytes,
            "processed_bytes": self.processed_bytes,
            "remaining_bytes": self.remaining_bytes,
        }


@dataclass(frozen=True)
class Limits:
    """The limits that QEMU keeps to. None: not known. Of a bandwidth 0 is no limit."""

    max_downtime_ms: t.Optional[int] = None
    bandwidth_mib_per_s: t.Optional[int] = None
    postcopy_bandwidth_mib_per_s: t.Optional[int] = None

    def document(self) -> dict[str, t.Any]:
        return {
            "max_downtime_ms": self.max_downtime_ms,
            "bandwidth_mib_per_s": self.bandwidth_mib_per_s,
            "postcopy_bandwidth_mib_per_s": self.postcopy_bandwidth_mib_per_s,
        }


@dataclass(frozen=True)
class XbzrleCounters:
    """QEMU's counters since the start of a job (``migration/ram.c``, ``save_xbzrle_page``).

    ``pages``: found in the cache, whatever became of them; before QEMU 5.1 only those that were encoded. Of them
    ``overflows`` were longer encoded than as they are, and went whole. ``encoded_bytes``: what the found ones took,
    since 5.1 with those that went whole. ``cache_misses``: not found in the cache, so they went whole, too.
    """

    cache_bytes: int = 0
    encoded_bytes: int = 0
    pages: int = 0
    cache_misses: int = 0
    overflows: int = 0

    def document(self) -> dict[str, t.Any]:
        return {
            "cache_bytes": self.cache_bytes,
            "encoded_bytes": self.encoded_bytes,
            "pages": self.pages,
            "cache_misses": self.cache_misses,
            "overflows": self.overflows,
        }

    def since(self, before: XbzrleCounters) -> XbzrleCounters:
        return XbzrleCounters(
            self.cache_bytes,
            max(0, self.encoded_bytes - before.encoded_bytes),
            max(0, self.pages - before.pages),
            max(0, self.cache_misses - before.cache_misses),
            max(0, self.overflows - before.overflows),
        )


@dataclass(frozen=True)
class JobSample:
    """One look at one job. ``at_s`` is the observer's own monotonic clock.

    ``normal_pages``: pages sent that were neither zero nor encoded by xbzrle (None: not told). ``xbzrle``: None for a
    job without it.
    """

    phase: Phase
    operation: str
    elapsed_ms: int = 0
    pass_number: t.Optional[int] = None
    memory: Progress = field(default_factory=Progress)
    disk: Progress = field(default_factory=Progress)
    bandwidth_bytes_per_s: int = 0
    dirty_pages_per_s: int = 0
    page_size_bytes: int = 4096
    expected_downtime_ms: t.Optional[int] = None
    downtime_ms: t.Optional[int] = None
    throttle_percent: int = 0
    postcopy_requests: int = 0
    limits: Limits = field(default_factory=Limits)
    name: str = ""
    uuid: str = ""
    at_s: float = 0.0
    normal_pages: t.Optional[int] = None
    xbzrle: t.Optional[XbzrleCounters] = None

    @property
    def dirty_bytes_per_s(self) -> int:
        return self.dirty_pages_per_s * self.page_size_bytes

    def document(self, diagnosis: t.Optional[t.Mapping[str, t.Any]] = None) -> dict[str, t.Any]:
        """The job document of the collection; the downtime key tells an expectation from a measurement."""
        downtime = (
            {"downtime_ms": self.downtime_ms}
            if self.phase is Phase.COMPLETED
            else {"expected_downtime_ms": self.expected_downtime_ms}
        )
        return {
            "name": self.name,
            "uuid": self.uuid,
            "phase": self.phase.value,
            "operation": self.operation,
            "elapsed_ms": self.elapsed_ms,
            "pass": self.pass_number,
            "memory": {
                **self.memory.document(),
                "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s,
                "dirty_pages_per_s": self.dirty_pages_per_s,
                "page_size_bytes": self.page_size_bytes,
                "dirty_bytes_per_s": self.dirty_bytes_per_s,
                "normal_pages": self.normal_pages,
            },
            "disk": self.disk.document(),
            **downtime,
            "limits": self.limits.document(),
            "throttle_percent": self.throttle_percent,
            "postcopy_requests": self.postcopy_requests,
            "xbzrle": self.xbzrle.document() if self.xbzrle else None,
            "diagnosis": dict(diagnosis or {}),
        }

    def named(self, name: str, uuid: str) -> JobSample:
        return replace(self, name=name, uuid=uuid)


def phase_of(stats: Stats, state: t.Optional[DomainState] = None) -> Phase:
    """The phase, from the statistics and the domain's state (unknown when only a text is at hand)."""
    kind = int(stats.get("type", JobType.NONE))
    ended = {
        JobType.NONE: Phase.NONE,
        JobType.COMPLETED: Phase.COMPLETED,
        JobType.FAILED: Phase.FAILED,
        JobType.CANCELLED: Phase.CANCELLED,
    }
    if kind in ended:
        return ended[JobType(kind)]
    if state is not None and state.postcopy_failed:
        return Phase.POSTCOPY_FAILED
    if (state is not None and state.in_postcopy) or int(stats.get("memory_postcopy_requests", 0)) > 0:
        return Phase.POSTCOPY
    started = int(stats.get("memory_total", 0)) > 0 or int(stats.get("disk_total", 0)) > 0
    if not started:
        return Phase.SETUP
    if state is not None and state.paused_for_migration:
        return Phase.SWITCHOVER
    return Phase.PRECOPY


def sample_from_stats(
    stats: Stats,
    *,
    state: t.Optional[DomainState] = None,
    limits: t.Optional[Limits] = None,
    name: str = "",
    uuid: str = "",
    at_s: float = 0.0,
) -> JobSample:
    """A sample from the keys and units of ``virDomainGetJobStats`` (bytes, bytes/s, ms, pages)."""

    def number(key: str, default: int = 0) -> int:
        return int(stats.get(key, default))

    def maybe(key: str) -> t.Optional[int]:
        return int(stats[key]) if key in stats else None

    phase = phase_of(stats, state)
    downtime_ms = maybe("downtime")
    # Before libvirt 3.3 there was no such field, and the jobs that have statistics were migrations that leave.
    operation = number("operation", Operation.MIGRATION_OUT)
    return JobSample(
        phase=phase,
        operation=OPERATION_NAMES.get(operation, "other"),
        elapsed_ms=number("time_elapsed"),
        pass_number=_pass_number(stats),
        memory=Progress(number("memory_total"), number("memory_processed"), number("memory_remaining")),
        disk=Progress(number("disk_total"), number("disk_processed"), number("disk_remaining")),
        bandwidth_bytes_per_s=number("memory_bps"),
        dirty_pages_per_s=number("memory_dirty_rate"),
        page_size_bytes=number("memory_page_size", 4096),
        expected_downtime_ms=None if phase is Phase.COMPLETED else downtime_ms,
        downtime_ms=downtime_ms if phase is Phase.COMPLETED else None,
        throttle_percent=number("auto_converge_throttle"),
        postcopy_requests=number("memory_postcopy_requests"),
        limits=limits or Limits(),
        name=name,
        uuid=uuid,
        at_s=at_s,
        normal_pages=maybe("memory_normal"),
        xbzrle=_xbzrle_from_stats(stats),
    )


def _pass_number(stats: Stats) -> t.Optional[int]:
    """libvirt's count of bitmap syncs, which begin passes; None where it tells none.

    QEMU 11.1 syncs about ten times a second, within passes, too (seen on the lab; 10.0 does not). The first pass is the
    one in which each page is sent once, so there it lasts until about all pages have been.
    """
    if "memory_iteration" not in stats:
        return None
    syncs = int(stats["memory_iteration"])
    sending_ms = int(stats.get("time_elapsed", 0)) - int(stats.get("setup_time", 0))
    if syncs < 2 or "memory_normal" not in stats or syncs * 1000 <= _SYNCS_PER_S * sending_ms:
        return syncs
    pages = int(stats["memory_normal"]) + int(stats.get("memory_constant", 0))
    whole = int(stats.get("memory_total", 0)) / int(stats.get("memory_page_size", 4096))
    return 1 if pages < _FIRST_PASS_SHARE * whole else syncs


def _xbzrle_from_stats(stats: Stats) -> t.Optional[XbzrleCounters]:
    """libvirt gives all five of a job with xbzrle and none of another one; a text may have lost some."""
    if "compression_cache" not in stats:
        return None
    names = ("cache", "bytes", "pages", "cache_misses", "overflow")
    return XbzrleCounters(*(int(stats.get(f"compression_{name}", 0)) for name in names))


def sample_from_document(document: t.Mapping[str, t.Any]) -> JobSample:
    """The way back from :meth:`JobSample.document`; raises KeyError, TypeError or ValueError on another shape."""
    memory, disk, limits = document["memory"], document["disk"], document.get("limits") or {}
    xbzrle = document.get("xbzrle")

    def progress(part: t.Mapping[str, t.Any]) -> Progress:
        return Progress(int(part["total_bytes"]), int(part["processed_bytes"]), int(part["remaining_bytes"]))

    def maybe(value: t.Any) -> t.Optional[int]:
        return None if value is None else int(value)

    return JobSample(
        phase=Phase(str(document["phase"])),
        operation=str(document["operation"]),
        elapsed_ms=int(document["elapsed_ms"]),
        pass_number=maybe(document.get("pass")),
        memory=progress(memory),
        disk=progress(disk),
        bandwidth_bytes_per_s=int(memory["bandwidth_bytes_per_s"]),
        dirty_pages_per_s=int(memory["dirty_pages_per_s"]),
        page_size_bytes=int(memory["page_size_bytes"]),
        expected_downtime_ms=maybe(document.get("expected_downtime_ms")),
        downtime_ms=maybe(document.get("downtime_ms")),
        throttle_percent=int(document.get("throttle_percent") or 0),
        postcopy_requests=int(document.get("postcopy_requests") or 0),
        limits=Limits(
            maybe(limits.get("max_downtime_ms")),
            maybe(limits.get("bandwidth_mib_per_s")),
            maybe(limits.get("postcopy_bandwidth_mib_per_s")),
        ),
        name=str(document.get("name") or ""),
        uuid=str(document.get("uuid") or ""),
        normal_pages=maybe(memory.get("normal_pages")),
        xbzrle=None if xbzrle is None else XbzrleCounters(*(int(xbzrle[key]) for key in XbzrleCounters().document())),
    )


NOT_A_JOB_REMEDY = "Use an element of what migration_job_info returns as jobs, or the result of parse_domjobinfo."
_MOST = 2**200  # libvirt counts with 64 bits; beyond this a sum or a quotient may fail


def read_job(document: t.Any) -> JobSample:
    """The sample of a job document; raises MigrationError NOT_A_JOB for anything else."""
    if not isinstance(document, t.Mapping):
        raise _not_a_job(f"a {type(document).__name__}")
    try:
        sample = sample_from_document(document)
    except KeyError as exc:
        raise _not_a_job(f"a dictionary without the key {exc.args[0]!r}") from exc
    except (AttributeError, TypeError, ValueError, OverflowError) as exc:
        raise _not_a_job(f"a dictionary with a value that does not fit ({exc!s:.200})") from exc
    _check_numbers(sample)
    return sample


def _check_numbers(part: t.Any) -> None:
    """Each count fits what is reckoned with it. A rate, a size or a time is never below 0."""
    for name, value in vars(part).items():
        if dataclasses.is_dataclass(value):
            _check_numbers(value)
        elif isinstance(value, (int, float)) and not 0 <= value < _MOST:
            raise _not_a_job(f"a dictionary with a value that does not fit ({name} is not from 0 to 200 bits)")


def _not_a_job(what: str) -> MigrationError:
    return MigrationError(
        "NOT_A_JOB",
        f"Expected a job document, but got {what}.",
        remedy=NOT_A_JOB_REMEDY,
    )
