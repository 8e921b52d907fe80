# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is made smaller before it is sent: what that comes to, as a document."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..balloon.reclaim import Obstacle, Reclaim
from ..errors import MigrationError
from ..forecast.forecast import Forecast
from ..units import human_bytes

NOT_WAITED = Obstacle("NOT_WAITED", "nobody would be there to give it back, as its end is not waited for")
ONLY_WATCHED = Obstacle("ONLY_WATCHED", "its policy only watches")
LEFT_SMALL = Obstacle("LEFT_SMALL", "it is smaller than it was already, and somebody else has changed its balloon")


@dataclass(frozen=True)
class ShrinkOutlook:
    """Before the start. ``found``: what can be taken, or why nothing is. ``without``: the forecast of the same guest
    when nothing is taken."""

    found: t.Union[Reclaim, Obstacle]
    without: t.Optional[Forecast] = None

    @property
    def saved_bytes(self) -> int:
        return 0 if isinstance(self.found, Obstacle) else self.found.saved_bytes

    def document(self, seen: t.Optional[Forecast] = None) -> dict[str, t.Any]:
        """``seen``: the forecast when it is taken. Times in seconds from the order to take; None: not known."""
        if isinstance(self.found, Obstacle):
            return {"possible": False, "reason": self.found.reason, "msg": f"Nothing is taken: {self.found.why}."}
        found, times = self.found, (_course(seen), _course(self.without))
        takes_s = round(found.takes_s, 1)
        total_s, sent, total_without_s, sent_without = *times[0], *times[1]
        return {
            "possible": True,
            "reason": "",
            "msg": f"Of {human_bytes(found.from_bytes)} it is left {human_bytes(found.floor_bytes)} until it has moved,"
            f" and {human_bytes(found.saved_bytes)} less are sent. {human_bytes(found.cache_bytes)} of what is taken"
            " are a cache, which it has to read again.",
            "from_bytes": found.from_bytes,
            "to_bytes": found.floor_bytes,
            "saved_bytes": found.saved_bytes,
            "cache_bytes": found.cache_bytes,
            "keep_bytes": found.keep_bytes,
            "takes_s": takes_s,
            "total_s": None if total_s is None else round(total_s + takes_s, 1),
            "sent_bytes": sent,
            "total_without_s": total_without_s,
            "sent_without_bytes": sent_without,
        }


def _course(seen: t.Optional[Forecast]) -> tuple[t.Optional[float], t.Optional[int]]:
    course = seen.expected if seen is not None else None
    return (None, None) if course is None else (round(course.total_s, 1), int(course.sent_bytes))


def left_small(name: str, runs_on: str, problem: str, facts: t.Mapping[str, t.Any]) -> MigrationError:
    """It has moved, and has not got all of its memory back."""
    return MigrationError(
        "LEFT_SMALL",
        f"{name!r} has not got back all of the memory that it had before it was migrated. {problem}",
        state=f"The guest runs on {runs_on}, and only there. What it had is noted in its metadata.",
        remedy="Run this again, which gives it back; or see to it with 'virsh setmem --live' there.",
        facts=facts,
    )
