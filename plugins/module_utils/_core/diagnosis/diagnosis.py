# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a migration does not finish: one verdict, one reason, the evidence, and what to do.

The rule "dirty rate above bandwidth" under-detects: QEMU counts a page once per pass, so a stuck guest shows a ratio
near 1 whatever it really writes. What decides is whether the remainder at the boundaries still shrinks, and whether
it fits bandwidth times downtime limit. A single look can only compare rates, and says so (``firm`` in the evidence).
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from ..job.downtime_limit import SHRINKS
from ..job.observation import CAPPED_SHARE, STALL_S, STUCK_RATIO, Observation
from ..job.sample import JobSample, Phase
from ..units import human_bytes, human_ms, human_rate
from .remedies import Remedies, Remedy, guest_word
from .verdict import Context, Diagnosis, Reason, Verdict

SETUP_SLOW_MS = 30_000
_CLOSE_RATIO = 0.8  # QEMU's rates of 100 ms are off by more than the rest
_PATIENCE_OVER_MEMORY = 4.0  # sent so many times over, a job that looks like converging is not
_SLOWED_SHARE = 0.5
_LINK_SHARE = 0.6
_SLOWED_WINDOW_S = 3.0
_THROTTLE_END_PERCENT = 99


def diagnose(samples: t.Sequence[JobSample], context: t.Optional[Context] = None) -> Diagnosis:
    """The diagnosis of a job from one or more looks at it, oldest first."""
    context = context or Context()
    seen = Observation(samples)
    case = _Case(seen, context, Remedies(seen, context.policy, context.postcopy_flag, context.link_bytes_per_s))
    if not seen.last.phase.running:
        return _ended(seen.last)
    if seen.last.operation == "other":
        summary = f"{seen.last.name or 'The guest'} is busy with another job (backup, snapshot, save or dump)."
        return Diagnosis(Verdict.NONE, Reason.NOT_A_MIGRATION, summary)
    if seen.last.operation == "incoming" and seen.last.phase is not Phase.POSTCOPY_FAILED:
        return case.says(
            Verdict.UNKNOWN,
            Reason.INCOMING,
            "{guest} is arriving here; only the host it comes from knows how far it is.",
            [],
        )
    by_phase = {
        Phase.SETUP: _setup,
        Phase.SWITCHOVER: _switchover,
        Phase.POSTCOPY: _postcopy,
        Phase.POSTCOPY_FAILED: _postcopy_failed,
        Phase.PRECOPY: _precopy,
    }
    return by_phase[seen.last.phase](case)


@dataclass(frozen=True)
class _Case:
    seen: Observation
    context: Context
    remedies: Remedies

    def says(
        self,
        verdict: Verdict,
        reason: Reason,
        summary: str,
        remedies: t.Sequence[Remedy],
        **evidence: t.Any,
    ) -> Diagnosis:
        last = self.seen.last
        extra = {key: value for key, value in evidence.items() if value is not None}
        return Diagnosis(
            verdict,
            reason,
            summary.replace("{guest}", last.name or guest_word("", last.uuid)),
            {**self.seen.evidence(), **extra},
            remedies,
        )


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


def _setup(case: _Case) -> Diagnosis:
    last = case.seen.last
    if last.elapsed_ms < SETUP_SLOW_MS:
        return case.says(
            Verdict.UNKNOWN,
            Reason.FIRST_PASS,
            "{guest} is being prepared on the destination; no memory has been sent yet.",
            [case.remedies.wait("Look again in some seconds.")],
        )
    return case.says(
        Verdict.STALLED,
        Reason.SETUP_SLOW,
        "{guest} has been in preparation for " + human_ms(last.elapsed_ms) + " without sending any memory: the"
        " destination is slow to start it (storage locks, memory, name resolution).",
        [case.remedies.network(), case.remedies.abort()],
    )


def _switchover(case: _Case) -> Diagnosis:
    last = case.seen.last
    if case.seen.silent_s >= STALL_S:
        return case.says(
            Verdict.STALLED,
            Reason.SWITCHOVER_BLOCKED,
            "{guest} stands still on the source and nothing has been sent for "
            + human_ms(int(case.seen.silent_s * 1000))
            + ".",
            [case.remedies.network(), case.remedies.abort()],
            silent_s=round(case.seen.silent_s, 1),
        )
    left_ms = case.seen.time_for(last.memory.remaining_bytes)
    rest = f": {human_ms(left_ms)} at the present rate" if left_ms is not None else ""
    return case.says(
        Verdict.FINISHING,
        Reason.SUSPENDED,
        "{guest} stands still while the last " + human_bytes(last.memory.remaining_bytes) + " are sent" + rest + ".",
        [
            case.remedies.wait("It goes on by itself, on the destination, or on the source if the migration fails."),
            case.remedies.abort(),
        ],
        time_left_ms=left_ms,
    )


