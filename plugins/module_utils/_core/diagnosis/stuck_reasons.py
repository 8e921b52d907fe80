# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a job in pre-copy will finish, and what keeps it from that.

What decides is whether the remainder at the boundaries still shrinks, and whether it fits bandwidth times downtime
limit. A single look can only compare rates, and says so (``firm`` in the evidence).
"""

from __future__ import annotations

import math
import typing as t

from ..job.downtime_limit import PASSES_OF_A_TREND, SHRINKS, next_by_trend, only_by_chance
from ..job.observation import CAPPED_SHARE, STUCK_RATIO, Observation, stall_s
from ..units import human_bytes, human_ms, human_rate
from .case import Cause, JobCase, rates, stands_still
from .compression import compression_useless
from .verdict import Diagnosis, Reason, Verdict

_CLOSE_RATIO = 0.8  # QEMU's rates of 100 ms are off by more than the rest
_PATIENCE_OVER_MEMORY = 4.0  # sent so many times over, a job that looks like converging is not
_SLOWED_SHARE = 0.5  # of what it carried before: of that a link is called slower
_LINK_SHARE = 0.6  # of what it should carry
_SLOWED_WINDOW_S = 3.0  # watched for less, it cannot be said to have slowed down
_THROTTLE_END_PERCENT = 99  # QEMU's cpu-throttle goes no further


def precopy(case: JobCase) -> Diagnosis:
    """The diagnosis of a job in pre-copy, from what its looks show: silence first, then the first pass, then whether
    passes shrink."""
    seen, last = case.seen, case.seen.last
    if seen.silent_s >= stall_s(last):
        return case.diagnosis(
            Verdict.STALLED,
            Reason.NETWORK_STALL,
            f"Not one byte of {case.guest} has been sent for {case.silent_text}: the link or the destination does not"
            " answer. It runs on the source.",
            [case.remedies.network(), case.remedies.abort()],
            silent_s=round(seen.silent_s, 1),
        )
    if last.disk.total_bytes > 0 and last.memory.processed_bytes == 0:
        return _storage_copy(case)
    if seen.bandwidth_bytes_per_s <= 0:
        return case.diagnosis(
            Verdict.UNKNOWN,
            Reason.NETWORK_STALL,
            f"Nothing of {case.guest} is being sent at this moment. Whether the link or the destination does not"
            " answer, or it only paused between two passes, a longer look (observe_s) says.",
            [case.remedies.wait("Look again, for some seconds."), case.remedies.network()],
        )
    if seen.first_pass:
        return _first_pass(case)
    limit_ms, needed_ms = last.limits.max_downtime_ms, seen.needed_downtime_ms
    if limit_ms is not None and needed_ms is not None and needed_ms <= limit_ms:
        return case.diagnosis(
            Verdict.FINISHING,
            Reason.CONVERGING,
            f"{case.guest} is about to switch over: what is left fits the downtime limit of {human_ms(limit_ms)}.",
            [case.remedies.wait("It finishes by itself.")],
            firm=bool(seen.boundaries),
        )
    shrinks, firm = _shrinks(seen)
    if shrinks and not firm and (seen.dirty_to_bandwidth or 0.0) >= _CLOSE_RATIO:
        return _too_close(case)
    return _converging(case, firm) if shrinks else _stuck(case, firm)


def _storage_copy(case: JobCase) -> Diagnosis:
    """A copy has no passes: what the guest writes anew joins what is left, and is sent like the rest."""
    seen, disk = case.seen, case.seen.last.disk
    less_per_s = seen.disk_less_bytes_per_s
    copied = f"The disks of {case.guest} are being copied, {human_bytes(disk.remaining_bytes)} are left"
    figures: dict[str, t.Any] = {"disk_remaining_bytes": disk.remaining_bytes}
    if less_per_s is None or disk.remaining_bytes == 0:
        seconds = math.ceil(seen.disk_window_s)
        wait = case.remedies.wait(f"Look again for {seconds} s or more (observe_s), which tells whether it gets less.")
        text = f"{copied}; its memory comes after them."
        return case.diagnosis(Verdict.UNKNOWN, Reason.STORAGE_COPY, text, [wait], **figures)
    figures.update(
        disk_copied_bytes_per_s=seen.disk_copied_bytes_per_s,
        disk_less_bytes_per_s=less_per_s,
        firm=seen.disk_bursts_seen,
    )
    if less_per_s > (1 - STUCK_RATIO) * (seen.disk_copied_bytes_per_s or 0.0):
        left_ms = math.ceil(disk.remaining_bytes * 1000 / less_per_s)
        wait = case.remedies.wait("Look again when the disks are done.")
        text = f"{copied}, for about {human_ms(left_ms)} more; its memory comes after them."
        figures.update(time_left_ms=left_ms)
        return case.diagnosis(Verdict.CONVERGING, Reason.STORAGE_COPY, text, [wait], **figures)
    text = (
        f"{copied}, and it hardly gets less: {case.guest} writes to them as fast as they are copied"
        f" ({human_rate(seen.disk_copied_bytes_per_s)})."
    )
    remedies = [case.remedies.synchronous_writes(), case.remedies.quiesce_disks(), case.remedies.abort()]
    return case.diagnosis(Verdict.STUCK, Reason.STORAGE_COPY, text, remedies, **figures)


def _first_pass(case: JobCase) -> Diagnosis:
    seen = case.seen
    left_ms = seen.time_for(seen.last.memory.remaining_bytes)
    rest = f"; this pass takes about {human_ms(left_ms)} more" if left_ms is not None else ""
    return case.diagnosis(
        Verdict.UNKNOWN,
        Reason.FIRST_PASS,
        f"The memory of {case.guest} is being sent for the first time at"
        f" {human_rate(seen.bandwidth_bytes_per_s)}{rest}. How much of it the guest rewrites meanwhile is known only"
        " after that.",
        [case.remedies.wait("Look again when the first pass is over.")],
        time_left_ms=left_ms,
    )


def _shrinks(seen: Observation) -> tuple[bool, bool]:
    """Whether the remainder still shrinks from pass to pass, and whether that was seen or is only likely."""
    left = _left(seen)
    if len(left) >= 2:
        if left[-1] >= SHRINKS * left[-2]:
            return False, True
        # One pass may leave less by chance: the passes before it say whether that leads anywhere.
        if len(left) == 2 or not only_by_chance(left[-1], left[-2]):
            return True, True
        by_trend = next_by_trend(left)
        if by_trend is not None:
            return by_trend < SHRINKS * left[-1], True
        shrank = left[-1] < SHRINKS * min(left[:-1])
        return shrank, shrank
    ratio, over = seen.dirty_to_bandwidth, seen.sent_over_memory
    if over is not None and over >= _PATIENCE_OVER_MEMORY:
        return False, False
    return ratio is not None and ratio < STUCK_RATIO, False


def _left(seen: Observation) -> list[int]:
    """Bytes left at the boundaries that were seen, oldest first."""
    return [boundary.remaining_bytes for boundary in seen.boundaries]


def _too_close(case: JobCase) -> Diagnosis:
    seen = case.seen
    return case.diagnosis(
        Verdict.UNKNOWN,
        Reason.RATES_CLOSE,
        f"{case.guest} rewrites {human_rate(seen.last.dirty_bytes_per_s)} while"
        f" {human_rate(seen.bandwidth_bytes_per_s)} is sent: too close to say from one look whether it will finish.",
        [case.remedies.wait("Watch it over some passes (observe_s).")],
        firm=False,
    )


def _converging(case: JobCase, firm: bool) -> Diagnosis:
    passes, left_ms = _time_to_finish(case.seen)
    expected = f": about {passes} more passes, {human_ms(left_ms)}" if passes and left_ms is not None else ""
    likely = "" if firm else " This is from the rates alone; watching over some passes (observe_s) says it for sure."
    return case.diagnosis(
        Verdict.CONVERGING,
        Reason.CONVERGING,
        f"What is left of {case.guest} gets less with each pass{expected}.{likely}",
        [case.remedies.wait("Nothing to do: each step taken now only costs the guest.")],
        firm=firm,
        expected_passes=passes,
        time_left_ms=left_ms,
    )


def _time_to_finish(seen: Observation) -> tuple[t.Optional[int], t.Optional[int]]:
    """Passes and milliseconds left if each pass leaves the same share of the one before, as the last ones did in the
    mean, or as the last one did if the guest has calmed down."""
    bandwidth, limit_ms = seen.bandwidth_bytes_per_s, seen.last.limits.max_downtime_ms
    passes_left = _left(seen)[-PASSES_OF_A_TREND:]
    if len(passes_left) > 2 and not only_by_chance(passes_left[-1], passes_left[-2]):
        del passes_left[:-2]
    if len(passes_left) >= 2:
        share = (passes_left[-1] / max(1, passes_left[0])) ** (1 / (len(passes_left) - 1))
    else:
        share = seen.dirty_to_bandwidth or 0.0
    left = passes_left[-1] if passes_left else seen.floor_bytes
    if not 0 < share < 1 or not limit_ms or bandwidth <= 0 or left <= 0:
        return None, None
    fits = bandwidth * limit_ms / 1000
    passes = max(1, math.ceil(math.log(fits / left) / math.log(share))) if left > fits else 1
    return passes, int(left / bandwidth * 1000 * (1 - share**passes) / (1 - share))


def _stuck(case: JobCase, firm: bool) -> Diagnosis:
    """The first cause that is there, of those that something can be done about; else the guest's own writing."""
    causes = (
        _bandwidth_cap,
        _throttle_exhausted,
        compression_useless,
        _link_shared,
        _link_slow,
        _downtime_limit_low,
    )
    cause = next(filter(None, (cause(case) for cause in causes)), _dirty_rate(case))
    can = case.remedies
    slower = [can.throttle()] if case.context.auto_converge_flag is False else []
    usual = [can.downtime(), can.postcopy(), *slower, can.suspend(), can.quiesce()]
    remedies = [*cause.remedies, *usual, *cause.anew, can.abort()]
    return case.diagnosis(Verdict.STUCK, cause.reason, cause.summary, remedies, firm=firm, **cause.evidence)


