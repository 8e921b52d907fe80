# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of one migration as people write them down, and what is forecast of it in the same words.

Columns: ``ram_mib``, ``touched_mib``, ``working_set_mib``, ``dirty_rate_mib_s``, ``bandwidth_mib_s``,
``downtime_limit_ms``, ``mode``, ``stack``; none is needed but a bandwidth. Numbers may be texts, and such as a page has
them: "about 7500", "105-112" (their middle), "430 (243-587)" (the first). What the last two columns say in words counts
where it is not given by itself in ``link_mib_s``, ``connections``, ``compression``, ``compression_ratio``,
``host_devices``, ``auto_converge`` or ``postcopy_at_s``. A ``note`` which says that the working set is what was left at
boundaries makes it ``left_mib``: what passes leave once they get it down no more.
"""

from __future__ import annotations

import re
import typing as t

from ..errors import MigrationError
from ..units import MIB, human_bytes, human_ms
from .link_bandwidth import carried_bytes_per_s
from .transfer_costs import COMPRESSORS, ONE_CONNECTION_BYTES_PER_S
from .unattended import BY_POSTCOPY, NEVER, NOT_KNOWN, UnattendedCourse, UnattendedJob, unattended

_QEMU_DOWNTIME_LIMIT_MS = 300.0
_MOST = 1e12
_NUMBER = re.compile(r"(?:(?<=\s)|(?<=\A))-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")
_RANGE = re.compile(r"\s*(?:about\s+)?(\d+(?:\.\d+)?)\s*(?:-|\u2013|to)\s*(\d+(?:\.\d+)?)\s*\Z")
_LINK = re.compile(r"(\d+(?:\.\d+)?)\s*(?:GbE|Gbit/s|Gb/s|Gbps)", re.IGNORECASE)
_SAME_HOST = re.compile(r"loopback|same host|localhost", re.IGNORECASE)
_OWN_LIMIT = re.compile(r"default (?:\w+ )?(?:limit|max-bandwidth)", re.IGNORECASE)
_POSTCOPY = re.compile(r"post-?copy(?:\s+(?:at|after)\s+(\d+(?:\.\d+)?)\s*s)?", re.IGNORECASE)
_AUTO_CONVERGE = re.compile(r"auto-?converge", re.IGNORECASE)
_CONNECTIONS = re.compile(r"multifd\D{0,12}(\d+)|(\d+)\s+(?:multifd\s+)?(?:channels|connections)", re.IGNORECASE)
_DEVICES = re.compile(r"(\d+)\s+(?:VFs?|host devices?)\b", re.IGNORECASE)
_STANDS_STILL = re.compile(r"stopped|paused|suspended|shut off", re.IGNORECASE)
_LEFT = re.compile(r"left at (?:the )?boundaries", re.IGNORECASE)
_QUIET = re.compile(r"\bidle\b|\bended\b|no (?:load|workload|writing)", re.IGNORECASE)


def number_of(value: t.Any, name: str) -> t.Optional[float]:
    """None for nothing, and for a text without a number in it. Raises BAD_OPTION for one below 0, or beyond reason."""
    if value is None or isinstance(value, bool):
        return None
    found = value if isinstance(value, (int, float)) else _in_text(str(value).replace(",", ""))
    if found is not None and not 0 <= found < _MOST:
        raise MigrationError("BAD_OPTION", f"{name} is {value!r:.80}, but must be a number from 0 up.")
    return None if found is None else float(found)


def _in_text(text: str) -> t.Optional[float]:
    ends, first = _RANGE.match(text), _NUMBER.search(text)
    if ends:
        return (float(ends.group(1)) + float(ends.group(2))) / 2
    return float(first.group()) if first else None


class PublishedFacts(t.NamedTuple):
    """``assumed``: what is not said, and was taken to be so."""

    job: UnattendedJob
    assumed: list[str]


def facts_of(row: t.Mapping[str, t.Any]) -> PublishedFacts:
    """Raises BAD_OPTION for what is no number, and where no bandwidth is said."""
    assumed: list[str] = []
    mode = str(row.get("mode") or "")
    memory, touched = _memory(row, assumed)
    bandwidth, link = _bandwidths(row, assumed)
    limit_ms = number_of(row.get("downtime_limit_ms"), "downtime_limit_ms")
    if limit_ms is None:
        limit_ms = _QEMU_DOWNTIME_LIMIT_MS
        assumed.append(f"downtime_limit_ms: {limit_ms:.0f}, which is QEMU's own")
    rate, working_set, left = _writing(row, mode, assumed)
    compression, ratio = _compression(row, mode, assumed)
    job = UnattendedJob(
        memory_bytes=memory,
        touched_bytes=touched,
        bandwidth_bytes_per_s=bandwidth,
        link_bytes_per_s=link,
        dirty_bytes_per_s=rate,
        working_set_bytes=working_set,
        left_bytes=left,
        downtime_limit_ms=limit_ms,
        auto_converge=_flag(row.get("auto_converge"), bool(_AUTO_CONVERGE.search(mode))),
        postcopy_at_s=_postcopy_at_s(row, mode),
        connections=int(_count(row, "connections", _CONNECTIONS, mode) or 1),
        compression=compression,
        compression_ratio=ratio,
        host_devices=int(_count(row, "host_devices", _DEVICES, mode) or 0),
    )
    return PublishedFacts(job, assumed)


def course_document(row: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The forecast, in the columns of a published migration; None for what cannot be told."""
    facts = facts_of(row)
    course = unattended(facts.job)
    return {
        "outcome": course.outcome,
        "finishes": None if course.outcome == NOT_KNOWN else course.outcome != NEVER,
        "total_s": _rounded(course.total_s, 2),
        "data_mib": _in_mib(course.sent_bytes),
        "downtime_ms": _rounded(course.downtime_ms, 0),
        "passes": course.passes,
        "throttle_percent": course.throttle_percent,
        "postcopy_s": _rounded(course.postcopy_s, 2),
        "floor_mib": _in_mib(course.floor_bytes),
        "assumed": facts.assumed,
        "summary": _summary(course, facts.job),
    }