def _postcopy(case: _Case) -> Diagnosis:
    last = case.seen.last
    if case.seen.silent_s >= STALL_S:
        return case.says(
            Verdict.STALLED,
            Reason.NETWORK_STALL,
            "{guest} runs on the destination, but not one byte of its memory has arrived there for "
            + human_ms(int(case.seen.silent_s * 1000))
            + ". Abort nothing and destroy nothing: it lives on both hosts.",
            [case.remedies.network(), case.remedies.wait("TCP goes on by itself when the link comes back soon.")],
            silent_s=round(case.seen.silent_s, 1),
        )
    left_ms = case.seen.time_for(last.memory.remaining_bytes)
    rest = f", about {human_ms(left_ms)} at the present rate" if left_ms is not None else ""
    return case.says(
        Verdict.FINISHING,
        Reason.POSTCOPY_RUNNING,
        "{guest} already runs on the destination and fetches the last "
        + human_bytes(last.memory.remaining_bytes)
        + rest
        + ".",
        [case.remedies.wait("It cannot be aborted any more, and need not be.")],
        time_left_ms=left_ms,
        postcopy_requests=last.postcopy_requests,
    )


def _postcopy_failed(case: _Case) -> Diagnosis:
    left = case.seen.last.memory.remaining_bytes
    return case.says(
        Verdict.BROKEN,
        Reason.POSTCOPY_BROKEN,
        "{guest} stands still: its post-copy migration broke"
        + (f" with {human_bytes(left)} still on the source" if left else "")
        + ". Both halves are needed to bring it back.",
        [case.remedies.network(), case.remedies.recover()],
    )


def _precopy(case: _Case) -> Diagnosis:
    seen, last = case.seen, case.seen.last
    if seen.silent_s >= STALL_S:
        return case.says(
            Verdict.STALLED,
            Reason.NETWORK_STALL,
            "Not one byte of {guest} has been sent for "
            + human_ms(int(seen.silent_s * 1000))
            + ": the link or the destination does not answer. It runs on the source.",
            [case.remedies.network(), case.remedies.abort()],
            silent_s=round(seen.silent_s, 1),
        )
    if last.disk.total_bytes > 0 and last.memory.processed_bytes == 0:
        return _storage_copy(case)
    if seen.bandwidth_bytes_per_s <= 0:
        return case.says(
            Verdict.UNKNOWN,
            Reason.NETWORK_STALL,
            "Nothing of {guest} is being sent at this moment. Whether the link or the destination does not answer, or"
            " it only paused between two passes, a longer look (observe_s) says.",
            [case.remedies.wait("Look again, for some seconds."), case.remedies.network()],
        )
    if seen.first_pass:
        return _first_pass(case)
    limit_ms, needed_ms = last.limits.max_downtime_ms, seen.needed_downtime_ms
    if limit_ms is not None and needed_ms is not None and needed_ms <= limit_ms:
        return case.says(
            Verdict.FINISHING,
            Reason.CONVERGING,
            "{guest} is about to switch over: what is left fits the downtime limit of " + human_ms(limit_ms) + ".",
            [case.remedies.wait("It finishes by itself.")],
            firm=bool(seen.boundaries),
        )
    shrinks, firm = _shrinks(seen)
    if shrinks and not firm and (seen.dirty_to_bandwidth or 0.0) >= _CLOSE_RATIO:
        return _too_close(case)
    return _converging(case, firm) if shrinks else _stuck(case, firm)


