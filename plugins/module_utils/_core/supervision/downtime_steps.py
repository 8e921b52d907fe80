# SPDX-License-Identifier: GPL-3.0-or-later
"""Which downtime a job is allowed, and when: the first limit, and the one at which it is to finish."""

from __future__ import annotations

import typing as t

from ..job.downtime_limit import NEAR_BEST, limit_for, next_by_trend, pays_to_wait, worth_finishing
from ..units import human_bytes, human_ms
from .actions import Action, Kind
from .boundary_figures import BoundaryFigures
from .budget import Budget
from .history import History
from .settings_in_force import SettingsInForce
from .wait_log import WaitLog

_QEMU_LIMIT_MS = 300  # QEMU's default
# Ten of the 100 ms over which QEMU reckons its bandwidth: when it has not switched by then, it is not about to.
_SWITCH_EXPECTED_WITHIN_S = 1.0
_ANOTHER_PHASE = 2.0  # times what was left lately
_RAISE = 3.0  # times: a choice, so that few steps lead from any limit to what the policy allows


class DowntimeSteps:
    """Within the policy's downtime. A pause beyond it is one of the fallbacks."""

    def __init__(self, history: History, settings: SettingsInForce, budget: Budget, wait_log: WaitLog) -> None:
        self._plan = settings.plan
        self._history, self._settings = history, settings
        self._budget, self._wait_log = budget, wait_log
        self._first_chance_s: t.Optional[float] = None
        self._switch_expected_since_s: t.Optional[float] = None

    def first_limit(self) -> list[Action]:
        """The limit that the job has is QEMU's, or somebody else's: ours at the start, and never above the policy."""
        limit_ms = self._settings.limit_ms
        start_ms = self._settings.highest_ms if self._plan.adopted else self._plan.start_limit_ms or _QEMU_LIMIT_MS
        wanted_ms = min(start_ms, self._settings.highest_ms)
        if limit_ms is None or limit_ms == wanted_ms or (self._plan.adopted and limit_ms <= wanted_ms):
            return []
        text = f"the job has a limit of {limit_ms} ms"
        return [Action(Kind.SET_DOWNTIME, "FIRST_LIMIT", text, {"limit_ms": limit_ms}, value=wanted_ms)]

    def finish_is_due(self, at: BoundaryFigures) -> bool:
        """Whether the limit allows what it needs, and has been there for no boundary yet."""
        boundary, settings = self._history.at_boundary, self._settings
        if settings.limit_ms is None or settings.limit_given_s is None or at.need_ms > settings.limit_ms:
            return False
        return boundary is None or settings.limit_given_s >= boundary.at_s

    def at_boundary(self, at: BoundaryFigures, compresses: t.Optional[bool]) -> t.Optional[list[Action]]:
        """None where what it needs is more than the policy allows. ``compresses``: whether a compression of pages that
        are sent again helps (None: that is not seen yet)."""
        limit_ms = self._settings.limit_ms
        if limit_ms is not None and at.need_ms <= limit_ms:
            return self._expect_switchover(at)
        self._switch_expected_since_s = None
        needed_ms = limit_for(at.need_ms, self._settings.highest_ms)
        return None if needed_ms is None else self._finish(at, needed_ms, compresses)

    def _expect_switchover(self, at: BoundaryFigures) -> list[Action]:
        """By our reckoning QEMU switches here; where it does not, its own bandwidth of the last 100 ms is lower."""
        now_s, limit_ms = self._history.last.at_s, self._settings.limit_ms or 0
        if self._switch_expected_since_s is None:
            self._switch_expected_since_s = now_s
        if now_s - self._switch_expected_since_s < _SWITCH_EXPECTED_WITHIN_S or limit_ms >= self._settings.highest_ms:
            return self._wait_log.wait("FINISHING", "what is left fits the downtime limit", at.numbers)
        self._switch_expected_since_s = now_s
        raised_ms = min(self._settings.highest_ms, int(limit_ms * _RAISE) + 1)
        fitted = f"what is left has fitted the limit of {limit_ms} ms for {_SWITCH_EXPECTED_WITHIN_S:g} s"
        text = f"{fitted}, and QEMU does not switch over"
        return [Action(Kind.SET_DOWNTIME, "LIMIT_NOT_MET", text, at.numbers, value=raised_ms)]

    def _finish(self, at: BoundaryFigures, limit_ms: int, compresses: t.Optional[bool]) -> list[Action]:
        """The policy allows a finish here: now, or at a better boundary that is likely to come."""
        if self._first_chance_s is None:
            self._first_chance_s = self._history.last.at_s
        why = self._worth_finishing(at, compresses)
        if why and compresses is None:
            return self._wait_log.wait("COMPRESSION", "whether it helps is seen in the third pass", at.numbers)
        if not why or self._was_nearer_lately(at):
            why = self._no_other_pass(at)
        if not why:
            text = f"{human_ms(at.need_ms)} of downtime would do, less will soon"
            return self._wait_log.wait("SHRINKING", text, at.numbers)
        text = f"{why}: {human_ms(at.need_ms)} of downtime are needed for {human_bytes(at.left_bytes)}"
        return [Action(Kind.SET_DOWNTIME, "NEEDED_DOWNTIME", text, at.numbers, value=limit_ms)]

    def _worth_finishing(self, at: BoundaryFigures, compresses: t.Optional[bool]) -> t.Optional[str]:
        """Why one more pass is not worth what it costs; None when it is."""
        last = self._history.last
        since_s = last.at_s if self._first_chance_s is None else self._first_chance_s
        return worth_finishing(
            at.left_bytes,
            at.before_bytes,
            next_bytes=self._next_bytes(at, compresses),
            trend_bytes=next_by_trend(self._history.left_lately()),
            waited_s=last.at_s - since_s,
            patience_s=self._budget.patience_s,
            throttle_percent=last.throttle_percent,
        )

    def _was_nearer_lately(self, at: BoundaryFigures) -> bool:
        """A guest that is busy in phases was nearer to its end a moment ago, and will be again: worth waiting for as
        long as that pays, or is clearly another phase and no noise, and only within the patience for a finish."""
        now_s = self._history.last.at_s
        nearest = self._history.nearest_since(now_s - self._budget.patience_s)
        if at.left_bytes <= NEAR_BEST * nearest.remaining_bytes:
            return False
        saved_ms = at.need_ms * (1 - nearest.remaining_bytes / at.left_bytes)
        if pays_to_wait(saved_ms, (now_s - nearest.at_s) * 1000):
            return True
        waited_s = now_s - (now_s if self._first_chance_s is None else self._first_chance_s)
        return at.left_bytes > _ANOTHER_PHASE * nearest.remaining_bytes and waited_s < self._budget.patience_s

    def _no_other_pass(self, at: BoundaryFigures) -> t.Optional[str]:
        if self._budget.would_be_exceeded(2 * at.need_ms / 1000, at.left_bytes):
            return "there is no time or data left for another pass"
        return None

    def _next_bytes(self, at: BoundaryFigures, compresses: t.Optional[bool]) -> t.Optional[float]:
        """What the next pass will leave, by the measurement; not where throttle or compression change that."""
        if compresses or self._history.last.throttle_percent:
            return None
        return self._plan.left_after(at.need_ms / 1000)
