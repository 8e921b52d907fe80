# SPDX-License-Identifier: GPL-3.0-or-later
"""A job sample from the text of ``virsh domjobinfo``, as people paste it into tickets.

Fields are found by their label wherever it stands, so a report with one field a line, one that a log folded into a
single line and one that a mail program wrapped and quoted read the same. What is not a field (prompts, time stamps,
fields of a newer libvirt) is passed over.

What is read is whole: a field that virsh always prints beside others and that is missing, a label in another language
and half a label are refused, because a field that is not found would count as zero.
"""

from __future__ import annotations

import re
import typing as t
from decimal import ROUND_HALF_UP, Decimal

from ..errors import MigrationError
from .sample import JobSample, JobType, Operation, sample_from_stats

_MAX = 1 << 64  # libvirt counts in unsigned 64 bit; virsh may round the largest one up to this
_UNITS = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40, "PiB": 50, "EiB": 60}


class ParseError(MigrationError):
    """The text is not what virsh prints; reason ``UNPARSABLE``."""

    def __init__(self, expected: str, seen: str) -> None:
        shown = _shorten(seen)
        super().__init__(
            "UNPARSABLE",
            f"This is not readable as output of 'virsh domjobinfo': expected {expected}, but found {shown}.",
            remedy="Give the whole output of 'LC_ALL=C virsh domjobinfo GUEST', with or without --rawstats; with it"
            " fields of a later libvirt do not matter.",
            evidence={"expected": expected, "seen": shown},
        )


class _Kind(t.NamedTuple):
    """How the value of a field is written, and an example for whoever wrote it differently."""

    pattern: t.Pattern[str]
    example: str


def _kind(pattern: str, example: str) -> _Kind:
    return _Kind(re.compile(pattern + _END), example)


# A value ends at white space or a separator; a digit after the comma means "1,234", which is not virsh's writing.
# A space is none either when digits follow on the same line: "1 234".
_END = r"(?=$|[\s;|]|,(?![0-9]))(?![^\S\n]+[0-9])"
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
    "Data processed": ("data_processed", _size),
    "Data remaining": ("data_remaining", _size),
    "Data total": ("data_total", _size),
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
    "Normal pages": ("memory_normal", _count),
    "Compression cache": ("compression_cache", _size),
    "Compressed data": ("compression_bytes", _size),
    "Compressed pages": ("compression_pages", _count),
    "Compression cache misses": ("compression_cache_misses", _count),
    "Compression overflows": ("compression_overflow", _count),
}
_RAW_FIELDS = {
    key: (key, _count)
    for key in ("operation", *(key for key, _unused in _PLAIN_FIELDS.values()))
    if not key.startswith("data_")  # the sum of memory and disks; as text it shows which labels are in English
}
# What virsh prints beside these, and is of no use here.
_OTHER_LABELS = (
    "Time elapsed w/o network",
    "Time remaining",
    "File bandwidth",
    "Constant pages",
    "Normal data",
    "Downtime w/o network",
    "Setup time",
    "Temporary disk space use",
    "Temporary disk space total",
    "Error message",
)
# How a label ends whose beginning was lost, in lower case: "remaining", "w/o network", but not "iteration".
_ENDS_OF_LABELS = {
    " ".join(words[cut:]).lower()
    for words in (label.split() for label in (*_PLAIN_FIELDS, *_OTHER_LABELS))
    for cut in range(1, len(words))
}

# Of each of these libvirt gives all or none; of a job that runs or is complete it always gives the time.
_TOGETHER = tuple(
    tuple(f"{what}_{part}" for part in ("processed", "remaining", "total")) for what in ("memory", "disk")
)
# libvirt gives these (since 1.3.1) together with the dirty rate, which without them may be missing.
_BESIDE_DIRTY_RATE = ("memory_iteration", "memory_page_size", "memory_postcopy_requests")
_MAX_PAGE_BYTES = 1 << 30  # beyond that it is no size of a page; a choice
_UNITS_OF_ONE_FIELD = ("bytes", "pages/s")
_MAX_UNKNOWN = 1  # field of a newer libvirt: from 3.3 to 11.3 none came to what virsh tells of a migration

