# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evacuation tells while it runs: a line when something has come of a guest, and how far all of it is."""

from __future__ import annotations

import time
import typing as t

from ..._core.evacuation.run.progress import EvacuationTotal, total_line
from ..._core.evacuation.run.queued_guest import QueuedGuest
from ..._core.evacuation.run.record import EvacuationRecord
from ..._core.evacuation.run.result import GuestResult
from ..migration.driver import Tell

_TOTAL_EVERY_S = 10.0


class EvacuationProgress:
    """``record``: where what was told of the whole is kept."""

    def __init__(self, host: str, tell: Tell, record: EvacuationRecord) -> None:
        self._host, self._tell, self._record = host, tell, record
        self._total, self._told_s, self._told = EvacuationTotal(), float("-inf"), (-1, -1, -1)

    def say(self, row: GuestResult, line: str) -> None:
        self._tell({"name": row.name, "line": line, "outcome": row.outcome, "runs_on": row.runs_on})

    def ended(self, row: GuestResult) -> None:
        self.say(row, f"{row.outcome.replace('_', ' ')}{f' ({row.runs_on})' if row.runs_on else ''}")

    def total(self, departures: t.Collection[QueuedGuest], *, last: bool = False) -> None:
        """At each end of a guest, and now and then while guests are on their way."""
        if not departures:
            return
        numbers, now_s = self._total.numbers(departures), time.monotonic()
        counts = (numbers["done"], numbers["failed"], numbers["moving"])
        due = numbers["moving"] and now_s - self._told_s >= _TOTAL_EVERY_S
        if counts == self._told if last else counts[:2] == self._told[:2] and not due:
            return
        self._told, self._told_s = counts, now_s
        self._record.told(numbers, now_s)
        self._tell({"name": self._host, "line": total_line(numbers), "total": numbers})