def _storage_copy(case: _Case) -> Diagnosis:
    """A copy has no passes: what the guest writes anew joins what is left, and is sent like the rest."""
    seen, disk = case.seen, case.seen.last.disk
    less_per_s = seen.disk_less_bytes_per_s
    copied = f"The disks of {{guest}} are being copied, {human_bytes(disk.remaining_bytes)} are left"
    if less_per_s is None or disk.remaining_bytes == 0:
        wait = case.remedies.wait("Look again for some seconds (observe_s), which tells whether it gets less.")
        text = f"{copied}; its memory comes after them."
        return case.says(Verdict.UNKNOWN, Reason.STORAGE_COPY, text, [wait], disk_remaining_bytes=disk.remaining_bytes)
    figures = {
        "disk_remaining_bytes": disk.remaining_bytes,
        "disk_copied_bytes_per_s": seen.disk_copied_bytes_per_s,
        "disk_less_bytes_per_s": less_per_s,
    }
    if less_per_s > (1 - STUCK_RATIO) * seen.disk_copied_bytes_per_s:
        left_ms = math.ceil(disk.remaining_bytes * 1000 / less_per_s)
        wait = case.remedies.wait("Look again when the disks are done.")
        text = f"{copied}, for about {human_ms(left_ms)} more; its memory comes after them."
        return case.says(
            Verdict.CONVERGING, Reason.STORAGE_COPY, text, [wait], time_left_ms=left_ms, firm=True, **figures
        )
    text = (
        f"{copied}, and it hardly gets less: {{guest}} writes to them as fast as they are copied"
        f" ({human_rate(seen.disk_copied_bytes_per_s)})."
    )
    remedies = [case.remedies.synchronous_writes(), case.remedies.quiesce_disks(), case.remedies.abort()]
    return case.says(Verdict.STUCK, Reason.STORAGE_COPY, text, remedies, firm=True, **figures)


def _first_pass(case: _Case) -> Diagnosis:
    seen = case.seen
    left_ms = seen.time_for(seen.last.memory.remaining_bytes)
    rest = f"; this pass takes about {human_ms(left_ms)} more" if left_ms is not None else ""
    return case.says(
        Verdict.UNKNOWN,
        Reason.FIRST_PASS,
        "The memory of {guest} is being sent for the first time at "
        + human_rate(seen.bandwidth_bytes_per_s)
        + rest
        + ". How much of it the guest rewrites meanwhile is known only after that.",
        [case.remedies.wait("Look again when the first pass is over.")],
        time_left_ms=left_ms,
    )


def _shrinks(seen: Observation) -> tuple[bool, bool]:
    """Whether the remainder still shrinks from pass to pass, and whether that was seen or is only likely."""
    boundaries = seen.boundaries
    if len(boundaries) >= 2:
        before, now = boundaries[-2].remaining_bytes, boundaries[-1].remaining_bytes
        return now < SHRINKS * before, True
    ratio, over = seen.dirty_to_bandwidth, seen.sent_over_memory
    if over is not None and over >= _PATIENCE_OVER_MEMORY:
        return False, False
    return ratio is not None and ratio < STUCK_RATIO, False


def _too_close(case: _Case) -> Diagnosis:
    seen = case.seen
    return case.says(
        Verdict.UNKNOWN,
        Reason.RATES_CLOSE,
        "{guest} rewrites "
        + human_rate(seen.last.dirty_bytes_per_s)
        + " while "
        + human_rate(seen.bandwidth_bytes_per_s)
        + " is sent: too close to say from one look whether it will finish.",
        [case.remedies.wait("Watch it over some passes (observe_s).")],
        firm=False,
    )


def _converging(case: _Case, firm: bool) -> Diagnosis:
    passes, left_ms = _time_to_finish(case.seen)
    expected = f": about {passes} more passes, {human_ms(left_ms)}" if passes and left_ms is not None else ""
    likely = "" if firm else " This is from the rates alone; watching over some passes (observe_s) says it for sure."
    return case.says(
        Verdict.CONVERGING,
        Reason.CONVERGING,
        "What is left of {guest} gets less with each pass" + expected + "." + likely,
        [case.remedies.wait("Nothing to do: each step taken now only costs the guest.")],
        firm=firm,
        expected_passes=passes,
        time_left_ms=left_ms,
    )


def _time_to_finish(seen: Observation) -> tuple[t.Optional[int], t.Optional[int]]:
    """Passes and milliseconds left if each pass leaves the same share of the one before."""
    bandwidth, limit_ms = seen.bandwidth_bytes_per_s, seen.last.limits.max_downtime_ms
    boundaries = seen.boundaries
    if len(boundaries) >= 2:
        share = boundaries[-1].remaining_bytes / max(1, boundaries[-2].remaining_bytes)
    else:
        share = seen.dirty_to_bandwidth or 0.0
    left = boundaries[-1].remaining_bytes if boundaries else seen.floor_bytes
    if not 0 < share < 1 or not limit_ms or bandwidth <= 0 or left <= 0:
        return None, None
    fits = bandwidth * limit_ms / 1000
    passes = max(1, math.ceil(math.log(fits / left) / math.log(share))) if left > fits else 1
    return passes, int(left / bandwidth * 1000 * (1 - share**passes) / (1 - share))