_JOB_TYPES = {kind.name.capitalize(): kind for kind in JobType}
# virsh says 'Unknown' when the daemon is older than 3.3 and does not tell: see sample_from_stats.
_OPERATIONS = {
    "Unknown": int(Operation.MIGRATION_OUT),
    "Outgoing migration": int(Operation.MIGRATION_OUT),
    "Incoming migration": int(Operation.MIGRATION_IN),
    **dict.fromkeys(("Start", "Save", "Restore", "Snapshot", "Dump", "Backup"), 0),
}


def _finder(labels: t.Iterable[str]) -> t.Pattern[str]:
    # White space of any kind inside a label and around its colon: mail programs break long lines anywhere.
    words = "|".join(label.replace(" ", r"\s+") for label in labels)
    return re.compile(rf"(?<![\w.-])(?P<label>{words})\s*:\s*")


# What mail programs and comments put before each line.
_quote = re.compile(r"^[ \t]*(?:[>|#*][>|#*\t ]*)+", re.MULTILINE)
# The value of a field of any kind, of which only the shape is known.
_figure = re.compile(r"\s*[0-9][0-9.,]{0,40}\s*\S{0,10}\s*")
_value = re.compile(r"\A\s*[0-9][0-9.,]*(?:\s*(?:ms|bytes|pages/s|(?:" + "|".join(_UNITS) + r")(?:/s)?))?(?!\w)")
_words = re.compile(r"\w+(?:/\w+)*")

_find_type = _finder(["Job type"])
_find_operation = _finder(["Operation"])
_find_plain = _finder(_PLAIN_FIELDS)
_find_raw = _finder(_RAW_FIELDS)
_find_any = _finder((*_PLAIN_FIELDS, *_OTHER_LABELS))
_job_type = re.compile(r"(?P<name>" + "|".join(_JOB_TYPES) + r")\b")
_raw_job_type = re.compile(r"(?P<number>[0-9])" + _END)


def parse_domjobinfo(text: str) -> JobSample:
    """A sample from plain or ``--rawstats`` output; of several reports in one text, the last. Raises ParseError."""
    report = _last_report(_quote.sub("", text))
    # Plain and raw output name their fields differently; the value of the first, a word or a digit, tells which it is.
    raw = _raw_job_type.match(report)
    if raw:
        kind = int(raw.group("number"))
        if kind > max(JobType):
            raise ParseError(f"a job type from 0 to {max(JobType):d}", report)
        stats = _fields(report, _find_raw, _RAW_FIELDS)
        labels = {key: key for key in _RAW_FIELDS}
    else:
        named = _job_type.match(report)
        if not named:
            raise ParseError("'Job type:' with one of " + ", ".join(_JOB_TYPES), report)
        kind = int(_JOB_TYPES[named.group("name")])
        stats = _fields(report, _find_plain, _PLAIN_FIELDS)
        stats["operation"] = _operation(report, named.end())
        labels = {key: label for label, (key, _unused) in _PLAIN_FIELDS.items()}
    _refuse_what_is_missing(report, kind, stats, labels)
    _refuse_what_cannot_be(report, stats, labels)
    if not raw:
        _refuse_what_is_left(report, stats)
    return sample_from_stats({**stats, "type": kind})


def _last_report(text: str) -> str:
    """The text after the last ``Job type:``, which every report begins with."""
    starts = list(_find_type.finditer(text))
    if not starts:
        raise ParseError("a line 'Job type: ...'", text)
    return text[starts[-1].end() :]


