# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left when passes do not get it down: a pause with an end, the last chance at the deadline or another limit of
the policy, and the policy's own end."""

from __future__ import annotations

import typing as t

from ..diagnosis.diagnosis import diagnose
from ..diagnosis.verdict import Context
from ..job.downtime_limit import NEAR_BEST, highest_limit_ms, limit_for
from ..job.sample import Phase
from ..units import human_bytes, human_ms, seconds_for
from .actions import Action, Kind
from .boundary_figures import BoundaryFigures
from .budget import Budget, Exceeded
from .history import History
from .settings_in_force import SettingsInForce

_TRY_PAUSE_S = 10.0  # beside the time of two passes, within which QEMU has compared with the limit; a choice
_NO_PAUSE_AFTER = ("NETWORK_STALL", "STORAGE_DEADLINE")


class Fallbacks:
    """Decides when nothing else is left. Its methods give the actions to take, an empty list for none.

    How long the guest may stand still in a pause that it begins is noted in ``settings.allowed_pause_s``.
    """

    def __init__(self, history: History, settings: SettingsInForce, budget: Budget) -> None:
        self._policy, self._plan, self._settings = settings.policy, settings.plan, settings
        self._history, self._budget = history, budget
        self._pausing_until_s: t.Optional[float] = None

    def pause(self, at: BoundaryFigures) -> list[Action]:
        """A longer standstill, where the policy has one: as a limit, so that QEMU pauses only when it fits."""
        if self._policy.max_pause_s <= 0:
            return []
        limit_ms = limit_for(at.need_ms, highest_limit_ms(self._policy.max_pause_s * 1000, self._plan.host_devices))
        now_s = self._history.last.at_s
        if limit_ms is None or at.left_bytes > NEAR_BEST * self._history.least_since(now_s - self._budget.patience_s):
            return []
        self._pausing_until_s = now_s + 2 * at.need_ms / 1000 + _TRY_PAUSE_S
        self._settings.allowed_pause_s = self._policy.max_pause_s
        text = f"nothing shorter finishes: a pause of {human_ms(at.need_ms)} is needed for {human_bytes(at.left_bytes)}"
        return [Action(Kind.SET_DOWNTIME, "NEEDED_PAUSE", text, at.numbers, value=limit_ms)]

    def undo_pause(self) -> list[Action]:
        """At any look: a pause that did not come about in its time must not come about later."""
        if self._pausing_until_s is None or self._history.last.at_s < self._pausing_until_s:
            return []
        self._pausing_until_s = None
        self._settings.allowed_pause_s = self._policy.max_downtime_ms / 1000
        text = "the pause did not come about in its time"
        return [Action(Kind.SET_DOWNTIME, "PAUSE_UNDONE", text, {}, value=self._settings.highest_ms)]

    def last_chance(self, reason: str, at: BoundaryFigures) -> list[Action]:
        """At the deadline: does the policy's downtime finish it after all? Not when it has been tried."""
        needed_ms, limit_ms = limit_for(at.need_ms, self._settings.highest_ms), self._settings.limit_ms
        if needed_ms is None or (limit_ms is not None and needed_ms <= limit_ms):
            return []
        if not self._budget.spend_last_chance(reason):
            return []
        text = f"the last chance within the policy: {human_ms(at.need_ms)} of downtime"
        return [Action(Kind.SET_DOWNTIME, "LAST_CHANCE", text, at.numbers, value=self._settings.highest_ms)]

    def stop(self, exceeded: Exceeded) -> list[Action]:
        """The policy's own end is reached: what it says is to be done then."""
        reason, text = exceeded
        if self._history.last.phase is Phase.SETUP:
            # To pause a guest of which nothing has been sent would end nothing.
            kind = Kind.LEAVE if self._policy.on_hopeless == "leave" else Kind.ABORT
            return [Action(kind, reason, text)]
        diagnosis = diagnose(self._history.recent, Context(self._policy, None, self._plan.flags.postcopy))
        numbers = {"diagnosis": diagnosis.reason.value, "evidence": dict(diagnosis.evidence)}
        text = f"{text}. {diagnosis.summary}"
        if self._policy.on_hopeless == "leave":
            return [Action(Kind.LEAVE, reason, text, numbers)]
        if self._policy.on_hopeless == "pause" and reason not in _NO_PAUSE_AFTER and self._pause_would_do():
            return [Action(Kind.SUSPEND, reason, text, numbers, value=self._policy.max_pause_s)]
        return [Action(Kind.ABORT, reason, text, numbers)]

    def _pause_would_do(self) -> bool:
        """Whether the rest of this pass and what it leaves can be sent within the pause."""
        bandwidth, boundary = self._history.bandwidth_bytes_per_s, self._history.last_boundary
        left = self._history.last.memory.remaining_bytes + (boundary.remaining_bytes if boundary else 0)
        return self._settings.may_suspend and seconds_for(left, bandwidth) <= self._policy.max_pause_s
