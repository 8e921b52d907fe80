# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of one guest's migration, from what has been recorded of it so far."""

from __future__ import annotations

import typing as t

from ..diagnosis.diagnosis import diagnose
from ..diagnosis.verdict import Context
from ..job.sample import JobSample
from ..supervision.progress import progress
from ..supervision.record import Record
from .exposition import Family, exposition, one, two_hosts

_PREFIX = "live_migration_"
_OUTCOMES = ("completed", "failed", "cancelled", "left", "none")


def guest_metrics(record: Record, now_s: float) -> str:
    """A text for one file. ``now_s``: seconds since 1970; empty while there was no look.

    The labels ``phase``, ``verdict``, ``reason`` and ``outcome`` take the words of the collection and no others. Only
    the last look counts, which is one at the source: nothing is asked of the guest that arrives.
    """
    history, outcome = record.supervisor.history, record.supervisor.outcome
    if not history.recent:
        return ""
    last = history.last
    labels = {"guest": last.name, "uuid": last.uuid}
    policy = record.supervisor.policy
    numbers = progress(history, record.supervisor.settings)
    # The end has no statistics when libvirt has forgotten them with the guest: what was seen last stays.
    seen = last if last.memory.total_bytes else _last_running(history.recent) or last
    plan = record.supervisor.plan
    context = Context(policy, postcopy_flag=plan.flags.postcopy, parallel_compression=plan.parallel_compression)
    found = diagnose(history.recent, context)
    state: list[Family] = [
        # One that was left goes on, although nobody looks after it any more.
        _gauge(labels, "running", "Whether the migration of the guest goes on.", last.phase.running),
        _word(labels, "phase", "The phase of the migration, as a label.", phase=last.phase.value),
        _word(
            labels,
            "verdict",
            "What the diagnosis says, and why, as labels.",
            verdict=found.verdict.value,
            reason=found.reason.value,
        ),
    ]
    if outcome is not None:
        word = outcome if outcome in _OUTCOMES else "none"
        state.append(_word(labels, "outcome", "What came of the migration, as a label.", outcome=word))
    return exposition([*state, *_figures(labels, seen, last, numbers), _updated(labels, now_s)])


def two_hosts_metrics(name: str, uuid: str, *, twice: bool) -> str:
    """For a file of its own, since it is known before a migration is begun, and after its end."""
    return exposition([two_hosts([(name, uuid, twice)])])


def _figures(
    labels: t.Mapping[str, str], seen: JobSample, last: JobSample, numbers: t.Mapping[str, t.Any]
) -> list[Family]:
    memory = seen.memory
    needed_ms, max_ms = numbers["needed_downtime_ms"], numbers["max_downtime_ms"]
    limits = seen.limits
    return [
        _gauge(labels, "elapsed_seconds", "Time since the migration began.", _s(last.elapsed_ms or seen.elapsed_ms)),
        _gauge(labels, "memory_bytes", "All memory of the guest.", memory.total_bytes),
        _gauge(labels, "sent_bytes", "Memory sent so far, what was sent again included.", memory.processed_bytes),
        _gauge(labels, "remaining_bytes", "Memory and disks left to send in this pass.", _left(seen, last)),
        _gauge(labels, "disk_sent_bytes", "Data of disks sent so far.", seen.disk.processed_bytes),
        _gauge(labels, "passes", "The pass over the memory, from 1 on.", seen.pass_number),
        _gauge(labels, "bandwidth_bytes_per_second", "Memory sent per second.", numbers["bandwidth_bytes_per_s"]),
        _gauge(labels, "dirty_bytes_per_second", "Memory rewritten per second.", seen.dirty_bytes_per_s),
        _gauge(labels, "throttle_ratio", "Processor time taken from the guest, 0 to 1.", seen.throttle_percent / 100),
        _gauge(labels, "postcopy_requests", "Pages that the guest has waited for.", seen.postcopy_requests),
        _gauge(labels, "needed_downtime_seconds", "How long it would have to stand still.", _s(needed_ms)),
        _gauge(labels, "max_downtime_seconds", "How long the policy lets it stand still.", _s(max_ms)),
        _gauge(labels, "downtime_limit_seconds", "The limit that QEMU has now.", _s(limits.max_downtime_ms)),
        _gauge(labels, "downtime_seconds", "How long it stood still in the end.", _s(last.downtime_ms)),
    ]


def _gauge(labels: t.Mapping[str, str], name: str, help_text: str, value: t.Union[int, float, None]) -> Family:
    return one(f"{_PREFIX}{name}", help_text, value, labels)


def _word(labels: t.Mapping[str, str], name: str, help_text: str, **words: str) -> Family:
    return one(f"{_PREFIX}{name}", help_text, 1, {**labels, **words})


def _updated(labels: t.Mapping[str, str], now_s: float) -> Family:
    return _gauge(labels, "updated_timestamp_seconds", "When this was written, since 1970.", round(now_s, 3))


def _left(seen: JobSample, last: JobSample) -> int:
    return seen.memory.remaining_bytes + seen.disk.remaining_bytes if last.phase.running else 0


def _last_running(looks: t.Sequence[JobSample]) -> t.Optional[JobSample]:
    return next((look for look in reversed(looks) if look.phase.running), None)


def _s(milliseconds: t.Optional[int]) -> t.Optional[float]:
    return None if milliseconds is None else milliseconds / 1000
