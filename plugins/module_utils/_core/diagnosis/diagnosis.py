# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a migration does not finish: one verdict, one reason, the evidence, and what to do.

The rule "dirty rate above bandwidth" under-detects: QEMU counts a page once per pass, so a stuck guest shows a ratio
near 1 whatever it really writes. How a job in pre-copy is judged instead is in ``stuck_reasons.py``.
"""

from __future__ import annotations

import typing as t

from ..job.observation import SETUP_SLOW_S, STALL_S, Observation
from ..job.sample import JobSample, Phase
from ..units import human_bytes, human_ms
from .case import JobCase
from .remedies import Remedies, guest_word
from .stuck_reasons import precopy
from .verdict import Context, Diagnosis, Reason, Verdict


def diagnose(samples: t.Sequence[JobSample], context: t.Optional[Context] = None) -> Diagnosis:
    """The diagnosis of a job from one or more looks at it, oldest first. ``context``: what else is known of it."""
    context = context or Context()
    seen = Observation(samples)
    remedies = Remedies(
        seen, context.policy, context.postcopy_flag, context.link_bytes_per_s, tuple(context.postcopy_obstacles)
    )
    case = JobCase(seen, context, remedies, seen.last.name or guest_word("", seen.last.uuid))
    if not seen.last.phase.running:
        return _ended(seen.last)
    if seen.last.operation == "other":
        summary = f"{seen.last.name or 'The guest'} is busy with another job (backup, snapshot, save or dump)."
        return Diagnosis(Verdict.NONE, Reason.NOT_A_MIGRATION, summary)
    if seen.last.operation == "incoming" and seen.last.phase is not Phase.POSTCOPY_FAILED:
        return case.diagnosis(
            Verdict.UNKNOWN,
            Reason.INCOMING,
            f"{case.guest} is arriving here; only the host it comes from knows how far it is.",
            [],
        )
    by_phase = {
        Phase.SETUP: _setup,
        Phase.SWITCHOVER: _switchover,
        Phase.POSTCOPY: _postcopy,
        Phase.POSTCOPY_FAILED: _postcopy_failed,
        Phase.PRECOPY: precopy,
    }
    return by_phase[seen.last.phase](case)


def _ended(last: JobSample) -> Diagnosis:
    guest = last.name or "The guest"
    if last.phase is Phase.NONE:
        return Diagnosis(Verdict.NONE, Reason.NO_JOB, f"{guest} is not being migrated.")
    if last.phase is Phase.COMPLETED:
        stood = f", and stood still for {human_ms(last.downtime_ms)}" if last.downtime_ms is not None else ""
        summary = f"{guest} has been migrated in {human_ms(last.elapsed_ms)}{stood}."
        return Diagnosis(Verdict.NONE, Reason.COMPLETED, summary)
    how = "failed" if last.phase is Phase.FAILED else "was cancelled"
    return Diagnosis(Verdict.NONE, Reason[last.phase.name], f"The migration of {guest} {how}.")


def _setup(case: JobCase) -> Diagnosis:
    last = case.seen.last
    if last.elapsed_ms < 1000 * SETUP_SLOW_S:
        return case.diagnosis(
            Verdict.UNKNOWN,
            Reason.FIRST_PASS,
            f"{case.guest} is being prepared on the destination; no memory has been sent yet.",
            [case.remedies.wait("Look again in some seconds.")],
        )
    return case.diagnosis(
        Verdict.STALLED,
        Reason.SETUP_SLOW,
        f"{case.guest} has been in preparation for {human_ms(last.elapsed_ms)} without sending any memory: the"
        " destination is slow to start it (storage locks, memory, name resolution).",
        [case.remedies.network(), case.remedies.abort()],
    )


def _switchover(case: JobCase) -> Diagnosis:
    last = case.seen.last
    if case.seen.silent_s >= STALL_S:
        return case.diagnosis(
            Verdict.STALLED,
            Reason.SWITCHOVER_BLOCKED,
            f"{case.guest} stands still on the source and nothing has been sent for {case.silent_text}.",
            [case.remedies.network(), case.remedies.abort()],
            silent_s=round(case.seen.silent_s, 1),
        )
    left_ms = case.seen.time_for(last.memory.remaining_bytes)
    rest = f": {human_ms(left_ms)} at the present rate" if left_ms is not None else ""
    return case.diagnosis(
        Verdict.FINISHING,
        Reason.SUSPENDED,
        f"{case.guest} stands still while the last {human_bytes(last.memory.remaining_bytes)} are sent{rest}.",
        [
            case.remedies.wait("It goes on by itself, on the destination, or on the source if the migration fails."),
            case.remedies.abort(),
        ],
        time_left_ms=left_ms,
    )


def _postcopy(case: JobCase) -> Diagnosis:
    last = case.seen.last
    if case.seen.silent_s >= STALL_S:
        return case.diagnosis(
            Verdict.STALLED,
            Reason.NETWORK_STALL,
            f"{case.guest} runs on the destination, but not one byte of its memory has arrived there for"
            f" {case.silent_text}. Abort nothing and destroy nothing: it lives on both hosts.",
            [case.remedies.network(), case.remedies.wait("TCP goes on by itself when the link comes back soon.")],
            silent_s=round(case.seen.silent_s, 1),
        )
    left_ms = case.seen.time_for(last.memory.remaining_bytes)
    rest = f", about {human_ms(left_ms)} at the present rate" if left_ms is not None else ""
    return case.diagnosis(
        Verdict.FINISHING,
        Reason.POSTCOPY_RUNNING,
        f"{case.guest} already runs on the destination and fetches the last"
        f" {human_bytes(last.memory.remaining_bytes)}{rest}.",
        [case.remedies.wait("It cannot be aborted any more, and need not be.")],
        time_left_ms=left_ms,
        postcopy_requests=last.postcopy_requests,
    )


def _postcopy_failed(case: JobCase) -> Diagnosis:
    left = case.seen.last.memory.remaining_bytes
    still = f" with {human_bytes(left)} still on the source" if left else ""
    return case.diagnosis(
        Verdict.BROKEN,
        Reason.POSTCOPY_BROKEN,
        f"{case.guest} stands still: its post-copy migration broke{still}. Both halves are needed to bring it back.",
        [case.remedies.network(), case.remedies.recover()],
    )
