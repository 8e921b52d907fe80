# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that stands still before its migration has ended: how long that may last."""

from __future__ import annotations

import typing as t

from ..policy import Policy
from ..units import human_bytes, human_ms, seconds_for
from .actions import Action, Kind
from .history import History

_GRACE_S = 2.0  # libvirt tells of the start and the end of a pause somewhat late
_NEARLY_S = 1.0  # ending takes no longer than going back
_STARTING_S = 60.0  # with all sent, the destination starts the guest; to abort then would be the greater risk


class SwitchoverWatch:
    """Watches phase SWITCHOVER, whoever brought it about; the source runs again when the job is aborted."""

    def __init__(self, policy: Policy, history: History) -> None:
        self._policy, self._history = policy, history
        self._since_s: t.Optional[float] = None

    def reset(self) -> None:
        """The guest runs: a standstill that begins later is counted anew."""
        self._since_s = None

    def decide(self, allowed_s: float) -> list[Action]:
        """``allowed_s``: how long the guest may stand still in what has been begun."""
        last, bandwidth = self._history.last, self._history.bandwidth_bytes_per_s
        begins = self._since_s is None
        if self._since_s is None:
            self._since_s = last.at_s
        stood_s = last.at_s - self._since_s
        left = last.memory.remaining_bytes
        numbers = {"stood_s": round(stood_s, 1), "allowed_s": round(allowed_s, 1), "remaining_bytes": left}
        if left == 0:
            if stood_s > _STARTING_S:
                text = f"all is sent, but the guest has stood still for {human_ms(stood_s * 1000)}"
                return [Action(Kind.ABORT, "SWITCHOVER_BLOCKED", text, numbers)]
            return self._waits(begins, "all is sent; the destination starts the guest", numbers)
        silent = self._history.silent_s > _NEARLY_S
        rest_s = seconds_for(left, 0.0 if silent else bandwidth)
        if stood_s > allowed_s + _GRACE_S and rest_s > _NEARLY_S:
            text = (
                f"the guest has stood still for {human_ms(stood_s * 1000)}, {human_ms(allowed_s * 1000)} are allowed,"
                f" and {human_bytes(left)} are left: it goes on on the source"
            )
            return [Action(Kind.ABORT, "PAUSE_EXPIRED", text, numbers)]
        return self._waits(begins, f"the guest stands still while the last {human_bytes(left)} are sent", numbers)

    @staticmethod
    def _waits(begins: bool, text: str, numbers: t.Mapping[str, t.Any]) -> list[Action]:
        return [Action(Kind.WAIT, "SWITCHING", text, numbers)] if begins else []
