# SPDX-License-Identifier: GPL-3.0-or-later
"""Events on their way to a rulebook that may be slow: of what only tells how far things are, the latest is enough."""

from __future__ import annotations

import typing as t
from collections import deque

from .event_document import PROGRESS, Event

_MOST = 10_000  # events; a choice


class Outbox:
    """In the order in which things happened. ``lost``: how many events were dropped since nobody took them."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._waiting: deque[Event] = deque()
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: Event) -> None:
        """An event ``progress`` takes the place of one of the same guest and host that nobody has taken yet."""
        if event["type"] == PROGRESS:
            for number, other in enumerate(self._waiting):
                if other["type"] == PROGRESS and (other["host"], other["uuid"]) == (event["host"], event["uuid"]):
                    del self._waiting[number]
                    break
        self._waiting.append(event)
        if len(self._waiting) > self._most:
            self._waiting.popleft()
            self.lost += 1

    def take(self) -> t.Optional[Event]:
        return self._waiting.popleft() if self._waiting else None
