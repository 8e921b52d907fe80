# SPDX-License-Identifier: GPL-3.0-or-later
"""When a job in pre-copy is to be switched to post-copy."""

from __future__ import annotations

import math
import typing as t

from ..forecast.plan import POSTCOPY
from ..postcopy_obstacles import postcopy_obstacles
from ..units import human_ms, seconds_for
from .actions import Action, Kind
from .boundary_figures import BoundaryFigures
from .budget import Budget
from .history import History
from .postcopy_guard import GUARD_OBSERVE_S, GuardObjection, objections
from .settings_in_force import SettingsInForce
from .wait_log import WaitLog

_PLANNED_OBSERVE_S = 1.0  # one window: the plan rests on a measurement, so only the network is in doubt
# What speaks against post-copy while nothing is known of the guest; a plan that rests on a measurement knows better.
_ANSWERED_BY_A_PLAN = ("FIRST_PASS", "TOO_LONG")
_FETCHED_TWICE = 1.3  # times what is left: pages that the guest rewrites before the switch are sent again; a choice
_POSTCOPY_PAYS_SHARE = 0.2  # of the first pass: so much longer by pre-copy, and "prefer" prefers post-copy
_SWITCHES_WITHIN_S = 10.0  # a choice; afterwards it may be asked for again
_SECOND_PASS, _THIRD_PASS = 2, 3  # they begin at the first boundary and at the second
_TELLING_S = 4.0  # the shortest window from which a working set is told
PLATEAU_PASSES = 2  # passes in a row that do not get it down


def against_postcopy(history: History, settings: SettingsInForce, *, planned: bool) -> list[GuardObjection]:
    """The objections to switching now, over the last seconds; one of its own while too little has been seen."""
    last, policy, plan = history.last, settings.policy, settings.plan
    watched_s = _PLANNED_OBSERVE_S if planned else GUARD_OBSERVE_S
    seen_s = last.at_s - (last.at_s if history.memory_since_s is None else history.memory_since_s)
    if seen_s < watched_s:
        return [GuardObjection("TOO_EARLY", f"the link has been watched for only {human_ms(seen_s * 1000)}")]
    samples = [sample for sample in history.recent if last.at_s - sample.at_s <= GUARD_OBSERVE_S]
    found = objections(
        samples,
        max_postcopy_s=policy.max_postcopy_s,
        sharing=plan.sharing,
        of_guest=postcopy_obstacles(plan.host_devices),
    )
    if not planned:
        return found
    found = [objection for objection in found if objection.id not in _ANSWERED_BY_A_PLAN]
    bandwidth = history.bandwidth_bytes_per_s
    if seconds_for(_FETCHED_TWICE * last.memory.remaining_bytes, bandwidth) > policy.max_postcopy_s:
        found.append(
            GuardObjection("TOO_LONG", f"it would depend on both hosts for more than {policy.max_postcopy_s:g} s")
        )
    return found


