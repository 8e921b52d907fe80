# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A job sample from the text of ``virsh domjobinfo``, as people paste it into tickets.

Fields are found by their label wherever it stands, so a report with one field a line and one that a log folded into a
single line read the same. What is not a field (prompts, time stamps, fields of a newer libvirt) is passed over.
"""

from __future__ import annotations

import re
import typing as t
from decimal import ROUND_HALF_UP, Decimal

from .errors import MigrationError
from .job import JobSample, JobType, Operation, sample_from_stats

_MAX = 1 << 64  # libvirt counts in unsigned 64 bit; virsh may round the largest one up to this
_UNITS = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40, "PiB": 50, "EiB": 60}


class ParseError(MigrationError):
    """The text is not what virsh prints; reason ``UNPARSABLE``."""

    def __init__(self, expected: str, seen: str) -> None:
        shown = _shorten(seen)
        super().__init__(
            "UNPARSABLE",
            f"This is not readable as output of 'virsh domjobinfo': expected {expected}, but found {shown}.",
            remedy="Give the whole output of 'LC_ALL=C virsh domjobinfo GUEST', with or without --rawstats.",
            evidence={"expected": expected, "seen": shown},
        )


class _Kind(t.NamedTuple):
    """How the value of a field is written, and an example for whoever wrote it differently."""

    pattern: t.Pattern[str]
    example: str


def _kind(pattern: str, example: str) -> _Kind:
    return _Kind(re.compile(pattern + _END), example)


# A value ends at white space or a separator; a digit after the comma means "1,234", which is not virsh's writing.
_END = r"(?=$|[\s;|]|,(?![0-9]))"
_COUNT = r"(?P<number>[0-9]{1,20})"
_SIZE = r"(?P<number>[0-9]{1,20}(?:\.[0-9]{1,20})?)\s*(?P<unit>" + "|".join(_UNITS) + ")"

_count = _kind(_COUNT, "812")
_ms = _kind(_COUNT + r"\s*ms", "168286974 ms")
_pages = _kind(_COUNT + r"\s*pages/s", "17225 pages/s")
_bytes = _kind(_COUNT + r"\s*bytes", "4096 bytes")
_size = _kind(_SIZE, "34.383 MiB")
_rate = _kind(_SIZE + "/s", "29.056 MiB/s")

# Label -> (key of virDomainGetJobStats, how its value is written).
_PLAIN_FIELDS: dict[str, tuple[str, _Kind]] = {
    "Time elapsed": ("time_elapsed", _ms),
    "Memory processed": ("memory_processed", _size),
    "Memory remaining": ("memory_remaining", _size),
    "Memory total": ("memory_total", _size),
    "Memory bandwidth": ("memory_bps", _rate),
    "Dirty rate": ("memory_dirty_rate", _pages),
    "Page size": ("memory_page_size", _bytes),
    "Iteration": ("memory_iteration", _count),
    "Postcopy requests": ("memory_postcopy_requests", _count),
    "File processed": ("disk_processed", _size),
    "File remaining": ("disk_remaining", _size),
    "File total": ("disk_total", _size),
    "Expected downtime": ("downtime", _ms),
    "Total downtime": ("downtime", _ms),
    "Auto converge throttle": ("auto_converge_throttle", _count),
}
_RAW_FIELDS = {key: (key, _count) for key in ("operation", *(key for key, _unused in _PLAIN_FIELDS.values()))}

_JOB_TYPES = {kind.name.capitalize(): kind for kind in JobType}
_OPERATIONS = {"Outgoing migration": Operation.MIGRATION_OUT, "Incoming migration": Operation.MIGRATION_IN}


def _finder(labels: t.Iterable[str]) -> t.Pattern[str]:
    # White space of any kind inside a label and around its colon: mail programs break long lines anywhere.
    words = "|".join(label.replace(" ", r"\s+") for label in labels)
    return re.compile(rf"(?<![\w.-])(?P<label>{words})\s*:\s*")


_find_type = _finder(["Job type"])
_find_operation = _finder(["Operation"])
_find_plain = _finder(_PLAIN_FIELDS)
_find_raw = _finder(_RAW_FIELDS)
_job_type = re.compile(r"(?P<name>" + "|".join(_JOB_TYPES) + r")\b")
_raw_job_type = re.compile(r"(?P<number>[0-9])" + _END)


def parse_domjobinfo(text: str) -> JobSample:
    """A sample from plain or ``--rawstats`` output; of several reports in one text, the last. Raises ParseError."""
    report = _last_report(text)
    # Plain and raw output name their fields differently; the value of the first, a word or a digit, tells which it is.
    raw = _raw_job_type.match(report)
    if raw:
        kind = int(raw.group("number"))
        if kind > max(JobType):
            raise ParseError(f"a job type from 0 to {max(JobType):d}", report)
        stats = _fields(report, _find_raw, _RAW_FIELDS)
    else:
        named = _job_type.match(report)
        if not named:
            raise ParseError("'Job type:' with one of " + ", ".join(_JOB_TYPES), report)
        kind = _JOB_TYPES[named.group("name")]
        stats = _fields(report, _find_plain, _PLAIN_FIELDS)
        stats["operation"] = _operation(report)
    return sample_from_stats({**stats, "type": int(kind)})


def _last_report(text: str) -> str:
    """The text after the last ``Job type:``, which every report begins with."""
    starts = list(_find_type.finditer(text))
    if not starts:
        raise ParseError("a line 'Job type: ...'", text)
    return text[starts[-1].end() :]


def _operation(report: str) -> int:
    found = _find_operation.search(report)
    if not found:
        return 0
    words = " ".join(report[found.end() : found.end() + 40].split())
    return next((int(code) for name, code in _OPERATIONS.items() if words.startswith(name)), 0)


def _fields(report: str, finder: t.Pattern[str], known: t.Mapping[str, tuple[str, _Kind]]) -> dict[str, int]:
    stats: dict[str, int] = {}
    for found in finder.finditer(report):
        label = " ".join(found.group("label").split())
        key, kind = known[label]
        value = _number(label, kind, report, found)
        if stats.setdefault(key, value) != value:
            raise ParseError(f"'{label}' once in a report", report[found.start() :])
    return stats


def _number(label: str, kind: _Kind, report: str, field: t.Match[str]) -> int:
    """The value of one field, in the unit of virDomainGetJobStats."""
    found = kind.pattern.match(report, field.end())
    if not found:
        raise ParseError(f"a value such as '{label}: {kind.example}'", report[field.start() :])
    groups = found.groupdict()
    scaled = Decimal(groups["number"]) * (1 << _UNITS[groups.get("unit") or "B"])
    if scaled > _MAX:
        raise ParseError(f"a value below 2^64 for '{label}'", report[field.start() :])
    return int(scaled.to_integral_value(ROUND_HALF_UP))


def _shorten(seen: str, width: int = 60) -> str:
    """The first line with something in it, quoted, and free of anything that would upset a terminal."""
    line = next((line.strip() for line in seen.splitlines() if line.strip()), "")
    if not line:
        return "nothing"
    clean = "".join(char if char.isprintable() else "?" for char in line[: width + 1])
    return "'" + (clean if len(clean) <= width else clean[: width - 3] + "...") + "'"
