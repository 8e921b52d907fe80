# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evacuation reports while it runs: a line when a guest has got somewhere, and how far all of them are."""

from __future__ import annotations

import time
import typing as t

from ..._core.evacuation.run.progress import EvacuationTotal, total_line
from ..._core.evacuation.run.queued_guest import QueuedGuest
from ..._core.evacuation.run.record import EvacuationRecord
from ..._core.evacuation.run.result import GuestResult
from ..migration.driver import ProgressCallback
from .metrics import EvacuationMetrics

_TOTAL_EVERY_S = 10.0  # a choice


class EvacuationProgress:
    """Reports what comes of each guest, and now and then how far all of them are; ``record`` keeps the latter."""

    def __init__(
        self, host: str, on_progress: ProgressCallback, metrics: EvacuationMetrics, record: EvacuationRecord
    ) -> None:
        self._host, self._on_progress, self._metrics, self._record = host, on_progress, metrics, record
        self._total, self._reported_s, self._reported = EvacuationTotal(), float("-inf"), (-1, -1, -1)

    def report(self, row: GuestResult, line: str) -> None:
        self._on_progress({"name": row.name, "line": line, "outcome": row.outcome, "runs_on": row.runs_on})

    def ended(self, row: GuestResult) -> None:
        self.report(row, f"{row.outcome.replace('_', ' ')}{f' ({row.runs_on})' if row.runs_on else ''}")

    def total(self, guests: t.Collection[QueuedGuest], *, last: bool = False) -> None:
        """At each end of a guest, and now and then while guests are on their way."""
        if not guests:
            return
        numbers, now_s = self._total.numbers(guests), time.monotonic()
        counts = (numbers["done"], numbers["failed"], numbers["moving"])
        due = numbers["moving"] and now_s - self._reported_s >= _TOTAL_EVERY_S
        if counts == self._reported if last else counts[:2] == self._reported[:2] and not due:
            return
        self._reported, self._reported_s = counts, now_s
        self._metrics.total(numbers)
        self._record.told(numbers, now_s)
        self._on_progress({"name": self._host, "line": total_line(numbers), "total": numbers})
