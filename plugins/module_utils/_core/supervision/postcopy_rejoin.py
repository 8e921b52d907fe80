# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in post-copy: it runs, or has broken and is to be joined again. Nothing is ever aborted here.

That libvirt calls it broken says nothing of QEMU. libvirt 9.0 does so when it loses the other daemon, and at times
after a call that has joined the halves. QEMU then goes on, which its numbers show, and there is nothing to join.
"""

from __future__ import annotations

import typing as t

from ..job.observation import STALL_S
from ..job.sample import JobSample, Phase
from ..units import human_bytes, human_ms, seconds_for
from .actions import Action, ActionResult, Kind
from .history import History

JOIN_AGAIN_AFTER_S = (5.0, 10.0, 20.0, 40.0, 60.0)  # a choice: 135 s in all
_SAY_AGAIN_S = 30.0  # a choice
_LOOK_FIRST_S = 1.0  # so long it takes to see whether what is met broken goes on by itself
_ASK_AGAIN_S = 10.0  # after a refusal because QEMU still runs
_STILL_S = 120.0  # without a byte though QEMU says that it runs: TCP goes on after up to 102 s (docs/design.md)
_TCP_GIVES_UP_S = 1200.0  # Linux goes on trying for about 15 minutes; then QEMU knows, and libvirt calls it broken
_GOES_ON = "POSTCOPY_RUNNING"  # why a call that resumes is refused while QEMU runs
_NO_USE_TO_REPEAT = (
    "HALF_ENDED",
    "HALF_MISSING",
    "INVALID_ARGUMENT",
    "NO_DESTINATION",
    "NOT_PERMITTED",
    "NOT_SUPPORTED",
    "RESUME_UNSAFE",
    "SAME_HOST",
)


class PostcopyWatch:
    """Decides while the guest lives on both hosts.

    ``attempts``: how often to join the halves before they are left; the count begins anew when an attempt has sent
    something. ``resumed``: the attempts made in all, without those that were refused because QEMU runs.
    """

    def __init__(self, attempts: int) -> None:
        self.resumed = 0
        self._allowed, self._attempts = attempts, 0
        self._next_s: t.Optional[float] = None
        self._left_at_break = -1
        # What had been sent, and when that last changed, as of the looks since it broke.
        self._sent_bytes, self._still_since_s, self._moves = 0, 0.0, False
        self._given_up = False
        self._said: tuple[str, float] = ("", 0.0)

    def decide(self, history: History, results: t.Sequence[ActionResult], path_ok: t.Optional[bool]) -> list[Action]:
        """Actions for one look in phase POSTCOPY or POSTCOPY_FAILED. ``path_ok``: as of :meth:`Supervisor.observe`."""
        if self._given_up:
            return []
        if history.last.phase is Phase.POSTCOPY_FAILED:
            return self._broken(history, results, path_ok)
        self._next_s = None
        return self._running(history)

    def _running(self, history: History) -> list[Action]:
        last, bandwidth = history.last, history.bandwidth_bytes_per_s
        numbers: dict[str, t.Any] = {"remaining_bytes": last.memory.remaining_bytes}
        numbers["postcopy_requests"] = last.postcopy_requests
        if history.silent_s >= STALL_S:
            text = f"not one byte has arrived for {human_ms(history.silent_s * 1000)}"
            numbers = {**numbers, "silent_s": round(history.silent_s, 1)}
            if history.silent_s >= _TCP_GIVES_UP_S:
                return self._leave("POSTCOPY_SILENT", text, numbers)
            text += "; TCP goes on by itself when the link comes back"
            return self._wait("NETWORK_STALL", text, last.at_s, numbers)
        rest = human_ms(seconds_for(last.memory.remaining_bytes, bandwidth) * 1000)
        text = f"the guest runs on the destination and fetches the last {human_bytes(last.memory.remaining_bytes)}"
        return self._wait("POSTCOPY_RUNNING", f"{text}: {rest}", last.at_s, numbers)

    def _broken(self, history: History, results: t.Sequence[ActionResult], path_ok: t.Optional[bool]) -> list[Action]:
        last = history.last
        failed = next((result for result in results if result.kind is Kind.RECOVER and result.failed), None)
        if self._next_s is None:
            self._sent_bytes, self._still_since_s, self._moves = last.memory.processed_bytes, last.at_s, False
            wait_s = self._back_off_s(last)
            self._next_s = last.at_s + (_LOOK_FIRST_S if last is history.first else wait_s)
        if failed is not None:
            self._next_s = last.at_s + (self._take_back() if failed.reason == _GOES_ON else self._back_off_s(last))
        if last.memory.processed_bytes != self._sent_bytes:
            self._sent_bytes, self._still_since_s, self._moves = last.memory.processed_bytes, last.at_s, True
        still_s = last.at_s - self._still_since_s
        numbers = {"remaining_bytes": last.memory.remaining_bytes, "attempts": self._attempts}
        if self._moves and still_s < STALL_S:
            text = "libvirt calls it broken, but QEMU goes on by itself: there is nothing to join"
            return self._wait("POSTCOPY_RUNNING", text, last.at_s, numbers)
        if failed is not None and failed.reason in _NO_USE_TO_REPEAT:
            reason = failed.reason if failed.reason in ("HALF_ENDED", "HALF_MISSING") else "POSTCOPY_BROKEN"
            return self._leave(reason, failed.problem, numbers)
        if failed is not None and failed.reason == _GOES_ON and still_s >= _STILL_S:
            text = f"QEMU says that it goes on, but not one byte has arrived for {human_ms(still_s * 1000)}"
            return self._leave("POSTCOPY_SILENT", text, {**numbers, "silent_s": round(still_s, 1)})
        exhausted = self._attempts >= self._allowed
        if exhausted and (failed is not None or last.at_s >= self._next_s):
            why = failed.problem if failed is not None else "The last one has not come back."
            text = f"{self._attempts} attempt(s) to join the halves have failed. Both are kept; destroy neither. {why}"
            return self._leave("POSTCOPY_BROKEN", text, numbers)
        return self._attempt(last.at_s, path_ok, numbers)

    def _attempt(self, at_s: float, path_ok: t.Optional[bool], numbers: t.Mapping[str, t.Any]) -> list[Action]:
        if self._next_s is not None and at_s < self._next_s:
            text = f"next attempt to join the halves in {human_ms((self._next_s - at_s) * 1000)}"
            return self._wait("POSTCOPY_BROKEN", text, at_s, numbers)
        if path_ok is False:
            text = "the destination cannot be reached: both halves stay as they are"
            return self._wait("NO_PATH", text, at_s, numbers)
        self._attempts, self.resumed = self._attempts + 1, self.resumed + 1
        # The driver may be cut off in the attempt and never report: then the next one comes after the longest wait.
        self._next_s = at_s + JOIN_AGAIN_AFTER_S[-1]
        text = f"the halves are to be joined again, attempt {self._attempts}"
        return [Action(Kind.RECOVER, "POSTCOPY_BROKEN", text, numbers, value=self._attempts)]

    def _back_off_s(self, last: JobSample) -> float:
        """After a break, or an attempt that failed."""
        if 0 <= last.memory.remaining_bytes < self._left_at_break:
            self._attempts = 0  # it got on since the last break: the way back works
        self._left_at_break = last.memory.remaining_bytes
        return JOIN_AGAIN_AFTER_S[min(self._attempts, len(JOIN_AGAIN_AFTER_S) - 1)]

    def _take_back(self) -> float:
        """After an attempt that was none."""
        self._attempts, self.resumed = max(0, self._attempts - 1), self.resumed - 1
        return _ASK_AGAIN_S

    def _leave(self, reason: str, text: str, numbers: t.Mapping[str, t.Any]) -> list[Action]:
        self._given_up = True
        return [Action(Kind.LEAVE, reason, text, numbers)]

    def _wait(self, reason: str, text: str, at_s: float, numbers: t.Mapping[str, t.Any]) -> list[Action]:
        said, said_at_s = self._said
        if said == reason and at_s - said_at_s < _SAY_AGAIN_S:
            return []
        self._said = (reason, at_s)
        return [Action(Kind.WAIT, reason, text, numbers)]