def _bandwidth_cap(case: JobCase) -> t.Optional[Cause]:
    if not case.seen.at_bandwidth_limit(CAPPED_SHARE):
        return None
    limit = f"{case.seen.last.limits.bandwidth_mib_per_s} MiB/s"
    summary = f"{case.guest} may send only {limit} and does, at which it never finishes: {rates(case)}, and"
    return Cause(Reason.BANDWIDTH_CAP, f"{summary} {stands_still(case.seen)}.", [case.remedies.bandwidth()])


def _throttle_exhausted(case: JobCase) -> t.Optional[Cause]:
    percent = case.seen.last.throttle_percent
    if percent < _THROTTLE_END_PERCENT:
        return None
    summary = f"{case.guest} is slowed down by {percent} % already, and still does not finish: {rates(case)}, and"
    evidence = {"throttle_percent": percent}
    return Cause(Reason.THROTTLE_EXHAUSTED, f"{summary} {stands_still(case.seen)}.", evidence=evidence)


def _link_shared(case: JobCase) -> t.Optional[Cause]:
    others = case.context.other_streams
    if others <= 0:
        return None
    return Cause(
        Reason.LINK_SHARED,
        f"{case.guest} shares the link with {others} other migration(s) of this host and gets too little of it:"
        f" {rates(case)}, and {stands_still(case.seen)}.",
        [case.remedies.wait("It gets more when the others are done, or when they are limited.")],
        {"other_streams": others},
    )


