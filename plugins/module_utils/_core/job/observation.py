# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers behind a verdict, computed once from one or many looks at a job."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from ..units import MIB
from .downtime_limit import with_margin
from .sample import JobSample, Phase

# From where on a figure means something: for the diagnosis of a job and for the engine that supervises it alike.
STALL_S = 5.0  # without one byte
# Without a byte of memory since the start: from the first on preparing is called slow. The second is what a small guest
# gets before it is given up (`supervision/budget.py` adds to it by the guest's size).
SETUP_SLOW_S, SETUP_GIVEN_UP_S = 30.0, 180.0
STUCK_RATIO = 0.9  # rewritten to sent
CAPPED_SHARE = 0.9  # of the bandwidth limit

# QEMU's expected downtime is ignored when it covers less than half of what is left, or equals the dirty rate over the
# bandwidth, but for rounding and the age of the figures, as before QEMU 3.0.
_LEFT_SHARE = 0.5
_ALIKE_SHARE = 0.02
_ALIKE_MS = 2.0

_DISK_WINDOW_S = 3.0  # of less nothing is said: a disk is copied in pieces, and written in bursts
# A guest's kernel writes out what is so old (vm.dirty_expire_centisecs of Linux), a burst at a time: between two bursts
# a copy gets less though on the whole it does not, and the other way round.
_DISK_BURST_S = 30.0
# QEMU copies so much of a disk at once (MAX_IN_FLIGHT times MAX_IO_BYTES of its block/mirror.c), and waits then until
# that is within the limit: at 1 MiB/s 16 s without a byte, seen with QEMU 7.2.
_DISK_PIECE_BYTES = 16 * MIB
_PIECES_OF_A_RATE, _PIECES_OF_A_FIRM_RATE = 2, 4  # choices: with one of them the rate may be that of a pause
_FOR_NEXT_TO_NOTHING = 4.0  # bytes of pages per byte on the wire
_MIN_RATE_WINDOW_S = 1.0  # QEMU's counters move in steps of 100 ms: a shorter window measures the steps

_AFTER_FIRST_PASS = (
    "dirty_bytes_per_s",
    "dirty_to_bandwidth_ratio",
    "needed_downtime_ms",
    "left_now_ms",
    "downtime_to_set_ms",
    "longest_pause_ms",
    "needed_bandwidth_bytes_per_s",
)


class Boundary(t.NamedTuple):
    """The moment after a bitmap sync, when a pass begins: the remaining bytes of other moments tell nothing.

    ``pass_number``: of the pass that begins; ``at_s``: by the clock of the looks.
    """

    pass_number: int
    remaining_bytes: int
    at_s: float