def _summary(course: UnattendedCourse, job: UnattendedJob) -> str:
    if course.outcome == NEVER:
        need_ms = (course.floor_bytes or 0) / job.bandwidth_bytes_per_s * 1000
        return (
            f"It does not finish by itself: passes leave {human_bytes(course.floor_bytes or 0)}, for which"
            f" {human_ms(need_ms)} of downtime would have to be allowed instead of {human_ms(job.downtime_limit_ms)}."
        )
    if course.total_s is None or course.sent_bytes is None:
        return "How long it takes cannot be told without the memory of the guest."
    how = {NOT_KNOWN: "If the guest writes next to nothing it takes", BY_POSTCOPY: "It finishes by post-copy:"}
    throttled = f" with the guest slowed down by {course.throttle_percent} %" if course.throttle_percent else ""
    return (
        f"{how.get(course.outcome, 'It finishes' + throttled + ':')} {human_ms(course.total_s * 1000)},"
        f" {human_bytes(course.sent_bytes)} sent, {human_ms(course.downtime_ms or 0)} of downtime."
    )


def _memory(row: t.Mapping[str, t.Any], assumed: list[str]) -> tuple[float, t.Optional[float]]:
    """All that the guest has (0: not known) and what of it is in use, in bytes."""
    memory, touched = _mib(row, "ram_mib"), _mib(row, "touched_mib")
    if memory is None and touched is not None:
        memory = touched
        assumed.append("ram_mib: no more than touched_mib")
    if memory is not None and touched is None:
        assumed.append("touched_mib: all of ram_mib")
    return memory or 0.0, touched