def _link_slow(case: JobCase) -> t.Optional[Cause]:
    slower = _slower_than(case)
    if slower is None:
        return None
    what, reference = slower
    return Cause(
        Reason.LINK_SLOW,
        f"The link carries only {human_rate(case.seen.bandwidth_bytes_per_s)}, {what} {human_rate(reference)}; at that"
        f" rate {case.guest} does not finish: {rates(case)}, and {stands_still(case.seen)}.",
        [case.remedies.network()],
        {"link_reference_bytes_per_s": reference},
    )


def _downtime_limit_low(case: JobCase) -> t.Optional[Cause]:
    to_set = case.seen.downtime_to_set_ms
    if to_set is None or to_set > case.context.policy.max_downtime_ms:
        return None
    summary = f"{case.guest} would finish if it might stand still a little longer:"
    return Cause(Reason.DOWNTIME_LIMIT_LOW, f"{summary} {stands_still(case.seen)}, and {rates(case)}.")


def _dirty_rate(case: JobCase) -> Cause:
    seen, times = case.seen, case.seen.sent_over_memory or 0
    sent = f" It has sent its memory {times:g} times over." if times >= 1 else ""
    return Cause(
        Reason.DIRTY_RATE,
        f"{case.guest} rewrites its memory as fast as the link carries it, so it never finishes on its own:"
        f" {rates(case)}, and {stands_still(seen)}.{sent}",
        evidence={"throttle_percent": seen.last.throttle_percent or None},
    )


def _slower_than(case: JobCase) -> t.Optional[tuple[str, int]]:
    """The rate that the link falls short of, and in which words; a glance is too short to say it slowed down."""
    seen, link = case.seen, case.context.link_bytes_per_s
    bandwidth = seen.bandwidth_bytes_per_s
    if link and bandwidth < _LINK_SHARE * link:
        return "though it should carry", link
    before = seen.average_before_bytes_per_s
    if seen.observed_s >= _SLOWED_WINDOW_S and bandwidth < _SLOWED_SHARE * before:
        return "though it carried before", before
    return None