def _operation(report: str, after: int) -> int:
    """The operation (virDomainJobOperation; 0: no migration). A libvirt before 3.3 has none: then it is outgoing."""
    found = _find_operation.search(report)
    if found:
        words = " ".join(report[found.end() : found.end() + 40].split())
        for name, code in _OPERATIONS.items():
            if words.startswith(name):
                return code
        raise ParseError("'Operation:' with one of " + ", ".join(_OPERATIONS), report[found.start() :])
    known = _find_plain.search(report, after)
    between = report[after : known.start()] if known else report[after:]
    # What stands before a label on its own line may be a time stamp; whole lines, or labels in one line, are fields.
    lines = between.split("\n")
    unknown = next((line for line in lines[1:-1] if ":" in line), lines[0] if len(lines) == 1 and known else "")
    if ":" in unknown:
        raise ParseError("'Operation: ...' in English, or 'Time elapsed: ...'", unknown)
    return int(Operation.MIGRATION_OUT)


def _refuse_what_is_missing(report: str, kind: int, stats: t.Mapping[str, int], labels: t.Mapping[str, str]) -> None:
    def needs(key: str, reason: str) -> None:
        if key not in stats:
            raise ParseError(f"'{labels[key]}: ...', which {reason}", report)

    if kind in (JobType.BOUNDED, JobType.UNBOUNDED, JobType.COMPLETED):
        needs("time_elapsed", "every job has")
    for group in _TOGETHER:
        given = next((key for key in group if key in stats), None)
        for key in group if given else ():
            needs(key, f"'{labels[given or key]}' never comes without")
    data = next((key for key in stats if key.startswith("data_")), None)
    if data and "disk_total" not in stats:
        needs("memory_total", f"'{labels[data]}' never comes without")
    beside = next((key for key in _BESIDE_DIRTY_RATE if key in stats), None)
    if beside:
        needs("memory_dirty_rate", f"'{labels[beside]}' never comes without")
        needs("memory_total", f"'{labels[beside]}' never comes without")


def _refuse_what_cannot_be(report: str, stats: t.Mapping[str, int], labels: t.Mapping[str, str]) -> None:
    page = stats.get("memory_page_size", 4096)
    if not 0 < page <= _MAX_PAGE_BYTES or page & (page - 1):
        raise ParseError(f"a power of two up to 1 GiB for '{labels['memory_page_size']}'", report)
    if stats.get("auto_converge_throttle", 0) > 100:
        raise ParseError(f"a percentage for '{labels['auto_converge_throttle']}'", report)


def _refuse_what_is_left(report: str, stats: t.Mapping[str, int]) -> None:
    """Refuse what looks like a field and is none: a label in another language, or the end of one that was torn apart.

    Fields of a libvirt newer than this are passed over. But such a libvirt tells of memory with the number of the pass,
    or of disks; where it does not, the labels that are not known are these ones in another language.
    """
    starts = list(_find_any.finditer(report))
    ends = [found.start() for found in starts[1:]] + [len(report)]
    rest = [report[: starts[0].start()] if starts else report]
    rest += [_value.sub("", report[found.end() : end], count=1) for found, end in zip(starts, ends)]
    whole = "memory_iteration" in stats or ("disk_total" in stats and "memory_total" not in stats)
    unknown = 0
    for line in "\n".join(rest).splitlines():
        label, colon, value = line.rpartition(":")
        label = " ".join(_words.findall(label.rpartition(":")[2]))
        if not colon or not any(map(str.isalpha, label)) or not _figure.fullmatch(value):
            continue
        unknown += 1
        unit = value.rstrip()
        known = unit.endswith(_UNITS_OF_ONE_FIELD) or (unit.endswith("/s") and "memory_bps" not in stats)
        torn = label.lower() in _ENDS_OF_LABELS
        if torn or known or not label.isascii() or unknown > (_MAX_UNKNOWN if whole else 0):
            raise ParseError("labels as virsh has them in English, in one piece", line)


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
