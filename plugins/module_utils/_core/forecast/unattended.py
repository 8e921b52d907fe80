# SPDX-License-Identifier: GPL-3.0-or-later
"""How a migration goes that nobody supervises: by QEMU's own rules, with the downtime limit that it was started with.

:mod:`precopy_model` is the same for a migration that the supervisor finishes. This one is what a plain ``virsh
migrate`` does, and so what others have measured and published, which it is held against (tests/bench/published).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..job.downtime_limit import HOST_DEVICE_MS
from .transfer_costs import (
    COMPRESSORS,
    ONE_CONNECTION_BYTES_PER_S,
    ROUND_LIMITED_MS,
    ROUND_MS,
    ZEROS_PLACED_BYTES_PER_S,
    on_the_wire,
    sending_s,
)
from .working_set import ZEROS_BYTES_PER_S

FINISHES, ONLY_THROTTLED, BY_POSTCOPY = "finishes", "finishes only with throttle", "finishes by post-copy"
NEVER, NOT_KNOWN = "does not finish", "not known"

# QEMU's dirty rate is at least a second's (migration_update_rates). Over longer times a guest dirties less than so much
# a second, since it comes back to the same pages: under PostgreSQL with 16 threads 70 MiB in one second and 1070 MiB in
# 24 s, which is the power 0.85 (LordWicked/live-migration-thesis-code).
_RATE_OVER_S, _COMES_BACK = 1.0, 0.85
# From here on QEMU's figure does not tell a guest that writes somewhat less than the link carries from one that writes
# more: a page counts once in a pass. The diagnosis of running jobs has the same limit.
_STUCK_RATIO, _UNSURE_RATIO = 0.9, 0.8
_LIMITED_FROM = 1.15  # a link of so much more than what passes get is kept from being filled by QEMU's own limit
_MOST_PASSES = 1000
_SET_ONLY_FROM_PASS = 3
_THROTTLE_END = 99
_AGAIN_OVER_SENT = 0.5  # QEMU's throttle-trigger-threshold
# What QEMU itself takes to stop and hand over: 5 ms of downtime in all where next to nothing was left (DPDK's how-to,
# fortville). What libvirt and the destination add is not in QEMU's figure.
_SWITCH_MS = 5
_SYNCS_AROUND = 2  # QEMU's dirty-sync-count has the one when it asks exactly, and the last one


@dataclass(frozen=True)
class UnattendedJob:
    """What it is started with, and the guest. Bytes, bytes/s, ms and s.

    ``touched_bytes``: what is not zeros (None: not known). ``link_bytes_per_s``: what the link carries, which the last
    bytes and post-copy get (0: no more than ``bandwidth_bytes_per_s``, which passes get). ``dirty_bytes_per_s``: unique
    bytes that the guest dirties in a second (None: not known). ``working_set_bytes``: all that it rewrites;
    ``left_bytes``: what passes leave once they get it down no more (None: not known). ``postcopy_at_s``: when it is
    switched to post-copy. ``compression_ratio``: memory for a byte on the wire (0: that of ``compression`` on a mixed
    corpus).
    """

    memory_bytes: float
    touched_bytes: t.Optional[float]
    bandwidth_bytes_per_s: float
    link_bytes_per_s: float = 0.0
    dirty_bytes_per_s: t.Optional[float] = None
    working_set_bytes: t.Optional[float] = None
    left_bytes: t.Optional[float] = None
    downtime_limit_ms: float = 300.0
    auto_converge: bool = False
    throttle_initial_percent: int = 20
    throttle_increment_percent: int = 10
    postcopy_at_s: t.Optional[float] = None
    connections: int = 1
    compression: str = "none"
    compression_ratio: float = 0.0
    host_devices: int = 0

    @property
    def sent_bytes(self) -> float:
        """What the first pass sends of memory; all of it where it is not known what is zeros."""
        whole = self.memory_bytes or self.touched_bytes or 0.0
        return whole if self.touched_bytes is None else self.touched_bytes

    @property
    def zero_bytes(self) -> float:
        return max(0.0, self.memory_bytes - self.sent_bytes)


class _Rates(t.NamedTuple):
    """In bytes of memory per second. ``passes``: what gets through in a pass; ``link``: what would, without a limit of
    QEMU's own; ``wire``: what QEMU sees of a pass, in bytes on the wire."""

    passes: float
    link: float
    wire: float

    @property
    def ratio(self) -> float:
        return self.passes / self.wire


@dataclass(frozen=True)
class UnattendedCourse:
    """``total_s``, ``sent_bytes`` and ``passes``: None where it does not finish, or memory is not known. ``passes``:
    as QEMU counts bitmap syncs. ``downtime_ms``: by QEMU's account. ``floor_bytes``: the least that is left."""

    outcome: str
    total_s: t.Optional[float] = None
    sent_bytes: t.Optional[float] = None
    downtime_ms: t.Optional[float] = None
    passes: t.Optional[int] = None
    throttle_percent: int = 0
    postcopy_s: float = 0.0
    floor_bytes: t.Optional[float] = None


