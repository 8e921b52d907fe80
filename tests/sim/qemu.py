# SPDX-License-Identifier: GPL-3.0-or-later
"""A fluid model of one QEMU migration in virtual time, seen through libvirt's statistics.

It has what decides whether a migration finishes: passes and bitmap syncs, the switch-over rule (what is known to be
left, at the bandwidth of the last 100 ms, against the downtime limit, then an exact sync and the same question again),
auto-converge as QEMU does it, xbzrle as a cheaper resend, post-copy, suspension, links that change or die. It does not
have processors, page order, or the cost of a bitmap sync.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)

from .guest import MIB, Guest, Link

PAGE = 4096
STEP_S = 0.05
_WINDOW_S = 0.1
_SYNC_EVERY_S = 0.002
_RATES_EVERY_S = 1.0
_DIRTY_OVER_SENT = 0.5
_THROTTLE_END = 99
_POSTCOPY_STOP_S = 0.02
_XBZRLE_FROM_PASS = 3


@dataclass(frozen=True)
class Start:
    """What the job is started with, and what belongs to the hosts rather than to the guest."""

    limit_ms: int = 300
    bandwidth_mib_per_s: int = 0
    postcopy: bool = False
    auto_converge: bool = False
    throttle_initial: int = 20
    throttle_increment: int = 10
    xbzrle_cache_bytes: int = 0
    setup_s: float = 0.5
    switch_s: float = 0.05
    pages_bytes_per_s: float = 1.2e9
    xbzrle_bytes_per_s: float = 250 * MIB
    dead_after_s: float = 30.0
    disk_bytes: int = 0


class RefusedError(Exception):
    """libvirt would have refused this."""


class Job:
    def __init__(self, guest: Guest, link: Link, start: Start) -> None:
        self.guest, self.link, self.start = guest, link, start
        self.now_s = 0.0
        self.phase = Phase.SETUP
        self.passes = 0
        self.limit_ms = start.limit_ms
        self.bandwidth_mib_per_s = start.bandwidth_mib_per_s
        self.left = float(guest.touched_bytes)
        self.sent = 0.0
        self.disk_left = float(start.disk_bytes)
        self.throttle = 0
        self.suspended = False
        self.stood_s = 0.0  # all the time in which no copy of the guest ran
        self.slow_s = 0.0  # work lost while one did
        self.split_s = 0.0
        self.requests = 0
        self._unique = 0.0
        self._measured = 0.0
        self._window = (0.0, 0.0)
        self._last_sync_s = 0.0
        self._sync_left = 0.0
        self._period = (0.0, 0.0, 0.0)  # since when, bytes dirtied, bytes sent before
        self._dirty_rate = 0.0
        self._hits = 0
        self._silent_s = 0.0
        self._switching_s = 0.0
        self._missing_hot = 0.0
        self._asked_postcopy = False

    # --- what libvirt lets a client do

    def set_downtime(self, limit_ms: float) -> None:
        self._needs_job()
        self.limit_ms = int(limit_ms)

    def set_bandwidth(self, mib_per_s: float) -> None:
        self._needs_job()
        self.bandwidth_mib_per_s = int(mib_per_s)

    def start_postcopy(self) -> None:
        self._needs_job()
        if not self.start.postcopy:
            raise RefusedError("switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag")
        self._asked_postcopy = True

    def suspend(self) -> None:
        self._needs_job()
        self.suspended = True

    def abort(self) -> None:
        self._needs_job()
        if self.phase in (Phase.POSTCOPY, Phase.POSTCOPY_FAILED):
            raise RefusedError("cannot abort migration in post-copy mode")
        self.phase = Phase.CANCELLED

    def recover(self) -> None:
        if self.phase is not Phase.POSTCOPY_FAILED:
            raise RefusedError("QEMU reports migration is still running")
        if self.link.rate(self.now_s) <= 0:
            raise RefusedError("unable to connect to the destination")
        self.phase, self._silent_s = Phase.POSTCOPY, 0.0

    def _needs_job(self) -> None:
        if not self.phase.running:
            raise RefusedError("no job is active on the domain")

    # --- what can be seen

    @property
    def running_on(self) -> list[str]:
        source = self.phase in (Phase.SETUP, Phase.PRECOPY, Phase.FAILED, Phase.CANCELLED) and not (
            self.phase.running and self.suspended
        )
        destination = self.phase in (Phase.POSTCOPY, Phase.COMPLETED)
        return ["source"] * source + ["destination"] * destination

    def sample(self) -> JobSample:
        if self.phase is Phase.SETUP and self.start.disk_bytes == 0:
            return JobSample(Phase.SETUP, "outgoing", int(self.now_s * 1000), at_s=self.now_s)
        # libvirt knows no phase for disks: the job has a total, and its memory has not moved.
        disks = self.phase is Phase.SETUP
        phase = Phase.PRECOPY if disks else self.phase
        phase = Phase.SWITCHOVER if phase is Phase.PRECOPY and self.suspended else phase
        whole = self.guest.memory_bytes / self.guest.touched_bytes if self.passes <= 1 else 1.0
        bandwidth = self._measured
        expected_ms = self.limit_ms if self._dirty_rate == 0 else int(self._sync_left / max(1.0, bandwidth) * 1000)
        limit = self.bandwidth_mib_per_s
        return JobSample(
            phase=phase,
            operation="outgoing",
            elapsed_ms=int(self.now_s * 1000),
            pass_number=self.passes,
            memory=Progress() if disks else Progress(self.guest.memory_bytes, int(self.sent), int(self.left * whole)),
            disk=Progress(self.start.disk_bytes, int(self.start.disk_bytes - self.disk_left), int(self.disk_left)),
            bandwidth_bytes_per_s=int(bandwidth),
            dirty_pages_per_s=int(self._dirty_rate / PAGE),
            expected_downtime_ms=None if phase is Phase.COMPLETED else expected_ms,
            downtime_ms=int(self.stood_s * 1000) if phase is Phase.COMPLETED else None,
            throttle_percent=self.throttle,
            postcopy_requests=self.requests,
            limits=Limits(self.limit_ms, limit, 0),
            at_s=self.now_s,
        )

    # --- time

    def step(self, step_s: float = STEP_S) -> bool:
        """Let time pass; True when a bitmap sync came in it."""
        passes = self.passes
        end_s = self.now_s + step_s
        while self.phase.running and end_s - self.now_s > 1e-9:
            self._advance(end_s - self.now_s)
        self.now_s = max(self.now_s, end_s)
        return self.passes > passes

    def _advance(self, most_s: float) -> None:
        rate = self._rate()
        if self.phase is not Phase.SETUP:
            self._watch_link(rate, most_s)
        if not self.phase.running:
            self._pass_time(most_s, 0.0)
        elif self.phase is Phase.SETUP:
            self._set_up(most_s)
        elif self.phase is Phase.PRECOPY:
            self._precopy(most_s, rate)
        elif self.phase is Phase.SWITCHOVER:
            self._switch(most_s, rate)
        else:
            self._postcopy(most_s, rate)

    def _rate(self) -> float:
        limit = self.bandwidth_mib_per_s * MIB
        rate = min(self.link.rate(self.now_s), self.start.pages_bytes_per_s)
        return min(rate, limit) if limit and self.phase is Phase.PRECOPY else rate

    def _resend_cost(self) -> float:
        cache = self.start.xbzrle_cache_bytes
        if not cache or self.passes < _XBZRLE_FROM_PASS:
            return 1.0
        hit = min(1.0, cache / max(1.0, self.guest.spell(self.now_s).hot_bytes))
        return 1 - hit + hit * self.guest.delta_share

    def _set_up(self, most_s: float) -> None:
        if self.disk_left > 0:
            self.disk_left = max(0.0, self.disk_left - self._rate() * most_s)
            self._pass_time(most_s, 0.0)
            return
        self._pass_time(most_s, 0.0)
        if self.now_s >= self.start.setup_s:
            self.phase, self.passes = Phase.PRECOPY, 1
            self._sync_left = self.left
            self._last_sync_s, self._window = self.now_s, (self.now_s, 0.0)
            self._period = (self.now_s, 0.0, 0.0)

    def _precopy(self, most_s: float, rate: float) -> None:
        if self._asked_postcopy:
            self._split()
            return
        cost = self._resend_cost()
        pages = min(rate / cost, self.start.xbzrle_bytes_per_s) if self.start.xbzrle_cache_bytes else rate / cost
        fits = self._measured * self.limit_ms / 1000
        until_s = most_s
        if pages > 0:
            until_s = min(most_s, max(0.0, (self.left - fits) / pages))
        wait_s = self._last_sync_s + _SYNC_EVERY_S - self.now_s
        until_s = min(most_s, max(until_s, wait_s))
        moved = min(self.left, pages * until_s)
        self.left -= moved
        self._pass_time(until_s, moved * cost)
        if self.left <= fits + 1 and self.now_s - self._last_sync_s >= _SYNC_EVERY_S - 1e-9 and pages > 0:
            self._sync()
            if self.left <= fits + 1:
                self.phase = Phase.SWITCHOVER
                self._switching_s = self.start.switch_s

    def _sync(self) -> None:
        spell = self.guest.spell(self.now_s)
        within = self.guest.touched_bytes if self.passes == 1 else max(spell.hot_bytes, 1.0)
        new = self._unique * (1 - min(1.0, self.left / within))
        self.left = min(float(self.guest.touched_bytes), self.left + new)
        self._unique = 0.0
        self.passes += 1
        self._last_sync_s, self._sync_left = self.now_s, self.left
        since_s, dirtied, sent_before = self._period
        dirtied += new
        if self.now_s - since_s > _RATES_EVERY_S:
            self._dirty_rate = dirtied / (self.now_s - since_s)
            self._converge(dirtied, self.sent - sent_before)
            self._period = (self.now_s, 0.0, self.sent)
        else:
            self._period = (since_s, dirtied, sent_before)

    def _converge(self, dirtied: float, sent: float) -> None:
        if not self.start.auto_converge or dirtied <= _DIRTY_OVER_SENT * sent:
            return
        self._hits += 1
        if self._hits >= 2:
            self._hits = 0
            step = self.start.throttle_increment
            self.throttle = min(_THROTTLE_END, self.throttle + step) if self.throttle else self.start.throttle_initial

    def _switch(self, most_s: float, rate: float) -> None:
        moved_s = min(most_s, self.left / rate) if rate > 0 and self.left > 0 else (0.0 if self.left <= 0 else most_s)
        moved = min(self.left, rate * moved_s)
        self.left -= moved
        if self.left < 1:
            self.left = 0.0
            last_s = min(most_s - moved_s, self._switching_s)
            self._switching_s -= last_s
            self._pass_time(moved_s + last_s, moved)
            if self._switching_s <= 1e-9:
                self.phase = Phase.COMPLETED
            return
        self._pass_time(most_s, moved)

    def _split(self) -> None:
        self._sync()
        hot = self.guest.spell(self.now_s).hot_bytes
        self._missing_hot = min(hot, self.left)
        self.phase = Phase.POSTCOPY
        self.stood_s += _POSTCOPY_STOP_S

    def _postcopy(self, most_s: float, rate: float) -> None:
        if self.phase is Phase.POSTCOPY_FAILED:
            self._pass_time(most_s, 0.0)
            return
        moved_s = min(most_s, self.left / rate) if rate > 0 else most_s
        moved = min(self.left, rate * moved_s)
        self.left -= moved
        self._missing_hot = max(0.0, self._missing_hot - moved)
        self.requests += int(moved / PAGE / 4) + 1
        self.split_s += moved_s
        self._pass_time(moved_s, moved)
        if self.left < 1:
            self.left, self.phase = 0.0, Phase.COMPLETED

    def _pass_time(self, time_s: float, sent: float) -> None:
        spell = self.guest.spell(self.now_s)
        if not self.running_on:
            self.stood_s += time_s
        elif self.phase is Phase.PRECOPY:
            activity = 1 - self.throttle / 100
            self._unique = self.guest.dirtied(self._unique, spell, activity, time_s)
            self.slow_s += time_s * (1 - activity)
        elif self.phase is Phase.POSTCOPY and spell.hot_bytes > 0:
            self.slow_s += time_s * min(1.0, self._missing_hot / spell.hot_bytes)
        self.now_s += time_s
        self.sent += sent
        since_s, sent_before = self._window
        if self.phase.running and self.now_s - since_s >= _WINDOW_S:
            self._measured = (self.sent - sent_before) / (self.now_s - since_s)
            self._window = (self.now_s, self.sent)

    def _watch_link(self, rate: float, time_s: float) -> None:
        """TCP survives a short break; libvirt's keepalive and QEMU's timeouts do not survive a long one."""
        self._silent_s = self._silent_s + time_s if rate <= 0 else 0.0
        if self._silent_s > self.start.dead_after_s:
            if self.phase is Phase.POSTCOPY:
                self.phase = Phase.POSTCOPY_FAILED
            elif self.phase in (Phase.PRECOPY, Phase.SWITCHOVER):
                self.phase = Phase.FAILED