def _bandwidths(row: t.Mapping[str, t.Any], assumed: list[str]) -> tuple[float, float]:
    """What passes get and what the link carries (0: not known), in bytes/s."""
    bandwidth, link = _mib(row, "bandwidth_mib_s"), _mib(row, "link_mib_s")
    link = _link_of(str(row.get("stack") or "")) if link is None else link
    if bandwidth is None and link:
        bandwidth = link
        assumed.append("bandwidth_mib_s: what the link carries")
    if not bandwidth:
        raise MigrationError(
            "BAD_OPTION",
            "bandwidth_mib_s is not said, but must be a number above 0.",
            remedy="Say what gets through in MiB/s, or the link in stack; one of 10 GbE carries about 1100.",
        )
    return bandwidth, link or 0.0


def _compression(row: t.Mapping[str, t.Any], mode: str, assumed: list[str]) -> tuple[str, float]:
    """How, and memory for a byte on the wire (0: as usual)."""
    said = next((name for name in COMPRESSORS if name in mode.lower()), "none")
    compression = str(row.get("compression") or said)
    if compression not in ("none", *COMPRESSORS):
        raise MigrationError(
            "BAD_OPTION", f"compression is {compression!r:.80}, but must be one of none, {', '.join(COMPRESSORS)}."
        )
    ratio = number_of(row.get("compression_ratio"), "compression_ratio") or 0.0
    if compression != "none" and not ratio:
        assumed.append(f"compression_ratio: {COMPRESSORS[compression].ratio:g}, as of a mixed corpus")
    return compression, ratio


def _mib(row: t.Mapping[str, t.Any], name: str) -> t.Optional[float]:
    found = number_of(row.get(name), name)
    return None if found is None else found * MIB


def _rounded(value: t.Optional[float], digits: int) -> t.Optional[float]:
    return None if value is None else round(value, digits)


def _in_mib(value: t.Optional[float]) -> t.Optional[float]:
    return None if value is None else round(value / MIB, 1)


def _link_of(stack: str) -> t.Optional[float]:
    """Bytes/s; that of one connection where QEMU's own limit is the only one that is said."""
    speed = _LINK.search(stack)
    if _SAME_HOST.search(stack):
        return ONE_CONNECTION_BYTES_PER_S
    if speed:
        return float(carried_bytes_per_s(int(float(speed.group(1)) * 1000)))
    return ONE_CONNECTION_BYTES_PER_S if _OWN_LIMIT.search(stack) else None


def _writing(
    row: t.Mapping[str, t.Any], mode: str, assumed: list[str]
) -> tuple[t.Optional[float], t.Optional[float], t.Optional[float]]:
    """Dirty rate, working set and what passes leave, in bytes/s and bytes; None for what is not known."""
    if _STANDS_STILL.search(mode):
        return 0.0, 0.0, None
    rate, working_set, left = (_mib(row, name) for name in ("dirty_rate_mib_s", "working_set_mib", "left_mib"))
    if left is None and _LEFT.search(str(row.get("note") or "")):
        # Of a migration that had no third pass nothing is known of this kind.
        working_set, left = None, working_set or None
    if rate is None and (_QUIET.search(mode) or working_set == 0):
        assumed.append("dirty_rate_mib_s: 0, as it is idle")
        rate = 0.0
    return rate, working_set, left


def _postcopy_at_s(row: t.Mapping[str, t.Any], mode: str) -> t.Optional[float]:
    given = number_of(row.get("postcopy_at_s"), "postcopy_at_s")
    said = _POSTCOPY.search(mode)
    if given is not None or said is None:
        return given
    return float(said.group(1) or 0.0)


def _count(row: t.Mapping[str, t.Any], name: str, words: re.Pattern[str], mode: str) -> t.Optional[float]:
    given = number_of(row.get(name), name)
    said = words.search(mode)
    if given is not None or said is None:
        return given
    return float(next(group for group in said.groups() if group))


def _flag(given: t.Any, said: bool) -> bool:
    return said if given in (None, "") else str(given).strip().lower() in ("true", "yes", "1", "on")
