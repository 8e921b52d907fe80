# SPDX-License-Identifier: GPL-3.0-or-later
"""What other tools do with a migration, each as a small strategy written from its rules.

The rules are those of the versions of 2026 that are named in the docstrings, with their default figures. What they do
before or after a migration is left out.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)

from .guest import GIB, Guest, Link
from .qemu import Start


def act(kind: Kind, reason: str, value: t.Optional[float] = None) -> list[Action]:
    return [Action(kind, reason, "", value=value)]


@dataclass
class Peer:
    """``virsh migrate`` with the flags it is given: it looks at the job and does nothing."""

    name: str = "virsh"
    start: Start = field(default_factory=Start)
    poll_s: float = 0.5
    events: bool = False

    def begin(self, guest: Guest, link: Link) -> t.Optional[Start]:
        return self.start

    def look(self, sample: JobSample, at_sync: bool, results: t.Sequence[ActionResult]) -> t.Sequence[Action]:
        return self.decide(sample) if sample.phase is Phase.PRECOPY else []

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        return []


def virsh_auto_converge() -> Peer:
    return Peer("virsh auto-converge", Start(auto_converge=True))


@dataclass
class Timeout(Peer):
    """``virsh migrate --timeout``: one step when so much time has passed, whatever the job looks like."""

    kind: Kind = Kind.SUSPEND
    after_s: float = 15.0
    _done: bool = False

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        if self._done or sample.elapsed_ms < self.after_s * 1000:
            return []
        self._done = True
        return act(self.kind, "TIMEOUT")


def virsh_timeout_suspend() -> Peer:
    return Timeout("virsh timeout-suspend")


def virsh_timeout_postcopy() -> Peer:
    return Timeout("virsh timeout-postcopy", Start(postcopy=True), kind=Kind.START_POSTCOPY)


@dataclass
class AfterPrecopy(Peer):
    """``virsh migrate --postcopy-after-precopy``: at the event of the second iteration."""

    events: bool = True
    _done: bool = False

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        if self._done or (sample.pass_number or 0) < 2:
            return []
        self._done = True
        return act(Kind.START_POSTCOPY, "SECOND_ITERATION")


def virsh_after_precopy() -> Peer:
    return AfterPrecopy("virsh postcopy-after-precopy", Start(postcopy=True))


@dataclass
class Ovirt(Peer):
    """oVirt 4.5: a schedule by pass number, looked at every 10 s, one step at a time, then an abort."""

    poll_s: float = 10.0
    schedule: list[tuple[int, t.Sequence[Action]]] = field(default_factory=list)

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        if self.schedule and (sample.pass_number or 0) > self.schedule[0][0]:
            return self.schedule.pop(0)[1]
        return []


def _downtimes(*steps: tuple[int, float]) -> list[tuple[int, t.Sequence[Action]]]:
    return [(after, act(Kind.SET_DOWNTIME, "SCHEDULE", value)) for after, value in steps]


_LADDER = ((1, 150), (2, 200), (3, 300), (4, 400), (6, 500))


def ovirt_minimal() -> Peer:
    schedule = [*_downtimes(*_LADDER), (-1, act(Kind.ABORT, "SCHEDULE"))]
    return Ovirt("oVirt minimal downtime", Start(limit_ms=100, auto_converge=True), schedule=schedule)


def ovirt_suspend() -> Peer:
    schedule = [*_downtimes(*_LADDER, (-1, 5000)), (-1, act(Kind.ABORT, "SCHEDULE"))]
    start = Start(limit_ms=100, auto_converge=True, xbzrle_cache_bytes=64 << 20)
    return Ovirt("oVirt suspend workload", start, schedule=schedule)


def ovirt_postcopy() -> Peer:
    last = [(-1, act(Kind.START_POSTCOPY, "SCHEDULE")), (-1, act(Kind.ABORT, "SCHEDULE"))]
    start = Start(limit_ms=100, auto_converge=True, postcopy=True)
    return Ovirt("oVirt post-copy", start, schedule=[*_downtimes((1, 150), (2, 200)), *last])


@dataclass
class Nova(Peer):
    """Nova 2026: downtime in ten steps by the clock (75 s per GiB each), and an end at 800 s per GiB."""

    at_the_end: Kind = Kind.ABORT
    _step: int = -1
    _ended: bool = False

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        data_gib = max(2.0, sample.memory.total_bytes / GIB)
        elapsed_s = sample.elapsed_ms / 1000
        if elapsed_s > 800 * data_gib and not self._ended:
            self._ended = True
            return act(self.at_the_end, "TIMEOUT")
        base, steps = 500 / 10, 10
        if self._step < steps and elapsed_s > 75 * data_gib * (self._step + 1):
            self._step += 1
            return act(Kind.SET_DOWNTIME, "CLOCK", int(base + (500 - base) / steps * self._step))
        return []


def nova() -> Peer:
    return Nova("Nova")


def nova_postcopy() -> Peer:
    return Nova("Nova post-copy", Start(postcopy=True), at_the_end=Kind.START_POSTCOPY)


@dataclass
class Proxmox(Peer):
    """Proxmox VE 9: auto-converge and xbzrle always; more than five times no progress, and the downtime is doubled.

    It looks each second, and ten times a second from the first look on at which less is left than what is sent between
    two looks.
    """

    poll_s: float = 1.0
    _left: float = 0.0
    _sent: float = 0.0
    _looks: int = 0
    _count: int = 0
    _limit_ms: float = 100

    def begin(self, guest: Guest, link: Link) -> t.Optional[Start]:
        cache = 1 << (guest.memory_bytes // 10 - 1).bit_length()
        return Start(limit_ms=100, auto_converge=True, xbzrle_cache_bytes=cache)

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        left, sent = float(sample.memory.remaining_bytes), float(sample.memory.processed_bytes)
        self._looks += 1
        if sent == self._sent:
            return []
        if left < self._sent / self._looks:
            self.poll_s = 0.1
        self._count += 0 < self._left < left or left == 0
        self._left, self._sent = left, sent
        if self._count <= 5:
            return []
        self._count = 0
        self._limit_ms = min(2_000_000, self._limit_ms * 2)
        return act(Kind.SET_DOWNTIME, "NO_PROGRESS", self._limit_ms)


@dataclass
class KubevirtTimers(Peer):
    """KubeVirt's older monitor: 150 s without any decrease, or 150 s per GiB in all."""

    poll_s: float = 0.4
    at_the_end: Kind = Kind.ABORT
    _progress: tuple[float, float] = (float("inf"), 0.0)
    _ended: bool = False

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        elapsed_s = sample.elapsed_ms / 1000
        before, since_s = self._progress
        if sample.memory.remaining_bytes < before:
            since_s = elapsed_s
        self._progress = (float(sample.memory.remaining_bytes), since_s)
        late = elapsed_s > 150 * sample.memory.total_bytes / GIB or elapsed_s - since_s > 150
        if not late or self._ended:
            return []
        self._ended = True
        return act(self.at_the_end, "TIMEOUT")