@dataclass(frozen=True)
class Observation:
    """What a series of looks (oldest first, at least one) says about a job."""

    samples: t.Sequence[JobSample]

    @property
    def last(self) -> JobSample:
        return self.samples[-1]

    @property
    def observed_s(self) -> float:
        return self.last.at_s - self.samples[0].at_s

    @property
    def boundaries(self) -> list[Boundary]:
        """Passes that began while watching; the pass met first was already under way and gives no boundary."""
        found: list[Boundary] = []
        for before, now in zip(self.samples, self.samples[1:]):
            if now.phase is Phase.PRECOPY and (now.pass_number or 0) > (before.pass_number or 0) > 0:
                found.append(Boundary(now.pass_number or 0, now.memory.remaining_bytes, now.at_s))
        return found

    @property
    def silent_s(self) -> float:
        """How long, up to the last look, not one byte more was sent."""
        sent = _sent_bytes(self.last)
        since = self.last.at_s
        for sample in reversed(self.samples):
            if _sent_bytes(sample) != sent:
                break
            since = sample.at_s
        return self.last.at_s - since

    @property
    def bandwidth_bytes_per_s(self) -> int:
        """Sent per second while watching; QEMU's own 100 ms figure when there was only a glance."""
        if self.observed_s < _MIN_RATE_WINDOW_S:
            return self.last.bandwidth_bytes_per_s
        sent = self.last.memory.processed_bytes - self.samples[0].memory.processed_bytes
        return max(0, int(sent / self.observed_s))

    @property
    def disk_copied_bytes_per_s(self) -> int:
        """Of the disks, while watching."""
        copied = self.last.disk.processed_bytes - self.samples[0].disk.processed_bytes
        return max(0, int(copied / self.observed_s)) if self.observed_s > 0 else 0

    @property
    def disk_less_bytes_per_s(self) -> t.Optional[int]:
        """Bytes/s by which what is left of the disks shrinks; negative where it grows, None if watched too briefly."""
        if self.observed_s < self.disk_window_s:
            return None
        less = self.samples[0].disk.remaining_bytes - self.last.disk.remaining_bytes
        return int(less / self.observed_s)

    @property
    def disk_window_s(self) -> float:
        """Of less nothing is said of how a copy goes."""
        return max(_DISK_WINDOW_S, _PIECES_OF_A_RATE * copy_pause_s(self.last))

    @property
    def disk_bursts_seen(self) -> bool:
        """Whether it was watched for long enough to know what a guest writes on the whole."""
        return self.observed_s >= max(_DISK_BURST_S, _PIECES_OF_A_FIRM_RATE * copy_pause_s(self.last))

    @property
    def average_before_bytes_per_s(self) -> int:
        """Sent per second from the job's start until the watching began."""
        first = self.samples[0]
        return first.memory.processed_bytes * 1000 // first.elapsed_ms if first.elapsed_ms > 0 else 0

    @property
    def first_pass(self) -> bool:
        """Whether no bitmap sync has said yet how much the guest rewrites."""
        if self.last.pass_number is None:
            return self.last.dirty_pages_per_s == 0
        return self.last.pass_number <= 1

    @property
    def dirty_to_bandwidth(self) -> t.Optional[float]:
        bandwidth = self.bandwidth_bytes_per_s
        return round(self.last.dirty_bytes_per_s / bandwidth, 3) if bandwidth > 0 else None

    @property
    def sent_over_memory(self) -> t.Optional[float]:
        total = self.last.memory.total_bytes
        return round(self.last.memory.processed_bytes / total, 2) if total > 0 else None

    @property
    def floor_is_too_low(self) -> bool:
        """Whether ``floor_bytes`` is what was left somewhere within a pass: less than at its beginning."""
        return not self.boundaries and not self._expects

    @property
    def floor_is_unknown(self) -> bool:
        """Whether no boundary was seen and QEMU's expected downtime, which would stand for it, is something else."""
        return not self.boundaries and self.expects_something_else

    @property
    def _expects(self) -> bool:
        return self._has_expected_downtime and not self.expects_something_else

    @property
    def _has_expected_downtime(self) -> bool:
        return bool(self.last.expected_downtime_ms) and self.last.dirty_pages_per_s > 0

    @property
    def expects_something_else(self) -> bool:
        """Whether QEMU's expected downtime is not how long what was left at the last sync takes.

        Before QEMU 3.0 it is the dirty rate over the bandwidth, however much is left. Of statistics the version of QEMU
        is not known, so the figures tell: what is left within a pass is never more than what was left at its beginning.
        """
        last = self.last
        if not self._has_expected_downtime or last.bandwidth_bytes_per_s <= 0:
            return False
        expected_ms = float(last.expected_downtime_ms or 0)
        if expected_ms * last.bandwidth_bytes_per_s / 1000 < _LEFT_SHARE * last.memory.remaining_bytes:
            return True
        dirtied_ms = last.dirty_bytes_per_s * 1000 / last.bandwidth_bytes_per_s
        return abs(expected_ms - dirtied_ms) <= max(_ALIKE_MS, _ALIKE_SHARE * expected_ms)

    @property
    def floor_bytes(self) -> int:
        """The least that was left at a boundary: what the guest rewrites in one pass.

        Without a boundary QEMU's expected downtime stands for it (bytes at the last sync over its bandwidth), and
        without that, what is left now, which is too low between two syncs.
        """
        if self.boundaries:
            return min(boundary.remaining_bytes for boundary in self.boundaries)
        last = self.last
        if self._expects:
            return (last.expected_downtime_ms or 0) * last.bandwidth_bytes_per_s // 1000
        return last.memory.remaining_bytes

    @property
    def needed_downtime_ms(self) -> t.Optional[int]:
        """How long the guest would have to stand still for the rest to be sent."""
        bandwidth = self.bandwidth_bytes_per_s
        if self.floor_is_unknown:
            return None
        return math.ceil(self.floor_bytes * 1000 / bandwidth) if bandwidth > 0 else None

    @property
    def left_now_ms(self) -> t.Optional[int]:
        """Where that is not known: how long what is left at this moment takes, which is less than at a boundary."""
        return self.time_for(self.last.memory.remaining_bytes) if self.floor_is_unknown else None

    @property
    def downtime_to_set_ms(self) -> t.Optional[int]:
        """The limit at which QEMU would switch over: what is needed, with a margin for the next pass."""
        needed = self.needed_downtime_ms
        return None if needed is None else with_margin(needed)

    @property
    def needed_bandwidth_bytes_per_s(self) -> t.Optional[int]:
        """What would have to be sent per second for the rest to fit the downtime limit."""
        limit_ms = self.last.limits.max_downtime_ms
        if self.floor_is_unknown:
            return None
        return math.ceil(self.floor_bytes * 1000 / limit_ms) if limit_ms else None

    @property
    def longest_pause_ms(self) -> t.Optional[int]:
        """How long the guest would stand still at most if it was suspended now: the rest of this pass and one more.

        How much is rewritten in a pass is not known before the first sync: then it may be all that was sent.
        """
        bandwidth, memory = self.bandwidth_bytes_per_s, self.last.memory
        rewritten = memory.total_bytes - memory.remaining_bytes if self.floor_is_too_low else self.floor_bytes
        left = memory.remaining_bytes + max(0, rewritten)
        return math.ceil(left * 1000 / bandwidth) if bandwidth > 0 else None

    def time_for(self, remaining_bytes: int) -> t.Optional[int]:
        """Milliseconds that so many bytes take at the bandwidth seen."""
        bandwidth = self.bandwidth_bytes_per_s
        return math.ceil(remaining_bytes * 1000 / bandwidth) if bandwidth > 0 else None

    def at_bandwidth_limit(self, share: float) -> bool:
        limit = self.last.limits.bandwidth_mib_per_s
        return bool(limit) and self.bandwidth_bytes_per_s >= share * (limit or 0) * MIB

    def evidence(self) -> dict[str, t.Any]:
        """The figures, without those that are not known; before the first bitmap sync that is most of them."""
        last = self.last
        if last.operation == "incoming":
            return {}
        figures: dict[str, t.Any] = {
            "looks": len(self.samples),
            "observed_s": round(self.observed_s, 1),
            "boundaries": [[b.pass_number, b.remaining_bytes] for b in self.boundaries] or None,
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s,
            "dirty_bytes_per_s": last.dirty_bytes_per_s,
            "dirty_to_bandwidth_ratio": self.dirty_to_bandwidth,
            "remaining_bytes": last.memory.remaining_bytes,
            "sent_over_memory": self.sent_over_memory,
            "needed_downtime_ms": self.needed_downtime_ms,
            "left_now_ms": self.left_now_ms,
            "downtime_to_set_ms": self.downtime_to_set_ms,
            "longest_pause_ms": self.longest_pause_ms,
            "needed_bandwidth_bytes_per_s": self.needed_bandwidth_bytes_per_s,
            "max_downtime_ms": last.limits.max_downtime_ms,
            "bandwidth_limit_mib_per_s": last.limits.bandwidth_mib_per_s,
        }
        known = {key: value for key, value in figures.items() if value is not None}
        return {key: value for key, value in known.items() if not self.first_pass or key not in _AFTER_FIRST_PASS}


def copy_pause_s(sample: JobSample) -> float:
    """Seconds without a byte between two pieces of a disk that is copied under a limit; 0.0 for any other job."""
    limit_bytes_per_s = (sample.limits.bandwidth_mib_per_s or 0) * MIB
    copies = sample.disk.total_bytes > 0 and sample.memory.processed_bytes == 0
    return _DISK_PIECE_BYTES / limit_bytes_per_s if copies and limit_bytes_per_s > 0 else 0.0


def stall_s(sample: JobSample) -> float:
    """From how many seconds without a byte on a job in pre-copy is called stalled."""
    return STALL_S + copy_pause_s(sample)


def little_to_send(before: JobSample, now: JobSample) -> bool:
    """Whether pages went for next to nothing between two looks: zero pages, or compressed ones."""
    done = before.memory.remaining_bytes - now.memory.remaining_bytes
    return done > _FOR_NEXT_TO_NOTHING * (now.memory.processed_bytes - before.memory.processed_bytes)


def _sent_bytes(sample: JobSample) -> int:
    return sample.memory.processed_bytes + sample.disk.processed_bytes
