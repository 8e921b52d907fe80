# SPDX-License-Identifier: GPL-3.0-or-later
"""Slowing a guest down by the quotas of its virtual processors, in a job that was started without auto-converge.

Like auto-converge it goes by steps, and takes no more than the policy allows. Unlike that it ends when it is of no use.
"""

from __future__ import annotations

import typing as t

from ..job.observation import STALL_S
from ..units import human_bytes, human_ms
from .actions import Action, Kind
from .boundary_figures import BoundaryFigures
from .history import History
from .settings_in_force import SettingsInForce
from .wait_log import WaitLog

# QEMU's own first step. The next ones are as large, twice QEMU's: each costs a whole pass in which the guest is slowed
# down in vain.
_STEP_PERCENT = 20
_STEP_AFTER_S = 1.0  # as QEMU: what is dirtied in a shorter time says little
PASSES_AT_THE_END = 3  # in a row that do not get it down at the most that is allowed; a choice


class ThrottleSteps:
    """Decides how much is taken from the guest; what is in force is in ``settings``.

    Methods give the action to take or a WAIT.
    """

    def __init__(self, history: History, settings: SettingsInForce, wait_log: WaitLog) -> None:
        self._history, self._settings, self._wait_log = history, settings, wait_log
        self._cap = settings.policy.max_throttle_percent
        self._stepped_s: t.Optional[float] = None
        self._in_vain = 0
        self._said_why_not = False

    @property
    def is_on(self) -> bool:
        return self._settings.vcpu_throttle_percent > 0

    def at_any_look(self) -> list[Action]:
        """It is given back while nothing is sent, and it may have been lost: somebody else may change a quota."""
        if not self.is_on:
            return []
        percent = self._settings.vcpu_throttle_percent
        if self._history.last.throttle_percent < percent:
            self._settings.vcpu_throttle_percent, self._settings.may_throttle = 0, False
            text = f"the guest is not slowed down by {percent} % any more, and not on our order; it is left at that"
            return self._wait_log.wait("THROTTLE_LOST", text, {"throttle_percent": percent})
        if self._history.silent_s >= STALL_S:
            text = f"nothing has been sent for {human_ms(self._history.silent_s * 1000)}: to slow it down is of no use"
            return [self._give_back("NETWORK_STALL", text, {"throttle_percent": percent})]
        return []

    def at_boundary(self, at: BoundaryFigures) -> t.Optional[list[Action]]:
        """At a boundary that did not get it down, and that nothing milder does. None: it is not for this to decide."""
        if not self._settings.may_throttle:
            return self._why_not(at)
        percent, now_s = self._settings.vcpu_throttle_percent, self._history.last.at_s
        numbers = {**at.numbers, "throttle_percent": percent}
        if self._stepped_s is not None and now_s - self._stepped_s < _STEP_AFTER_S:
            return self._wait_log.wait("THROTTLING", "the last step has not shown what it does yet", numbers)
        if percent >= self._cap:
            return self._at_the_end(numbers)
        wanted = min(self._cap, percent + _STEP_PERCENT)
        self._stepped_s, self._in_vain = now_s, 0
        text = (
            f"passes no longer get it down from {human_bytes(at.left_bytes)}: its virtual processors lose {wanted} % of"
            f" their time, {self._cap} % are allowed"
        )
        return [Action(Kind.THROTTLE, "THROTTLE_NEEDED", text, numbers, value=wanted)]

    def shrinks(self) -> None:
        """A boundary at which the last pass has got it down: passes in vain are counted anew."""
        self._in_vain = 0

    def _at_the_end(self, numbers: t.Mapping[str, t.Any]) -> list[Action]:
        self._in_vain += 1
        if self._in_vain < PASSES_AT_THE_END:
            text = f"its virtual processors lose {self._cap} % of their time, as much as is allowed"
            return self._wait_log.wait("THROTTLING", text, numbers)
        self._settings.may_throttle = False
        text = (
            f"{self._cap} % less of their time for its virtual processors does not get it down, and more is not allowed"
        )
        return [self._give_back("THROTTLE_USELESS", text, numbers)]

    def _give_back(self, reason: str, text: str, numbers: t.Mapping[str, t.Any]) -> Action:
        self._stepped_s = None
        return Action(Kind.THROTTLE, reason, text, numbers, value=0)

    def _why_not(self, at: BoundaryFigures) -> t.Optional[list[Action]]:
        """Said once, where it would be the next thing to do."""
        why = self._settings.plan.no_vcpu_quota
        if not why or self._said_why_not or self._cap == 0:
            return None
        self._said_why_not = True
        return self._wait_log.wait("NO_VCPU_QUOTA", why, at.numbers)