def unattended(job: UnattendedJob) -> UnattendedCourse:
    """Raises ValueError when the bandwidth is not positive."""
    if job.bandwidth_bytes_per_s <= 0:
        raise ValueError("A forecast needs a bandwidth above 0.")
    return _Course(job).run()


def _rates(job: UnattendedJob) -> _Rates:
    connections = max(1, job.connections)
    fed = connections * ONE_CONNECTION_BYTES_PER_S
    # What was seen to get through a link of about that size is what it carries.
    limited = job.link_bytes_per_s > _LIMITED_FROM * job.bandwidth_bytes_per_s
    link = min(job.link_bytes_per_s if limited else job.bandwidth_bytes_per_s, fed)
    wire = min(job.bandwidth_bytes_per_s, link)
    compressor = COMPRESSORS.get(job.compression)
    if compressor is None:
        return _Rates(wire, link, wire)
    ratio = job.compression_ratio or compressor.ratio
    most = float("inf") if compressor.bytes_per_s is None else connections * compressor.bytes_per_s
    return _Rates(min(wire * ratio, most), min(link * ratio, most), min(wire, most / ratio))


class _Course:
    def __init__(self, job: UnattendedJob) -> None:
        self.job, self.rates = job, _rates(job)
        whole = job.sent_bytes
        self.limit_bytes = min(self.rates.wire * job.downtime_limit_ms / 1000, whole) if whole else 0.0
        limited = self.rates.passes < self.rates.link
        late_ms = (ROUND_LIMITED_MS if limited else ROUND_MS) / 2
        # What is left when QEMU asks for the bitmap: the limit is passed somewhere within a round.
        stops_ms = max(job.downtime_limit_ms - late_ms, job.downtime_limit_ms / 2)
        self.filled = self.rates.wire * stops_ms / 1000
        self.unsent = min(whole, self.filled)
        self.set_bytes = None if job.working_set_bytes is None else min(whole, job.working_set_bytes)
        self.left_bytes = None if job.left_bytes is None else min(whole, job.left_bytes)
        # All that a pass finds dirty, however long it was. A small set of a guest that writes slowly is only what is
        # left of it at the end: a long pass leaves more.
        slow = self._ratio(0) < _STUCK_RATIO
        known = self.set_bytes
        if known is None and self._fits():
            known = self.left_bytes
        self.hot_bytes = None if known is None or (known <= self.limit_bytes and slow) else known

    def run(self) -> UnattendedCourse:
        job = self.job
        if not job.sent_bytes:
            return UnattendedCourse(self._class(0.0), downtime_ms=self._downtime_ms(self.filled))
        if job.postcopy_at_s is not None:
            return self._passes(job.postcopy_at_s)
        if self._stuck(0) and not job.auto_converge:
            return UnattendedCourse(NEVER, floor_bytes=self._floor())
        return self._passes(None)

    # --- what the guest does

    def _fresh(self, time_s: float, throttle: float) -> float:
        """Unique bytes dirtied in so much time."""
        rate = (self.job.dirty_bytes_per_s or 0.0) * (1 - throttle / 100)
        turns = time_s / _RATE_OVER_S
        dirtied = rate * _RATE_OVER_S * (turns if turns <= 1 else turns**_COMES_BACK)
        return min(dirtied, self.job.sent_bytes if self.hot_bytes is None else self.hot_bytes)

    def _stuck(self, throttle: float) -> bool:
        """Whether passes do not get it down to the limit, at this throttle."""
        if self._fits():
            return False
        ratio = self._ratio(throttle)
        if self.left_bytes is not None and throttle == 0:
            # Where passes stand still as much is dirtied as is sent. Else what they left was on its way down.
            return self.job.dirty_bytes_per_s is None or ratio >= _UNSURE_RATIO
        return ratio >= _STUCK_RATIO

    def _ratio(self, throttle: float) -> float:
        return (self.job.dirty_bytes_per_s or 0.0) * (1 - throttle / 100) / self.rates.passes

    def _fits(self) -> bool:
        """Whether the guest is known never to rewrite more than the limit, or to be got down to it."""
        return any(known is not None and known <= self.limit_bytes for known in (self.set_bytes, self.left_bytes))

    def _floor(self) -> float:
        known = self.left_bytes if self.left_bytes is not None else self.set_bytes
        if known is not None:
            return known
        over = (self.job.dirty_bytes_per_s or 0.0) / self.rates.passes
        pass_s = max(_RATE_OVER_S, _RATE_OVER_S * over ** (1 / (1 - _COMES_BACK)))
        return min(self.job.sent_bytes, self.unsent + self._fresh(pass_s, 0))

    def _class(self, throttle: float, *, plain_stuck: bool = False) -> str:
        if plain_stuck and throttle > 0:
            return ONLY_THROTTLED
        # Auto-converge takes up to 99 % of the guest's time, which ends any migration.
        known = self.job.dirty_bytes_per_s is not None or self._fits() or self.job.auto_converge
        return FINISHES if known else NOT_KNOWN

    # --- passes

    def _passes(self, postcopy_at_s: t.Optional[float]) -> UnattendedCourse:
        """Pass after pass, until what is left fits, post-copy is due, or it stands still at the highest throttle."""
        job, whole = self.job, self.job.sent_bytes
        plain_stuck, throttle = self._stuck(0), _Throttle(job)
        left, at_s, sent = whole, 0.0, 0.0
        # Who plans post-copy for a guest whose set is above the limit does not see it end before.
        least = 0.0 if postcopy_at_s is None or self._fits() else max(self.left_bytes or 0.0, self.set_bytes or 0.0)
        for number in range(1, _MOST_PASSES + 1):
            first = number == 1
            pages = left - self.unsent
            wire = on_the_wire(pages, job.zero_bytes if first else 0.0)
            scanning_s = job.zero_bytes / ZEROS_BYTES_PER_S if first else 0.0
            time_s = sending_s(wire, self.rates.passes, self.rates.link, scanning_s)
            if postcopy_at_s is not None and at_s + time_s >= postcopy_at_s:
                part = (postcopy_at_s - at_s) / time_s if time_s > 0 else 0.0
                return self._split(left, at_s, sent, postcopy_at_s, part=part, number=number)
            fresh = self._fresh(time_s, throttle.percent)
            at_s, sent = at_s + time_s, sent + wire
            # What is not sent is of the set, too, once all else has been.
            most = whole if self.hot_bytes is None or number < _SET_ONLY_FROM_PASS else max(self.unsent, self.hot_bytes)
            after = min(most, max(self.unsent + fresh, least))
            if after <= self.limit_bytes and not self._stuck(throttle.percent):
                return self._finished(number, after, at_s, sent, throttle.percent, plain_stuck)
            throttle.end_of_pass(number, time_s, fresh, pages)
            left = after
            if postcopy_at_s is None and throttle.spent and self._stuck(throttle.percent):
                break
        if postcopy_at_s is not None:
            sent += self.rates.passes * (postcopy_at_s - at_s)
            return self._split(left, postcopy_at_s, sent, postcopy_at_s, part=0.0, number=_MOST_PASSES)
        return UnattendedCourse(NEVER, throttle_percent=throttle.percent, floor_bytes=self._floor())

    def _finished(
        self, number: int, rest: float, at_s: float, sent: float, throttle: int, plain_stuck: bool
    ) -> UnattendedCourse:
        downtime_ms = self._downtime_ms(rest)
        return UnattendedCourse(
            self._class(throttle, plain_stuck=plain_stuck),
            total_s=at_s + downtime_ms / 1000,
            sent_bytes=(sent + on_the_wire(rest)) / self.rates.ratio,
            downtime_ms=downtime_ms,
            passes=number + _SYNCS_AROUND,
            throttle_percent=throttle if plain_stuck else 0,
            floor_bytes=rest,
        )

    def _split(
        self, left: float, at_s: float, sent: float, postcopy_at_s: float, *, part: float, number: int
    ) -> UnattendedCourse:
        """Post-copy after ``part`` of a pass that began with ``left``: the rest, and what was sent and rewritten."""
        job = self.job
        went = (left - self.unsent) * part
        again = min(went, part * self._fresh(postcopy_at_s - at_s, 0))
        rest = left - went + again
        zeros = job.zero_bytes * (1 - part) if number == 1 else 0.0
        rest_s = on_the_wire(rest, zeros) / self.rates.link + zeros / ZEROS_PLACED_BYTES_PER_S
        total_s = postcopy_at_s + rest_s + _SWITCH_MS / 1000
        sent += on_the_wire(went + rest, job.zero_bytes if number == 1 else 0.0)
        return UnattendedCourse(
            BY_POSTCOPY, total_s, sent / self.rates.ratio, float(_SWITCH_MS), number + 1, 0, rest_s, rest
        )

    def _downtime_ms(self, rest: float) -> float:
        return rest / self.rates.link * 1000 + _SWITCH_MS + HOST_DEVICE_MS * self.job.host_devices


class _Throttle:
    """QEMU's auto-converge. ``percent``: the one in force."""

    def __init__(self, job: UnattendedJob) -> None:
        self._job, self.percent, self._hits, self._period = job, 0, 0, (0.0, 0.0, 0.0)

    @property
    def spent(self) -> bool:
        return not self._job.auto_converge or self.percent >= _THROTTLE_END

    def end_of_pass(self, number: int, time_s: float, dirtied: float, sent: float) -> None:
        since_s, was_dirtied, was_sent = self._period
        self._period = (since_s + time_s, was_dirtied + dirtied, was_sent + sent)
        if self._period[0] < _RATE_OVER_S or number == 1 or not self._job.auto_converge:
            return
        _time_s, dirtied, sent = self._period
        self._period = (0.0, 0.0, 0.0)
        if dirtied <= _AGAIN_OVER_SENT * sent:
            return
        self._hits += 1
        if self._hits >= 2:
            self._hits = 0
            step = self._job.throttle_increment_percent if self.percent else self._job.throttle_initial_percent
            self.percent = min(_THROTTLE_END, self.percent + step)
