# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor remembers of a job: its boundaries, its bandwidth, and the last seconds in full."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..job.downtime_limit import PASSES_OF_A_TREND
from ..job.observation import STUCK_RATIO, Boundary, Observation, little_to_send
from ..job.sample import JobSample, Phase

_RECENT_S = 15.0  # longer than any rule looks back: the guard of post-copy 3 s, the diagnosis 5 s
_MAX_BOUNDARIES = 2000  # bounds the memory of a long supervision; rules look at the last few
_WINDOW_S = 1.0  # QEMU's counters move in steps of 100 ms
_WEIGHT = 0.4  # of the newest window in the mean: four seconds make up 87 % of it; a choice, tried in tests/sim
# The first pass ends with so many syncs at once where QEMU has synced within it (11.1: ten a second); a choice
_SYNCS_OF_A_LOOK = 5
_PASS_SHARE = 0.9  # of what was left at its beginning, as pages of zeros and compressed ones take less; a choice
_CLOCK_SET_MS = 30_000  # beyond what a look that is answered late can differ by
_CLOCK_BACK_MS = 2_000


class History:
    """The looks at one job, added one at a time; all times are the samples' own.

    ``recent``: the looks of the last 15 s. ``boundaries``: those that were seen; ``before_first_look``: of a job that
    was met late, worked out from QEMU's figures. ``at_boundary``: the look at the last boundary that was seen.
    ``first_pass_s`` and ``first_pass_bytes``: what the first pass took, None where it was not seen. ``memory_since_s``:
    when the first byte of memory was seen to be sent. ``silent_since_s``: since when nothing has been.
    """

    def __init__(self) -> None:
        self.recent: list[JobSample] = []
        self.boundaries: list[Boundary] = []
        self.before_first_look: tuple[Boundary, ...] = ()
        self.first: t.Optional[JobSample] = None
        self.at_boundary: t.Optional[JobSample] = None
        self.first_pass_s: t.Optional[float] = None
        self.first_pass_bytes: t.Optional[int] = None
        self.memory_since_s: t.Optional[float] = None
        self.silent_since_s = 0.0
        self._bandwidth: t.Optional[float] = None
        self._window: t.Optional[JobSample] = None
        self._moved = -1
        self._syncs_within_passes = False

    @property
    def last(self) -> JobSample:
        return self.recent[-1]

    @property
    def observed_s(self) -> float:
        return self.last.at_s - self.first.at_s if self.first else 0.0

    @property
    def gap_s(self) -> float:
        """Between the last two looks."""
        return self.recent[-1].at_s - self.recent[-2].at_s if len(self.recent) >= 2 else 0.0

    @property
    def silent_s(self) -> float:
        return self.last.at_s - self.silent_since_s

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """What has been sent per second lately, seconds without a byte left out; 0 when nothing is known."""
        return self._bandwidth if self._bandwidth is not None else float(self.last.bandwidth_bytes_per_s)

    @property
    def last_boundary(self) -> t.Optional[Boundary]:
        """The last one that was seen, else the last one worked out; None when there is neither."""
        known = self._known_boundaries
        return known[-1] if known else None

    @property
    def sent_bytes(self) -> int:
        """Memory sent since the first look."""
        base = self.first.memory.processed_bytes if self.first else 0
        return self.last.memory.processed_bytes - base

    def timed(self, sample: JobSample) -> JobSample:
        """With the time that has passed since the first look, where libvirt's account of it cannot be true.

        libvirt takes the age of a job from the clock of its host. When that is set an hour ahead on the way, the job is
        an hour older; when it is set back, it has the age 0 (libvirt 9.0, on the lab). ``at_s`` is of no such clock.
        """
        if self.first is None:
            return sample
        expected_ms = int(self.first.elapsed_ms + (sample.at_s - self.first.at_s) * 1000)
        ahead = sample.elapsed_ms > expected_ms + _CLOCK_SET_MS
        back = sample.elapsed_ms == 0 and expected_ms > _CLOCK_BACK_MS and sample.memory.processed_bytes > 0
        return replace(sample, elapsed_ms=expected_ms) if ahead or back else sample

    def add(self, sample: JobSample, at_sync: bool) -> bool:
        """Take in a look; True when a pass has begun since the last one (``at_sync``: the look was taken at once)."""
        if self.first is None:
            self.first = sample
            self.silent_since_s = sample.at_s
        before = self.recent[-1] if self.recent else None
        self.recent.append(sample)
        while sample.at_s - self.recent[0].at_s > _RECENT_S:
            self.recent.pop(0)
        moved = sample.memory.processed_bytes + sample.disk.processed_bytes
        if moved != self._moved or sample.phase is Phase.SETUP:
            self._moved, self.silent_since_s = moved, sample.at_s
        if sample.phase is Phase.PRECOPY and sample.memory.processed_bytes > 0 and self.memory_since_s is None:
            self.memory_since_s = sample.at_s
        self._measure(sample)
        return before is not None and self._boundary(before, sample, at_sync)

    def met_late(self) -> bool:
        """For a job that somebody else started, at the first look: work out the boundaries before from QEMU's figures.

        QEMU expects a downtime from what was dirty at its last sync, so that tells what was left there. True when the
        job is stuck by these figures: then the pass before left as much.
        """
        seen = Observation(self.recent)
        ratio = seen.dirty_to_bandwidth
        if seen.first_pass or (self.last.pass_number or 0) < 3 or seen.floor_is_too_low or ratio is None:
            return False
        past = Boundary(self.last.pass_number or 0, seen.floor_bytes, self.last.at_s)
        stuck = ratio >= STUCK_RATIO and (seen.sent_over_memory or 0) >= 2
        self.before_first_look = (past, past) if stuck else (past,)
        return stuck

    def left_before(self) -> float:
        """Bytes left at the boundary before the last one; where there was only one, all that the first pass sent."""
        known = self._known_boundaries
        return float(
            known[-2].remaining_bytes if len(known) >= 2 else self.first_pass_bytes or self.last.memory.total_bytes
        )

    def boundary_before_s(self) -> float:
        """When the pass began that ended at the last boundary."""
        known = self._known_boundaries
        return known[-2].at_s if len(known) >= 2 else self.memory_since_s or self.last.at_s

    def least_since(self, since_s: float) -> int:
        """The least that was left at a boundary since then, the last one included."""
        return self.nearest_since(since_s).remaining_bytes

    def nearest_since(self, since_s: float) -> Boundary:
        """The last of the boundaries since then with the least that was left, the last one included."""
        known = self._known_boundaries
        return min(
            (b for b in known if b.at_s >= since_s or b is known[-1]), key=lambda b: (b.remaining_bytes, -b.at_s)
        )

    def left_lately(self) -> list[int]:
        """Bytes left at the last six boundaries that were seen, oldest first."""
        return [boundary.remaining_bytes for boundary in self.boundaries[-PASSES_OF_A_TREND:]]

    @property
    def _known_boundaries(self) -> list[Boundary]:
        return [*self.before_first_look, *self.boundaries] if self.before_first_look else self.boundaries

    def _measure(self, sample: JobSample) -> None:
        begin = self._window
        if begin is None or sample.phase is not begin.phase or sample.memory.processed_bytes == 0:
            self._window = sample
            return
        elapsed_s = sample.at_s - begin.at_s
        if elapsed_s < _WINDOW_S:
            return
        sent = sample.memory.processed_bytes - begin.memory.processed_bytes
        self._window = sample
        # A dead second says that the link was away, and one of zero or compressed pages that there was little to send:
        # neither says that the link is slow.
        if sent > 0 and not little_to_send(begin, sample):
            rate = sent / elapsed_s
            self._bandwidth = rate if self._bandwidth is None else self._bandwidth + _WEIGHT * (rate - self._bandwidth)

    def _boundary(self, before: JobSample, now: JobSample, at_sync: bool) -> bool:
        if now.phase is not Phase.PRECOPY or before.phase is not Phase.PRECOPY:
            return False
        if now.pass_number is None:
            began = now.memory.remaining_bytes > before.memory.remaining_bytes
        else:
            began = now.pass_number > (before.pass_number or 0) > 0
        if not began:
            return False
        syncs = (now.pass_number or 0) - (before.pass_number or 0)
        if before.pass_number == 1 and syncs >= _SYNCS_OF_A_LOOK:
            self._syncs_within_passes = True
        if self._syncs_within_passes and not self._all_sent_again(now):
            return False
        # Between the sync and a look that was not taken at once, some of it has been sent already: at most this much.
        sent = 0 if at_sync or self._syncs_within_passes else now.memory.processed_bytes - before.memory.processed_bytes
        first = before.pass_number == 1 and not self._known_boundaries
        if first and self.first is not None and self.first.pass_number in (None, 0, 1):
            self.first_pass_bytes = now.memory.processed_bytes
            self.first_pass_s = now.at_s - (self.memory_since_s or now.at_s)
        left = min(now.memory.remaining_bytes + max(0, sent), now.memory.total_bytes)
        self.at_boundary = now
        counted = None if self._syncs_within_passes else now.pass_number
        self.boundaries.append(Boundary(counted or len(self._known_boundaries) + 2, left, now.at_s))
        if len(self.boundaries) > _MAX_BOUNDARIES:
            del self.boundaries[: _MAX_BOUNDARIES // 2]
        return True

    def _all_sent_again(self, now: JobSample) -> bool:
        """Where QEMU syncs within passes, too: whether about all has been sent that was left at the last boundary."""
        if self.at_boundary is None:
            return True
        sent = now.memory.processed_bytes - self.at_boundary.memory.processed_bytes
        return sent >= _PASS_SHARE * self.boundaries[-1].remaining_bytes