class PostcopySwitch:
    """Decides on the switch to post-copy, and remembers from look to look one that waits for its guard.

    Methods give the action to take or a WAIT that says why not; an empty list where post-copy is not wanted.
    """

    def __init__(self, history: History, settings: SettingsInForce, budget: Budget, wait_log: WaitLog) -> None:
        self._policy, self._plan, self._history = settings.policy, settings.plan, history
        self._settings, self._budget, self._wait_log = settings, budget, wait_log
        self._is_waiting = self._insisted = False

    @property
    def is_under_way(self) -> bool:
        """Whether it was asked for in the last seconds: QEMU switches when it next can, and nothing else is decided."""
        asked_s = self._settings.postcopy_asked_s
        return asked_s is not None and self._history.last.at_s - asked_s < _SWITCHES_WITHIN_S

    @property
    def is_possible(self) -> bool:
        return self._settings.may_start_postcopy

    def at_boundary(self, at: BoundaryFigures, plateau: int) -> list[Action]:
        """``plateau``: how many passes in a row left no less than the one before."""
        self._is_waiting = self._is_due(at, plateau)
        if not self._is_waiting:
            return []
        return self.at_any_look() or self._wait_log.wait("POSTCOPY_GUARD", "post-copy waits for its guard", at.numbers)

    def insist(self) -> list[Action]:
        """It is wanted from now on, however passes go: a limit has been reached that the guest feels."""
        self._is_waiting = self._insisted = True
        return self.at_any_look()

    def reset(self) -> None:
        """A boundary at which something better was found."""
        self._is_waiting = False

    def at_any_look(self) -> list[Action]:
        """At any look: the planned switch in the first pass, or one that is wanted and has waited for its guard."""
        if not self._settings.may_start_postcopy:
            return []
        if self._is_planned_here():
            because = "the guest was measured: it finishes only, or much sooner, by post-copy"
            return self._switch("POSTCOPY_PLANNED", because, planned=True)
        if self._is_waiting:
            because = "passes do not get it down to what the policy allows"
            return self._switch("POSTCOPY_NEEDED", because, planned=False)
        return []

    def _is_planned_here(self) -> bool:
        last, share = self._history.last, self._plan.postcopy_share
        if share is None or share >= 1 or last.pass_number not in (None, 0, 1) or last.memory.processed_bytes == 0:
            return False
        # The next look may be half a second away: rather a little early than late.
        soon_bytes = self._history.bandwidth_bytes_per_s * self._history.gap_s / 2
        # Which of its pages are zero is not known, so it counts whichever of sent and passed over comes first.
        whole = self._plan.touched_bytes or last.memory.total_bytes
        sent = last.memory.processed_bytes + soon_bytes >= share * whole
        return sent or last.memory.remaining_bytes - soon_bytes <= (1 - share) * last.memory.total_bytes

    def _is_due(self, at: BoundaryFigures, plateau: int) -> bool:
        if not self._settings.may_start_postcopy:
            return False
        # What was seen for a second shows no need.
        planned = self._plan.way == POSTCOPY and (self._policy.postcopy == "prefer" or not self._plan.first_pass_tells)
        if self._insisted or planned or plateau >= PLATEAU_PASSES:
            return True
        if plateau and self._first_two_passes_tell(at):
            return True
        last_pass_s = self._history.last.at_s - self._history.boundary_before_s()
        if plateau and last_pass_s >= self._budget.patience_s:
            return True
        if self._policy.postcopy != "prefer":
            return False
        rest = at.left_bytes / at.before_bytes if at.before_bytes > 0 else 1.0
        if rest >= 1 or math.isinf(at.need_ms) or self._next_pass_is_not_enough(at):
            return True
        longer_s = at.need_ms / 1000 * rest / (1 - rest)
        return longer_s > _POSTCOPY_PAYS_SHARE * (self._history.first_pass_s or 0.0)

    def _next_pass_is_not_enough(self, at: BoundaryFigures) -> bool:
        """After the first pass, of which nobody knows how much the guest would rewrite in a shorter time: at best in
        proportion to it. The next pass would then be sent in vain, and all that is rewritten once more."""
        first_pass_ms = (self._history.first_pass_s or 0.0) * 1000
        if at.pass_number != _SECOND_PASS or not first_pass_ms:
            return False
        return at.need_ms * at.need_ms / first_pass_ms > self._policy.max_downtime_ms

    def _first_two_passes_tell(self, at: BoundaryFigures) -> bool:
        """The first pass is as long as the window that the guest would have been measured over. Where the second, which
        is shorter, leaves as much, that is all that the guest rewrites, and it does so again in each pass."""
        long_enough = (self._history.first_pass_s or 0.0) >= _TELLING_S
        return self._plan.first_pass_tells and at.pass_number == _THIRD_PASS and long_enough

    def _switch(self, reason: str, because: str, *, planned: bool) -> list[Action]:
        against = against_postcopy(self._history, self._settings, planned=planned)
        numbers: dict[str, t.Any] = {
            "remaining_bytes": self._history.last.memory.remaining_bytes,
            "bandwidth_bytes_per_s": int(self._history.bandwidth_bytes_per_s),
        }
        if against:
            numbers["objections"] = [objection.id for objection in against]
            text = "; ".join(objection.message for objection in against)
            return self._wait_log.wait("POSTCOPY_GUARD", text, numbers, every_look=True)
        self._is_waiting = False
        return [Action(Kind.START_POSTCOPY, reason, because, numbers)]