def _stuck(case: _Case, firm: bool) -> Diagnosis:
    seen, last, can = case.seen, case.seen.last, case.remedies
    bandwidth = seen.bandwidth_bytes_per_s
    rates = f"{human_rate(last.dirty_bytes_per_s)} of memory is rewritten while {human_rate(bandwidth)} is sent"
    still = _stands_still(seen)
    usual = [can.downtime(), can.postcopy(), can.suspend(), can.quiesce(), can.abort()]

    def says(reason: Reason, summary: str, remedies: t.Sequence[Remedy], **evidence: t.Any) -> Diagnosis:
        return case.says(Verdict.STUCK, reason, summary, remedies, firm=firm, **evidence)

    if seen.at_bandwidth_limit(CAPPED_SHARE):
        return says(
            Reason.BANDWIDTH_CAP,
            "{guest} may send only "
            + f"{last.limits.bandwidth_mib_per_s} MiB/s and does, at which it never finishes: {rates}, and {still}.",
            [can.bandwidth(), *usual],
        )
    if last.throttle_percent >= _THROTTLE_END_PERCENT:
        return says(
            Reason.THROTTLE_EXHAUSTED,
            "{guest} is slowed down by "
            + f"{last.throttle_percent} % already, and still does not finish: {rates}, and {still}.",
            usual,
            throttle_percent=last.throttle_percent,
        )
    if case.context.other_streams > 0:
        return says(
            Reason.LINK_SHARED,
            "{guest} shares the link with "
            + f"{case.context.other_streams} other migration(s) of this host and gets too little of it: {rates},"
            f" and {still}.",
            [can.wait("It gets more when the others are done, or when they are limited."), *usual],
            other_streams=case.context.other_streams,
        )
    slower = _slower_than(case)
    if slower is not None:
        what, reference = slower
        return says(
            Reason.LINK_SLOW,
            f"The link carries only {human_rate(bandwidth)}, {what} {human_rate(reference)}; at that rate"
            + " {guest} does not finish: "
            + f"{rates}, and {still}.",
            [can.network(), *usual],
            link_reference_bytes_per_s=reference,
        )
    to_set = seen.downtime_to_set_ms
    if to_set is not None and to_set <= case.context.policy.max_downtime_ms:
        return says(
            Reason.DOWNTIME_LIMIT_LOW,
            "{guest} would finish if it might stand still a little longer: " + f"{still}, and {rates}.",
            usual,
        )
    over = f" It has sent its memory {seen.sent_over_memory:g} times over." if (seen.sent_over_memory or 0) >= 1 else ""
    return says(
        Reason.DIRTY_RATE,
        "{guest} rewrites its memory as fast as the link carries it, so it never finishes on its own: "
        + f"{rates}, and {still}.{over}",
        usual,
        throttle_percent=last.throttle_percent or None,
    )


def _stands_still(seen: Observation) -> str:
    """How long the guest would have to stand still, as a clause."""
    limit_ms, needed_ms = seen.last.limits.max_downtime_ms, seen.needed_downtime_ms
    limit = f" (limit {human_ms(limit_ms)})" if limit_ms is not None else ""
    if seen.left_now_ms is not None:
        return (
            f"what is left at this moment takes {human_ms(seen.left_now_ms)}{limit}; how long it would have to stand"
            " still is not known from one look at this QEMU"
        )
    needed = human_ms(needed_ms) if needed_ms is not None else "an unknown time"
    about = "at least" if seen.floor_is_too_low else "about"
    return f"it would have to stand still for {about} {needed}{limit} to finish"


def _slower_than(case: _Case) -> t.Optional[tuple[str, int]]:
    """The rate that the link falls short of, and in which words; a glance is too short to say it slowed down."""
    seen, link = case.seen, case.context.link_bytes_per_s
    bandwidth = seen.bandwidth_bytes_per_s
    if link and bandwidth < _LINK_SHARE * link:
        return "though it should carry", link
    before = seen.average_before_bytes_per_s
    if seen.observed_s >= _SLOWED_WINDOW_S and bandwidth < _SLOWED_SHARE * before:
        return "though it carried before", before
    return None