def kubevirt_timers() -> Peer:
    return KubevirtTimers("KubeVirt timers")


def kubevirt_timers_postcopy() -> Peer:
    return KubevirtTimers("KubeVirt timers post-copy", Start(postcopy=True), at_the_end=Kind.START_POSTCOPY)


@dataclass
class KubevirtStall(Peer):
    """KubeVirt's stall detector (VEP 248): a 40 s window over boundaries, then a local minimum with patience."""

    events: bool = True
    poll_s: float = 0.4
    postcopy: bool = False
    max_downtime_ms: float = 900
    _window: list[tuple[float, float]] = field(default_factory=list)
    _least_outside: float = float("inf")
    _pass: int = 0
    _bandwidth: float = 0.0
    _before: tuple[float, float] = (0.0, 0.0)
    _stalled: list[float] = field(default_factory=list)
    _best: float = 0.0
    _since_s: float = 0.0
    _patience_s: float = 40.0
    _acted_s: t.Optional[float] = None

    def decide(self, sample: JobSample) -> t.Sequence[Action]:
        now_s, sent = sample.elapsed_ms / 1000, float(sample.memory.processed_bytes)
        before_s, before_sent = self._before
        if now_s - before_s >= 1:
            rate = (sent - before_sent) / (now_s - before_s)
            self._bandwidth = rate if not self._bandwidth else 0.4 * rate + 0.6 * self._bandwidth
            self._before = (now_s, sent)
        if self._acted_s is not None:
            return act(Kind.ABORT, "SWITCHOVER_TIMEOUT") if now_s - self._acted_s > 60 else []
        if (sample.pass_number or 0) <= max(1, self._pass):
            return []
        self._pass = sample.pass_number or 0
        return self._boundary(now_s, float(sample.memory.remaining_bytes), sample.memory.total_bytes / GIB)

    def _boundary(self, now_s: float, left: float, gib: float) -> t.Sequence[Action]:
        self._window.append((now_s, left))
        while now_s - self._window[0][0] > 40:
            self._least_outside = min(self._least_outside, self._window.pop(0)[1])
        if not self._stalled:
            if left < self._least_outside * 0.96 or self._least_outside == float("inf"):
                return []
            self._best, self._since_s = min(self._least_outside, *[each for _at, each in self._window]), now_s
        self._stalled.append(left)
        if now_s - self._since_s > self._patience_s:
            higher = [each for each in self._stalled if each > self._best]
            self._best = min(higher) if higher else left
            self._since_s, self._patience_s = now_s, self._patience_s / 2
        if left > self._best * 1.04 or not self._bandwidth:
            return []
        implied_ms = left / self._bandwidth * 1000
        if self.postcopy:
            if implied_ms / 1000 > 2 * 150 * gib - now_s:
                return []
            self._acted_s = now_s
            return act(Kind.START_POSTCOPY, "STALL")
        if implied_ms <= self.max_downtime_ms * 1.5:
            self._acted_s = now_s
            return act(Kind.SET_DOWNTIME, "STALL", self.max_downtime_ms)
        return act(Kind.ABORT, "STALL")


def kubevirt_stall() -> Peer:
    return KubevirtStall("KubeVirt stall detector")


def kubevirt_stall_postcopy() -> Peer:
    return KubevirtStall("KubeVirt stall detector post-copy", Start(postcopy=True), postcopy=True)


def proxmox() -> Peer:
    return Proxmox("Proxmox")


# Which of them a contract admits: none that may use post-copy where it is forbidden.
WITHOUT_POSTCOPY: t.Sequence[t.Callable[[], Peer]] = (
    Peer,
    virsh_auto_converge,
    virsh_timeout_suspend,
    ovirt_minimal,
    ovirt_suspend,
    nova,
    proxmox,
    kubevirt_timers,
    kubevirt_stall,
)
WITH_POSTCOPY: t.Sequence[t.Callable[[], Peer]] = (
    *WITHOUT_POSTCOPY,
    virsh_timeout_postcopy,
    virsh_after_precopy,
    ovirt_postcopy,
    nova_postcopy,
    kubevirt_timers_postcopy,
    kubevirt_stall_postcopy,
)
