# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy allows of time, data, throttle and silence, and how much of it is used up."""

from __future__ import annotations

import typing as t

from ..forecast.plan import default_deadline_s, patience_s
from ..forecast.working_set import scan_s
from ..job.observation import SETUP_GIVEN_UP_S
from ..policy import Policy
from ..units import GIB, human_bytes, human_ms
from .history import History
from .settings_in_force import SettingsInForce

# How long the preparation may take: by default, and for each GiB of the guest; one thread clears 1 to 4 GiB/s, so
# that preallocated memory of 1 TiB may take 20 min.
_SETUP_S_PER_GIB = 1.0
# A choice: TCP goes on after 20 to 60 s of silence within 25 to 102 s (docs/design.md, "When something breaks"), and
# until then the guest runs on.
_GIVE_UP_SILENT_S = 60.0
_STORAGE_S_PER_GIB = 60.0  # 17 MiB/s: slower than that, no disk that is still used will ever be copied
_LEAST_STORAGE_S = 600.0  # a choice, for small disks
_LAST_CHANCE_S = 15.0  # at most: it is the downtime that the policy allows, and 2 s for QEMU to act on it; a choice
_LAST_CHANCE_AT = ("DEADLINE", "DATA_LIMIT", "THROTTLE_LIMIT")
_SETTLED_S = 3.0  # QEMU's rates are those of 100 ms: after this the mean of three windows is known (history.py)

Exceeded = tuple[str, str]  # the limit that has been reached: a reason code and a sentence


def setup_allowed_s(policy: Policy, memory_bytes: t.Optional[int]) -> float:
    """How long the preparation may take, in seconds: by the policy, or by the size of the guest where that is known."""
    if policy.setup_deadline_s is not None:
        return policy.setup_deadline_s
    return SETUP_GIVEN_UP_S + (memory_bytes or 0) / GIB * _SETUP_S_PER_GIB


class Budget:
    """How much of a policy's time, data, throttle and silence a job has used up.

    Of an adopted job all counts from the first look: what was used up before is not this policy's.
    """

    def __init__(self, history: History, settings: SettingsInForce) -> None:
        self._policy, self._plan, self._history = settings.policy, settings.plan, history
        self._settled_s: t.Optional[float] = None
        self._extended_s: t.Optional[float] = None
        self._throttle_met: t.Optional[int] = None

    @property
    def patience_s(self) -> float:
        return patience_s(self._policy, self._least_s)

    def look(self) -> None:
        """To be called once for each look.

        A deadline that the policy leaves open is settled by the rate of the first seconds: one that moves away as the
        link gets slower is none. How much an adopted job was throttled when it was met is no breach of this policy.
        """
        if self._throttle_met is None:
            self._throttle_met = self._history.last.throttle_percent if self._plan.adopted else 0
        if self._settled_s is None and self._history.observed_s >= _SETTLED_S and self._least_s > 0:
            self._settled_s = default_deadline_s(self._least_s)

    @property
    def deadline_s(self) -> float:
        """Seconds that the memory may take, by the policy or else by its size and the bandwidth."""
        given = self._policy.deadline_s or self._settled_s
        return default_deadline_s(self._least_s) if given is None else given

    @property
    def used_s(self) -> float:
        """Seconds since the first byte of memory was seen to be sent; 0 before."""
        since = self._history.memory_since_s
        return 0.0 if since is None else self._history.last.at_s - since

    @property
    def max_bytes(self) -> float:
        return self._policy.max_data_factor * self._whole_bytes

    @property
    def _whole_bytes(self) -> int:
        return self._plan.touched_bytes or self._history.last.memory.total_bytes

    @property
    def _least_s(self) -> float:
        """The time that all its memory takes once, as fast as it really goes; 0 while nothing is known."""
        bandwidth, plan = self._history.bandwidth_bytes_per_s, self._plan
        if bandwidth <= 0:
            return 0.0
        return self._whole_bytes / bandwidth + scan_s(plan.memory_bytes, plan.touched_bytes)

    def exceeded(self) -> t.Optional[Exceeded]:
        """The limit that has been reached, or None."""
        history, last = self._history, self._history.last
        if history.silent_s >= _GIVE_UP_SILENT_S:
            return "NETWORK_STALL", f"nothing has been sent for {human_ms(history.silent_s * 1000)}"
        if last.memory.processed_bytes == 0 and last.disk.remaining_bytes > 0:
            return self._storage_exceeded()
        if self._extended_s is not None and last.at_s < self._extended_s:
            return None
        cap = self._policy.max_throttle_percent
        if last.throttle_percent > max(cap, self._throttle_met or 0):
            text = f"the guest is slowed down by {last.throttle_percent} %, {cap} % are allowed"
            return "THROTTLE_LIMIT", text
        if self.used_s > self.deadline_s:
            return "DEADLINE", f"its memory has taken {human_ms(self.used_s * 1000)}"
        if self.max_bytes and history.sent_bytes > self.max_bytes:
            factor = self._policy.max_data_factor
            return "DATA_LIMIT", f"{human_bytes(history.sent_bytes)} have been sent, over {factor:g} times its memory"
        return None

    def would_be_exceeded(self, more_s: float, more_bytes: float) -> bool:
        """Whether so much more is too much."""
        sent = self._history.sent_bytes + more_bytes
        return self.used_s + more_s > self.deadline_s or (bool(self.max_bytes) and sent > self.max_bytes)

    def spend_last_chance(self, reason: str) -> bool:
        """Allow some seconds more, once, for a last try; False where that was done, or ``reason`` is another limit."""
        if self._extended_s is not None or reason not in _LAST_CHANCE_AT:
            return False
        self._extended_s = self._history.last.at_s + min(_LAST_CHANCE_S, self._policy.max_downtime_ms / 1000 + 2)
        return True

    def setup_exceeded(self) -> t.Optional[Exceeded]:
        """That nothing has been sent for longer than the policy, or the size of the guest, allows; or None."""
        if self._history.observed_s <= setup_allowed_s(self._policy, self._plan.memory_bytes):
            return None
        return "SETUP_SLOW", f"no memory has been sent within {human_ms(self._history.observed_s * 1000)}"

    def left_text(self) -> str:
        left_s = max(0.0, self.deadline_s - self.used_s)
        left_bytes = max(0.0, self.max_bytes - self._history.sent_bytes)
        return f"{human_ms(left_s * 1000)} and {human_bytes(left_bytes)} are left for that"

    def _storage_exceeded(self) -> t.Optional[Exceeded]:
        allowed_s = self._policy.storage_deadline_s
        if allowed_s is None:
            allowed_s = max(_LEAST_STORAGE_S, self._history.last.disk.total_bytes / GIB * _STORAGE_S_PER_GIB)
        if self._history.observed_s <= allowed_s:
            return None
        return "STORAGE_DEADLINE", f"its disks have taken {human_ms(self._history.observed_s * 1000)}"
