# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The end of a split guest: post-copy runs, or has broken and is to be joined again. Never is anything aborted here."""

from __future__ import annotations

import typing as t

from .actions import Action, Kind, Result
from .history import History
from .job import Phase
from .observation import STALL_S
from .units import human_bytes, human_ms

BACK_OFF_S = (5.0, 10.0, 20.0, 40.0, 60.0)
_SAY_AGAIN_S = 30.0


class SplitWatch:
    """Decides while the guest lives on both hosts."""

    def __init__(self) -> None:
        self._attempts = 0
        self._next_s: t.Optional[float] = None
        self._left_at_break = -1
        self._given_up = False
        self._said: tuple[str, float] = ("", 0.0)

    def decide(self, history: History, results: t.Sequence[Result], path_ok: t.Optional[bool]) -> list[Action]:
        """Actions for one look in phase POSTCOPY or POSTCOPY_FAILED."""
        if history.last.phase is Phase.POSTCOPY_FAILED:
            return self._broken(history, results, path_ok)
        self._next_s = None
        return self._running(history)

    def _running(self, history: History) -> list[Action]:
        last, bandwidth = history.last, history.bandwidth_bytes_per_s
        numbers = {"remaining_bytes": last.memory.remaining_bytes, "postcopy_requests": last.postcopy_requests}
        if history.silent_s >= STALL_S:
            text = (
                f"not one byte has arrived for {human_ms(history.silent_s * 1000)}; TCP goes on by itself when the link"
                " comes back"
            )
            return self._say("NETWORK_STALL", text, last.at_s, {**numbers, "silent_s": round(history.silent_s, 1)})
        rest = human_ms(last.memory.remaining_bytes / bandwidth * 1000) if bandwidth > 0 else "an unknown time"
        text = f"the guest runs on the destination and fetches the last {human_bytes(last.memory.remaining_bytes)}"
        return self._say("POSTCOPY_RUNNING", f"{text}: {rest}", last.at_s, numbers)

    def _broken(self, history: History, results: t.Sequence[Result], path_ok: t.Optional[bool]) -> list[Action]:
        last = history.last
        if self._next_s is None or any(r.kind is Kind.RECOVER and r.failed for r in results):
            if 0 <= last.memory.remaining_bytes < self._left_at_break:
                self._attempts = 0  # it got on since the last break: the way back works
            self._left_at_break = last.memory.remaining_bytes
            self._next_s = last.at_s + BACK_OFF_S[min(self._attempts, len(BACK_OFF_S) - 1)]
        numbers = {"remaining_bytes": last.memory.remaining_bytes, "attempts": self._attempts}
        if self._given_up:
            return []
        for result in results:
            if result.reason == "HALF_ENDED":
                self._given_up = True
                return [Action(Kind.LEAVE, result.reason, result.problem, numbers)]
        if last.at_s < self._next_s:
            text = f"next attempt to join the halves in {human_ms((self._next_s - last.at_s) * 1000)}"
            return self._say("POSTCOPY_BROKEN", text, last.at_s, numbers)
        if path_ok is False:
            return self._say(
                "NO_PATH", "the destination cannot be reached: both halves stay as they are", last.at_s, numbers
            )
        if self._attempts >= len(BACK_OFF_S):
            self._given_up = True
            text = f"{self._attempts} attempts to join the halves have failed. Both are kept; destroy neither"
            return [Action(Kind.LEAVE, "POSTCOPY_BROKEN", text, numbers)]
        self._attempts += 1
        # The driver may be cut off in the attempt and never report: then the next one comes after the longest wait.
        self._next_s = last.at_s + BACK_OFF_S[-1]
        text = f"the halves are to be joined again, attempt {self._attempts}"
        return [Action(Kind.RECOVER, "POSTCOPY_BROKEN", text, numbers, value=self._attempts)]

    def _say(self, reason: str, text: str, at_s: float, numbers: t.Mapping[str, t.Any]) -> list[Action]:
        said, said_at_s = self._said
        if said == reason and at_s - said_at_s < _SAY_AGAIN_S:
            return []
        self._said = (reason, at_s)
        return [Action(Kind.WAIT, reason, text, numbers)]
