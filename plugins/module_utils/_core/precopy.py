# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Decisions in pre-copy, while the guest runs on the source."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .actions import Action, Kind, Result
from .budget import Budget
from .diagnosis import Context, diagnose
from .finishing import SHRINKS, highest_limit_ms, limit_for, worth_finishing
from .history import History
from .job import Phase
from .plan import POSTCOPY, Plan
from .policy import Contract
from .switching import against_postcopy
from .units import human_bytes, human_ms

_STALL_S = 5.0
_NEAR_BEST = 1.1
_CAPPED_SHARE = 0.9
_SPLIT_PAYS = 0.2  # of the first pass: so much longer by pre-copy, and "prefer" prefers post-copy
_PLATEAU_PASSES = 2
_TRY_PAUSE_S = 10.0
_MEANT_S = 1.0
_RAISE = 3.0
_PROBE_S = 0.5
_PAYS = 0.7  # bytes on the wire per byte of a page: compression that saves less is none
_SAY_AGAIN_S = 1.0


@dataclass(frozen=True)
class _At:
    """One boundary in numbers: bytes left here and at the one before, and the downtime that they need."""

    left: float
    before: float
    need_ms: float
    numbers: t.Mapping[str, t.Any]

    @property
    def shrinks(self) -> bool:
        return self.left < SHRINKS * self.before


