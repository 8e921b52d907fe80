# SPDX-License-Identifier: GPL-3.0-or-later
"""The account of one evacuation: when each guest was at which stage, what the links carried, what was told to be left.

Small enough to be kept: of a long evacuation every second figure is left out again and again, so that there are never
more than twice ``_MOST``, whatever its length. Stages are kept, since there are only a few for each guest.
"""

from __future__ import annotations

import typing as t

from .queued_guest import QueuedGuest
from .result import GuestResult

VERSION = 1
_MOST = 300  # rows of a series after every second one was left out: ten guests make less than 100 kB (docs/design.md)
_EVERY_S = 0.5
_MOST_STAGES = 60  # of one guest: a dozen attempts
_MOST_DECISIONS = 20  # of one guest, without waits

Document = dict[str, t.Any]


class _Series:
    """Rows that begin with their time, no closer together than an interval that grows with their number."""

    def __init__(self) -> None:
        self._every_s = _EVERY_S
        self.rows: list[list[t.Any]] = []

    def add(self, row: list[t.Any]) -> None:
        if self.rows and row[0] - self.rows[-1][0] < self._every_s:
            return
        self.rows.append(row)
        if len(self.rows) > 2 * _MOST:
            self.rows = self.rows[::2]
            self._every_s *= 2


class EvacuationRecord:
    """The record of an evacuation while it runs; its times are seconds since ``began_s``."""

    def __init__(self, began_s: float, destinations: t.Iterable[str]) -> None:
        self._began_s = began_s
        self._links = list(destinations)
        self._stages: dict[str, list[list[t.Any]]] = {}
        self._expected: dict[str, Document] = {}
        self._decisions: dict[str, list[list[t.Any]]] = {}
        self._loads, self._told = _Series(), _Series()

    def look(self, guests: t.Iterable[QueuedGuest], now_s: float) -> None:
        """Note the stages of all guests and the rates to their destinations; to be called when these may have
        changed."""
        at_s = round(now_s - self._began_s, 2)
        rates = dict.fromkeys(self._links, 0)
        for one in guests:
            stages = self._stages.setdefault(one.options.key, [])
            stage = [one.stage.value, one.destination]
            if len(stages) < _MOST_STAGES and (not stages or stages[-1][1:] != stage):
                stages.append([at_s, *stage])
            if one.destination in rates:
                rates[one.destination] += int(one.bytes_per_s)
        self._loads.add([at_s, list(rates.values())])

    def told(self, numbers: t.Mapping[str, t.Any], now_s: float) -> None:
        """Note how far all of it was reported to be; ``numbers`` as of :meth:`EvacuationTotal.numbers`."""
        row = [numbers[key] for key in ("time_left_s", "done", "failed", "remaining_bytes")]
        self._told.add([round(now_s - self._began_s, 2), *row])

    def expected(self, key: str, forecast: t.Mapping[str, t.Any]) -> None:
        expected = forecast.get("expected")
        if expected:
            kept = {name: expected.get(name) for name in ("total_s", "sent_bytes", "downtime_ms", "passes")}
            self._expected[key] = {"way": forecast.get("way", ""), **kept}

    def ended(self, key: str, result: t.Mapping[str, t.Any]) -> None:
        """Note what was decided about a guest, and what was expected when it was sent: more may be known then than when
        it became ready. ``result``: of its migration, or the facts of one that failed."""
        record = result.get("record") or {}
        self.expected(key, record.get("forecast") or {})
        decisions = record.get("decisions") or []
        kept = [one for one in decisions if one["action"] != "wait"]
        self._decisions[key] = [
            [one["elapsed_ms"], one["action"], one["reason"], one["because"]] for one in kept[:_MOST_DECISIONS]
        ]

    def document(self, rows: t.Mapping[str, GuestResult], **facts: t.Any) -> Document:
        """JSON types only. ``rows``: what came of each guest; ``facts``: what else is known of the whole."""
        return {
            "version": VERSION,
            "kind": "evacuation",
            **facts,
            "guests": [
                {
                    **row.document(),
                    "stages": self._stages.get(key, []),
                    "expected": self._expected.get(key),
                    "decisions": self._decisions.get(key, []),
                }
                for key, row in rows.items()
            ],
            "links": list(self._links),
            "loads": [list(row) for row in self._loads.rows],
            "told": [list(row) for row in self._told.rows],
        }
