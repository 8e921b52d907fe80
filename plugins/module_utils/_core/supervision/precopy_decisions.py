# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions in pre-copy, while the guest runs on the source."""

from __future__ import annotations

import typing as t

from ..job.observation import CAPPED_SHARE, stall_s
from ..job.sample import Phase
from ..units import MIB, human_bytes, human_ms
from .actions import Action, Kind
from .boundary_figures import BoundaryFigures, boundary_figures
from .budget import Budget, Exceeded
from .downtime_steps import DowntimeSteps
from .fallbacks import Fallbacks
from .history import History
from .postcopy_switch import PLATEAU_PASSES, PostcopySwitch
from .settings_in_force import SettingsInForce
from .vcpu_throttle import ThrottleSteps
from .wait_log import WaitLog

_PROBE_PASS = 3  # the second pass fills the cache of the compression
_PROBE_S = 0.5  # of the third pass, in which it is seen whether compression helps
_PAYS = 0.7  # bytes on the wire per byte of a page: compression that saves less is none


class Precopy:
    """Decides while the guest runs on the source; what has been set so far is in ``settings``."""

    def __init__(self, history: History, settings: SettingsInForce) -> None:
        self._policy, self._plan = settings.policy, settings.plan
        self._history, self._settings = history, settings
        self._budget = Budget(history, settings)
        self._wait_log = WaitLog(history)
        self._postcopy_switch = PostcopySwitch(history, settings, self._budget, self._wait_log)
        self._fallbacks = Fallbacks(history, settings, self._budget)
        self._downtime = DowntimeSteps(history, settings, self._budget, self._wait_log)
        self._throttle = ThrottleSteps(history, settings, self._wait_log)
        self._first_look = True
        self._passes_in_vain = 0
        self._compresses: t.Optional[bool] = None if settings.plan.flags.xbzrle_cache_bytes else False

    def decide(self, began: bool) -> list[Action]:
        """The actions for a look in phase SETUP or PRECOPY. ``began``: a pass has begun since the last look."""
        last = self._history.last
        if self._settings.suspended or self._postcopy_switch.is_under_way:
            return []  # libvirt tells of it with one of the next looks
        if last.phase is Phase.SETUP:
            slow = self._budget.setup_exceeded()
            return self._fallbacks.stop(slow) if slow else []
        self._settings.seen(last)
        first_look, self._first_look = self._first_look, False
        actions = self._now(began)
        if first_look and not any(action.kind is Kind.SET_DOWNTIME for action in actions):
            return self._downtime.first_limit() + actions
        return actions

    def _now(self, began: bool) -> list[Action]:
        self._budget.look()
        exceeded = self._budget.exceeded()
        if exceeded is not None:
            return self._budget_exceeded(exceeded)
        throttled = self._throttle.at_any_look()
        if throttled:
            return throttled
        if self._history.silent_s >= stall_s(self._history.last):
            silent_s = self._history.silent_s
            text = f"not one byte has been sent for {human_ms(silent_s * 1000)}; the guest runs on the source"
            return self._wait_log.wait("NETWORK_STALL", text, {"silent_s": round(silent_s, 1)}, every_look=True)
        if self._history.observed_s == 0 and self._plan.adopted and self._history.met_late():
            # A job that was met late has made passes in vain that nobody counted. With the one that this boundary adds
            # they are as many as the switch to post-copy needs.
            self._passes_in_vain = PLATEAU_PASSES - 1
            began = True
        if began:
            return self._lift_bandwidth() + self._at_boundary(self._here())
        if self._is_found_not_to_compress():
            return self._at_boundary(self._here())
        return self._postcopy_switch.at_any_look() or self._fallbacks.undo_pause()

    def _here(self) -> BoundaryFigures:
        return boundary_figures(self._history, self._settings.limit_ms)

    def _budget_exceeded(self, exceeded: Exceeded) -> list[Action]:
        """What is allowed and ends it is done once more, before the policy's own end."""
        reason = exceeded[0]
        if self._history.last_boundary is not None:
            if self._downtime.finish_is_due(self._here()) and self._budget.spend_last_chance(reason):
                text = "the downtime that it needs was set in this pass, and QEMU switches over at its end"
                return self._wait_log.wait("FINISHING", text, self._here().numbers)
            finish = self._fallbacks.last_chance(reason, self._here())
            if finish:
                return finish
            # Continuing throttles the guest further, and leaving the job does not lift the throttle.
            if (
                reason == "THROTTLE_LIMIT"
                and self._postcopy_switch.is_possible
                and self._budget.spend_last_chance(reason)
            ):
                return self._postcopy_switch.insist()
        return self._fallbacks.stop(exceeded)

    def _at_boundary(self, at: BoundaryFigures) -> list[Action]:
        self._passes_in_vain = 0 if at.shrinks else self._passes_in_vain + 1
        self._postcopy_switch.reset()
        if self._compresses is None and at.pass_number > _PROBE_PASS:
            self._compresses = False  # its passes are too short to tell, and then it does not matter
        finish = self._downtime.at_boundary(at, self._compresses)
        if finish is not None:
            return finish
        switch = self._postcopy_switch.at_boundary(at, self._passes_in_vain)
        if switch:
            return switch
        if at.shrinks:
            self._throttle.shrinks()
            text = f"the last pass got it down from {human_bytes(at.before_bytes)} to {human_bytes(at.left_bytes)}"
            return self._wait_log.wait("SHRINKING", text, at.numbers)
        if self._throttle_climbs():
            percent = self._history.last.throttle_percent
            text = f"the guest is slowed down by {percent} %, and QEMU goes on with that"
            return self._wait_log.wait("THROTTLING", text, {**at.numbers, "throttle_percent": percent})
        if self._passes_in_vain < PLATEAU_PASSES and not self._throttle.is_on:
            return self._linger(at)
        throttled = self._throttle.at_boundary(at)
        return throttled if throttled is not None else self._fallbacks.pause(at) or self._linger(at)

    def _is_found_not_to_compress(self) -> bool:
        """In the third pass it shows whether pages go for less than their size. True once, when they do not."""
        boundary, last = self._history.at_boundary, self._history.last
        if self._compresses is not None or boundary is None or (last.pass_number or 0) < _PROBE_PASS:
            return False
        if last.at_s - boundary.at_s < _PROBE_S:
            return False
        pages = boundary.memory.remaining_bytes - last.memory.remaining_bytes
        wire = last.memory.processed_bytes - boundary.memory.processed_bytes
        self._compresses = wire < _PAYS * pages
        return not self._compresses

    def _throttle_climbs(self) -> bool:
        percent = self._history.last.throttle_percent
        by_qemu = self._plan.flags.auto_converge or (percent and not self._throttle.is_on)
        return bool(by_qemu) and percent < self._policy.max_throttle_percent

    def _linger(self, at: BoundaryFigures) -> list[Action]:
        text = (
            f"passes no longer get it down, and {human_ms(at.need_ms)} of downtime are more than is allowed. It may"
            f" have a calm moment: {self._budget.left_text()}"
        )
        return self._wait_log.wait("LINGERING", text, at.numbers)

    def _lift_bandwidth(self) -> list[Action]:
        ceiling, limit = self._plan.bandwidth_mib_per_s, self._history.last.limits.bandwidth_mib_per_s
        if not self._settings.may_lift_bandwidth or ceiling is None or not limit or (ceiling != 0 and ceiling <= limit):
            return []
        bandwidth = self._history.bandwidth_bytes_per_s
        if bandwidth < CAPPED_SHARE * limit * MIB:
            return []
        numbers = {"limit_mib_per_s": limit, "bandwidth_bytes_per_s": int(bandwidth)}
        text = f"the limit of {limit} MiB/s holds it back, not the link"
        return [Action(Kind.SET_BANDWIDTH, "BANDWIDTH_CAP", text, numbers, value=ceiling)]