class Precopy:
    """Holds what has been set so far; the supervisor tells it what was given out and what became of it."""

    def __init__(self, contract: Contract, plan: Plan, history: History) -> None:
        self.contract, self.plan, self.history = contract, plan, history
        self.budget = Budget(contract, plan, history)
        self.allowed_pause_s = contract.max_downtime_ms / 1000
        self._highest_ms = highest_limit_ms(contract.max_downtime_ms)
        self._limit_ms: t.Optional[int] = plan.start_limit_ms
        self._first_chance_s: t.Optional[float] = None
        self._plateau = 0
        self._wants_split = False
        self._no_postcopy = plan.flags.postcopy is False or contract.postcopy == "never"
        self._no_bandwidth = plan.bandwidth_mib_per_s is None
        self._pausing_until_s: t.Optional[float] = None
        self._said = ("", 0.0)
        self._meant_since_s: t.Optional[float] = None
        self._compresses: t.Optional[bool] = None if plan.flags.xbzrle_cache_bytes else False
        self._limit_is_new = True
        self._suspended = False
        self._no_pause = False

    # --- what the supervisor tells

    def learn(self, results: t.Sequence[Result]) -> None:
        for result in results:
            if not result.failed:
                continue
            if result.kind is Kind.START_POSTCOPY:
                self._no_postcopy = True
            elif result.kind is Kind.SET_BANDWIDTH:
                self._no_bandwidth = True
            elif result.kind is Kind.SUSPEND:
                self._suspended, self._no_pause = False, True
            elif result.kind is Kind.SET_DOWNTIME:
                self._limit_ms = self.history.last.limits.max_downtime_ms

    def given(self, action: Action) -> None:
        if action.kind is Kind.SET_DOWNTIME and action.value is not None:
            self._limit_ms = int(action.value)
        elif action.kind is Kind.SUSPEND and action.value is not None:
            self.allowed_pause_s, self._suspended = action.value, True
        elif action.kind is Kind.SET_BANDWIDTH:
            self._no_bandwidth = True

    # --- deciding

    def decide(self, began: bool) -> list[Action]:
        """``began``: a pass has begun since the last look."""
        last = self.history.last
        if self._suspended:
            return []  # libvirt tells of it with the next look
        if last.phase is Phase.SETUP:
            return self._stopped(self.budget.setup_over())
        if last.limits.max_downtime_ms is not None:
            self._limit_ms = last.limits.max_downtime_ms
        first = self._limit_at_first()
        then = self._now(began)
        return then if any(action.kind is Kind.SET_DOWNTIME for action in then) else first + then

    def _now(self, began: bool) -> list[Action]:
        over = self.budget.over()
        if over is not None:
            return self._last_chance(over[0]) or self._stopped(over)
        if self.history.silent_s >= _STALL_S:
            silent_s = self.history.silent_s
            text = f"not one byte has been sent for {human_ms(silent_s * 1000)}; the guest runs on the source"
            return self._wait("NETWORK_STALL", text, {"silent_s": round(silent_s, 1)})
        first_look = self.history.observed_s == 0
        if first_look and self.plan.adopted and self.history.assume_past():
            self._plateau = _PLATEAU_PASSES - 1
            began = True
        if began:
            return self._lift_bandwidth() + self._at_boundary(self._here())
        if self._compresses is None and self._probe():
            return self._at_boundary(self._here())
        return self._planned_split() or self._wanted_split() or self._undo_pause()

    def _limit_at_first(self) -> list[Action]:
        """The limit that the job has is QEMU's, or somebody else's: ours at the start, and never above the contract."""
        limit_ms, is_new, self._limit_is_new = self._limit_ms, self._limit_is_new, False
        wanted = self._highest_ms if self.plan.adopted else min(self.plan.start_limit_ms or 300, self._highest_ms)
        if not is_new or limit_ms is None or limit_ms == wanted or (self.plan.adopted and limit_ms <= wanted):
            return []
        text = f"the job has a limit of {limit_ms} ms"
        return [Action(Kind.SET_DOWNTIME, "FIRST_LIMIT", text, {"limit_ms": limit_ms}, value=wanted)]

    def _probe(self) -> bool:
        """In the third pass: whether pages go for less than their size. True when they do not, to decide anew."""
        at_boundary = self.history.at_boundary
        last = self.history.last
        if at_boundary is None or (last.pass_number or 0) < 3 or last.at_s - at_boundary.at_s < _PROBE_S:
            return False
        pages = at_boundary.memory.remaining_bytes - last.memory.remaining_bytes
        wire = last.memory.processed_bytes - at_boundary.memory.processed_bytes
        self._compresses = wire < _PAYS * pages
        return not self._compresses

    def _here(self) -> _At:
        left, before = float(self.history.boundaries[-1].remaining_bytes), self.history.left_before()
        bandwidth = self.history.bandwidth_bytes_per_s
        need_ms = left / bandwidth * 1000 if bandwidth > 0 else float("inf")
        numbers = {
            "pass": self.history.boundaries[-1].pass_number,
            "remaining_bytes": int(left),
            "before_bytes": int(before),
            "bandwidth_bytes_per_s": int(bandwidth),
            "needed_downtime_ms": round(need_ms) if bandwidth > 0 else None,
            "limit_ms": self._limit_ms,
        }
        return _At(left, before, need_ms, numbers)

    def _at_boundary(self, at: _At) -> list[Action]:
        self._plateau = 0 if at.shrinks else self._plateau + 1
        self._wants_split = False
        if self._limit_ms is not None and at.need_ms <= self._limit_ms:
            return self._meant_to_finish(at)
        limit_ms = limit_for(at.need_ms, self._highest_ms)
        if limit_ms is not None:
            return self._finish(at, limit_ms)
        if self._split_is_due(at):
            self._wants_split = True
            return self._wanted_split() or self._wait("POSTCOPY_GUARD", "post-copy waits for its guard", at.numbers)
        if at.shrinks:
            text = f"the last pass got it down from {human_bytes(at.before)} to {human_bytes(at.left)}"
            return self._wait("SHRINKING", text, at.numbers)
        if self._throttle_climbs():
            text = f"the guest is slowed down by {self.history.last.throttle_percent} %, and QEMU goes on with that"
            return self._wait("THROTTLING", text, {**at.numbers, "throttle": self.history.last.throttle_percent})
        return self._pause(at) or self._linger(at)

    def _meant_to_finish(self, at: _At) -> list[Action]:
        """By our reckoning QEMU switches here; where it does not, its own bandwidth of the last 100 ms is lower."""
        now_s, limit_ms = self.history.last.at_s, self._limit_ms or 0
        if self._meant_since_s is None:
            self._meant_since_s = now_s
        if now_s - self._meant_since_s < _MEANT_S or limit_ms >= self._highest_ms:
            return self._wait("FINISHING", "what is left fits the downtime limit", at.numbers)
        self._meant_since_s = now_s
        raised_ms = min(self._highest_ms, int(limit_ms * _RAISE))
        text = f"what is left has fitted the limit of {limit_ms} ms for {_MEANT_S:g} s, and QEMU does not switch over"
        return [Action(Kind.SET_DOWNTIME, "LIMIT_NOT_MET", text, at.numbers, value=raised_ms)]

    def _finish(self, at: _At, limit_ms: int) -> list[Action]:
        """The contract allows a finish here: now, or at a better boundary that is likely to come."""
        now_s = self.history.last.at_s
        if self._first_chance_s is None:
            self._first_chance_s = now_s
        waited_s, patience_s = now_s - self._first_chance_s, self.budget.patience_s
        why = worth_finishing(
            at.left, at.before, floor_bytes=self.plan.floor_bytes, waited_s=waited_s, patience_s=patience_s
        )
        if why is not None and self._compresses is None:
            return self._wait("COMPRESSION", "whether compression helps is seen in the third pass", at.numbers)
        if why is not None and at.left > _NEAR_BEST * self.history.least_since(now_s - patience_s):
            # A guest that is busy in phases was nearer to its end a moment ago, and will be again.
            why = None
        if why is None and self.budget.nearly_over(2 * at.need_ms / 1000, at.left):
            why = "there is no time or data left for another pass"
        if why is None:
            return self._wait("SHRINKING", f"{human_ms(at.need_ms)} of downtime would do, less will soon", at.numbers)
        text = f"{why}: {human_ms(at.need_ms)} of downtime are needed for {human_bytes(at.left)}"
        return [Action(Kind.SET_DOWNTIME, "NEEDED_DOWNTIME", text, at.numbers, value=limit_ms)]

    # --- post-copy

    def _planned_split(self) -> list[Action]:
        """In the first pass, where a measurement has shown beforehand that the guest needs post-copy."""
        last, share = self.history.last, self.plan.postcopy_share
        if share is None or share >= 1 or self._no_postcopy or last.pass_number not in (None, 0, 1):
            return []
        if last.memory.processed_bytes == 0:
            return []
        # The next look may be half a second away: rather a little early than late.
        soon = last.memory.remaining_bytes - self.history.bandwidth_bytes_per_s * self.history.gap_s / 2
        if soon > (1 - share) * last.memory.total_bytes:
            return []
        return self._split("POSTCOPY_PLANNED", "the guest was measured: it finishes only by post-copy", planned=True)

    def _split_is_due(self, at: _At) -> bool:
        if self._no_postcopy:
            return False
        if self.plan.way == POSTCOPY or self._plateau >= _PLATEAU_PASSES:
            return True
        last_pass_s = self.history.last.at_s - self._boundary_before_s()
        if self._plateau and last_pass_s >= self.budget.patience_s:
            return True
        if self.contract.postcopy != "prefer":
            return False
        rest = at.left / at.before if at.before > 0 else 1.0
        longer_s = at.need_ms / 1000 * rest / (1 - rest) if rest < 1 else float("inf")
        return longer_s > _SPLIT_PAYS * (self.history.first_pass_s or 0.0)

    def _boundary_before_s(self) -> float:
        if len(self.history.boundaries) >= 2:
            return self.history.boundaries[-2].at_s
        return self.history.memory_since_s or self.history.last.at_s

    def _wanted_split(self) -> list[Action]:
        if not self._wants_split or self._no_postcopy:
            return []
        return self._split("POSTCOPY_NEEDED", "passes do not get it down to what the contract allows", planned=False)

    def _split(self, reason: str, because: str, *, planned: bool) -> list[Action]:
        against = against_postcopy(self.history, self.contract, self.plan.host_devices, planned=planned)
        numbers = {
            "remaining_bytes": self.history.last.memory.remaining_bytes,
            "bandwidth_bytes_per_s": int(self.history.bandwidth_bytes_per_s),
        }
        if against:
            text = "; ".join(objection.message for objection in against)
            return self._wait("POSTCOPY_GUARD", text, {**numbers, "objections": [o.id for o in against]}, once=True)
        self._wants_split = False
        return [Action(Kind.START_POSTCOPY, reason, because, numbers)]

    # --- when neither downtime nor post-copy will do

    def _throttle_climbs(self) -> bool:
        flagged = self.plan.flags.auto_converge or self.history.last.throttle_percent > 0
        return bool(flagged) and self.history.last.throttle_percent < self.contract.max_throttle_percent

    def _pause(self, at: _At) -> list[Action]:
        """A longer standstill, where the contract has one: as a limit, so that QEMU pauses only when it fits."""
        limit_ms = limit_for(at.need_ms, highest_limit_ms(max(1.0, self.contract.max_pause_s * 1000)))
        if self.contract.max_pause_s <= 0 or limit_ms is None or self._plateau < _PLATEAU_PASSES:
            return []
        now_s = self.history.last.at_s
        if at.left > _NEAR_BEST * self.history.least_since(now_s - self.budget.patience_s):
            return []
        self._pausing_until_s = now_s + 2 * at.need_ms / 1000 + _TRY_PAUSE_S
        self.allowed_pause_s = self.contract.max_pause_s
        text = f"nothing shorter finishes: a pause of {human_ms(at.need_ms)} is needed for {human_bytes(at.left)}"
        return [Action(Kind.SET_DOWNTIME, "NEEDED_PAUSE", text, at.numbers, value=limit_ms)]

    def _undo_pause(self) -> list[Action]:
        if self._pausing_until_s is None or self.history.last.at_s < self._pausing_until_s:
            return []
        self._pausing_until_s = None
        self.allowed_pause_s = self.contract.max_downtime_ms / 1000
        text = "the pause did not come about in its time"
        return [Action(Kind.SET_DOWNTIME, "PAUSE_UNDONE", text, {}, value=self._highest_ms)]

    def _linger(self, at: _At) -> list[Action]:
        text = (
            f"passes no longer get it down, and {human_ms(at.need_ms)} of downtime are more than is allowed. It may"
            f" have a calm moment: {self.budget.left_text()}"
        )
        return self._wait("LINGERING", text, at.numbers)

    def _lift_bandwidth(self) -> list[Action]:
        ceiling, limit = self.plan.bandwidth_mib_per_s, self.history.last.limits.bandwidth_mib_per_s
        if self._no_bandwidth or ceiling is None or not limit or (ceiling != 0 and ceiling <= limit):
            return []
        bandwidth = self.history.bandwidth_bytes_per_s
        if bandwidth < _CAPPED_SHARE * limit * (1 << 20):
            return []
        numbers = {"limit_mib_per_s": limit, "bandwidth_bytes_per_s": int(bandwidth)}
        text = f"the limit of {limit} MiB/s holds it back, not the link"
        return [Action(Kind.SET_BANDWIDTH, "BANDWIDTH_CAP", text, numbers, value=ceiling)]

    # --- the end of the contract

    def _last_chance(self, reason: str) -> list[Action]:
        """At the deadline: does the contract's downtime finish it after all? Not when it has been tried."""
        bandwidth, boundaries = self.history.bandwidth_bytes_per_s, self.history.boundaries
        if not boundaries or bandwidth <= 0 or not self.budget.spend_last_chance(reason):
            return []
        at = self._here()
        limit_ms = limit_for(at.need_ms, self._highest_ms)
        if limit_ms is None or (self._limit_ms is not None and limit_ms <= self._limit_ms):
            return []
        text = f"the last chance within the contract: {human_ms(at.need_ms)} of downtime"
        return [Action(Kind.SET_DOWNTIME, "LAST_CHANCE", text, at.numbers, value=self._highest_ms)]

    def _stopped(self, over: t.Optional[tuple[str, str]]) -> list[Action]:
        """The contract's own end is reached: what it says is to be done then."""
        if over is None:
            return []
        reason, text = over
        if self.history.last.phase is Phase.SETUP:
            return [Action(Kind.ABORT, reason, text)]
        diagnosis = diagnose(self.history.recent, Context(self.contract, None, self.plan.flags.postcopy))
        numbers = {"diagnosis": diagnosis.reason.value, "evidence": dict(diagnosis.evidence)}
        text = f"{text}. {diagnosis.summary}"
        if self.contract.on_hopeless == "leave":
            return [Action(Kind.LEAVE, reason, text, numbers)]
        if (
            self.contract.on_hopeless == "pause"
            and not self._no_pause
            and reason not in ("NETWORK_STALL", "STORAGE_DEADLINE")
        ):
            bandwidth = self.history.bandwidth_bytes_per_s
            left = self.history.last.memory.remaining_bytes + (
                self.history.boundaries[-1].remaining_bytes if self.history.boundaries else 0
            )
            if bandwidth > 0 and left / bandwidth <= self.contract.max_pause_s:
                return [Action(Kind.SUSPEND, reason, text, numbers, value=self.contract.max_pause_s)]
        return [Action(Kind.ABORT, reason, text, numbers)]

    def _wait(
        self, reason: str, text: str, numbers: t.Mapping[str, t.Any], *, once: t.Optional[bool] = None
    ) -> list[Action]:
        """Say why nothing is done; what is found at every look (and not at a boundary) only when it is new."""
        now_s, (said, said_s) = self.history.last.at_s, self._said
        every_look = once if once is not None else "pass" not in numbers
        if said == reason and (every_look or now_s - said_s < _SAY_AGAIN_S):
            return []
        self._said = (reason, now_s)
        return [Action(Kind.WAIT, reason, text, numbers)]
