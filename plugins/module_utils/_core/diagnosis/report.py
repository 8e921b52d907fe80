# SPDX-License-Identifier: GPL-3.0-or-later
"""Job documents as a person reads them in the output of a play: who, how far, why, and what to do."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..dataclass_json import from_plain
from ..job.observation import Observation
from ..job.sample import NOT_A_JOB_REMEDY, JobSample, Phase, read_job
from ..text import printable, wrapped
from ..units import human_bytes, human_ms, human_rate

_LABEL_WIDTH = 11
# Evidence that the lines above it have told already.
_SHOWN_ABOVE = {
    "looks",
    "observed_s",
    "firm",
    "boundaries",
    "bandwidth_bytes_per_s",
    "dirty_bytes_per_s",
    "remaining_bytes",
    "sent_over_memory",
    "max_downtime_ms",
    "bandwidth_limit_mib_per_s",
    "throttle_percent",
    "postcopy_requests",
}
_BOUNDARIES_SHOWN = 5  # the last ones


@dataclass(frozen=True)
class _Remedy:
    action: t.Optional[str] = None
    module: t.Optional[str] = None
    command: t.Optional[str] = None
    expected: t.Optional[str] = None
    risk: t.Optional[str] = None
    allowed: t.Optional[bool] = True


@dataclass(frozen=True)
class _Diagnosis:
    """What is looked at of the diagnosis in a job document; ``evidence`` may hold whatever a later version adds."""

    verdict: t.Optional[str] = None
    reason: t.Optional[str] = None
    summary: t.Optional[str] = None
    evidence: t.Optional[dict[str, t.Any]] = None
    remedies: t.Optional[list[_Remedy]] = None


@dataclass(frozen=True)
class _Job:
    diagnosis: t.Optional[_Diagnosis] = None


def report_lines(jobs: t.Sequence[t.Any]) -> list[str]:
    """Plain lines of at most 110 columns (a command stays whole, to be copied); NOT_A_JOB for other input."""
    if not jobs:
        return ["No migration job."]
    lines: list[str] = []
    for number, job in enumerate(jobs):
        lines += [""] if lines else []
        sample = read_job(job)
        found = from_plain(_Job, dict(job), f"jobs[{number}]", reason="NOT_A_JOB", remedy=NOT_A_JOB_REMEDY)
        lines += _job_lines(sample, found.diagnosis or _Diagnosis())
    return lines


def _job_lines(sample: JobSample, diagnosis: _Diagnosis) -> list[str]:
    guest = sample.name or sample.uuid or "guest without a name"
    identity = f"{guest} ({sample.uuid})" if sample.name and sample.uuid else guest
    title = ", ".join(text for text in (diagnosis.verdict, diagnosis.reason) if text)
    lines = wrapped(f"{identity}: {title or sample.phase.value}")
    lines += wrapped(diagnosis.summary or "", "  ")
    lines.append("")
    for label, text in _facts(sample, diagnosis.evidence or {}):
        lines += wrapped(text, "  " + label.ljust(_LABEL_WIDTH), " " * (2 + _LABEL_WIDTH))
    remedies = diagnosis.remedies or []
    if remedies:
        lines += ["", "  What can be done:"]
    for number, remedy in enumerate(remedies, 1):
        lines += _remedy_lines(number, remedy)
    return lines


def _facts(sample: JobSample, evidence: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str]]:
    """Label and text of each line; what is not known, or does not apply in this phase, is left out."""
    yield "Migration", _migration(sample)
    if sample.phase is Phase.NONE:
        return
    memory = sample.memory
    times_over = f" ({memory.processed_bytes / memory.total_bytes:.2f} times over)" if memory.total_bytes else ""
    left = f"{human_bytes(memory.remaining_bytes)} left of {human_bytes(memory.total_bytes)}"
    yield "Memory", f"{left}, {human_bytes(memory.processed_bytes)} sent{times_over}"
    if sample.disk.total_bytes:
        disk = sample.disk
        yield "Disks", f"{human_bytes(disk.remaining_bytes)} left of {human_bytes(disk.total_bytes)}"
    yield "Rates", _rates(sample)
    if sample.phase.running:
        yield "Limits", _limits(sample)
    if sample.throttle_percent:
        yield "Throttle", f"the guest is slowed down by {sample.throttle_percent} %"
    passes = _boundaries(evidence.get("boundaries"))
    if passes:
        yield "Passes", passes
    others = [f"{_words(key)} {_value(key, value)}" for key, value in evidence.items() if key not in _SHOWN_ABOVE]
    if others:
        yield "Evidence", "; ".join(others)
    if evidence.get("looks"):
        yield "Seen", _seen(evidence)


def _migration(sample: JobSample) -> str:
    if sample.phase is Phase.NONE:
        return "none"
    text = f"{sample.operation}, {sample.phase.value}"
    if sample.pass_number is not None:
        text += f", pass {sample.pass_number}"
    text += f", for {human_ms(sample.elapsed_ms)}" if sample.phase.running else f", in {human_ms(sample.elapsed_ms)}"
    if sample.downtime_ms is not None:
        text += f", the guest stood still for {human_ms(sample.downtime_ms)}"
    return text


def _rates(sample: JobSample) -> str:
    sent = f"{human_rate(sample.bandwidth_bytes_per_s)} sent"
    if not sample.dirty_pages_per_s:
        # QEMU counts at the end of a pass: 0 means "not known" in the first one, and nothing at all later.
        unknown = sample.phase is Phase.PRECOPY and (sample.pass_number or 0) <= 1
        return sent + (", rewritten: not known yet" if unknown else "")
    return f"{sent}, {human_rate(sample.dirty_bytes_per_s)} rewritten ({sample.dirty_pages_per_s} pages/s)"


def _limits(sample: JobSample) -> str:
    limits = sample.limits

    def bandwidth(mib_per_s: t.Optional[int]) -> str:
        return "not known" if mib_per_s is None else f"{mib_per_s} MiB/s" if mib_per_s else "unlimited"

    downtime = "not known" if limits.max_downtime_ms is None else human_ms(limits.max_downtime_ms)
    if sample.expected_downtime_ms is not None and not Observation([sample]).expects_something_else:
        downtime += f" (QEMU expects {human_ms(sample.expected_downtime_ms)})"
    return (
        f"downtime {downtime}, bandwidth {bandwidth(limits.bandwidth_mib_per_s)},"
        f" post-copy bandwidth {bandwidth(limits.postcopy_bandwidth_mib_per_s)}"
    )


def _boundaries(boundaries: t.Any) -> str:
    """Of pairs of a pass and the bytes left at its end; empty for anything else."""
    shown = []
    for one in boundaries[-_BOUNDARIES_SHOWN:] if isinstance(boundaries, list) else []:
        if not (isinstance(one, list) and len(one) == 2 and all(_is_number(part) for part in one)):
            return ""
        shown.append(f"{human_bytes(one[1])} left at pass {one[0]}")
    return ", ".join(shown)


def _seen(evidence: t.Mapping[str, t.Any]) -> str:
    looks, observed_s = (_value(key, evidence.get(key, 0)) for key in ("looks", "observed_s"))
    text = "in one look" if evidence["looks"] == 1 else f"in {looks} looks over {observed_s}"
    return text + ("; the verdict is a likely one, not a firm one" if evidence.get("firm") is False else "")


_SUFFIXES: tuple[tuple[str, t.Callable[[t.Any], str]], ...] = (
    ("_bytes_per_s", human_rate),
    ("_mib_per_s", lambda value: f"{value} MiB/s"),
    ("_pages_per_s", lambda value: f"{value} pages/s"),
    ("_bytes", human_bytes),
    ("_percent", lambda value: f"{value} %"),
    ("_ms", human_ms),
    ("_s", lambda value: f"{value} s"),
)


def _words(key: str) -> str:
    for suffix, _human in _SUFFIXES:
        if key.endswith(suffix):
            key = key[: -len(suffix)]
            break
    return key.replace("_", " ")


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_MOST <= value <= _MOST


def _value(key: str, value: t.Any) -> str:
    # The unit stands at the end of each key, so evidence that is added later is humanised without a change here.
    if _is_number(value):
        for suffix, human in _SUFFIXES:
            if key.endswith(suffix):
                return human(value)
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=str)[:_LONGEST]
    except (ValueError, RecursionError):  # of itself, or deeper than anybody reads
        return "?"


_MOST = 2**64  # libvirt counts in unsigned 64 bits
_LONGEST = 2000  # characters of a figure that nobody here knows


def _remedy_lines(number: int, remedy: _Remedy) -> list[str]:
    allowed = "" if remedy.allowed in (None, True) else " - not allowed here"
    module = f" (module {remedy.module})" if remedy.module else ""
    lines = wrapped(f"{remedy.action or ''}{module}{allowed}", f"  {number}. ", "     ")
    if remedy.command:
        lines.append("     $ " + printable(remedy.command))
    for label, text in (("Effect: ", remedy.expected), ("Risk:   ", remedy.risk)):
        if text:
            lines += wrapped(text, "     " + label, " " * (5 + len(label)))
    return lines
