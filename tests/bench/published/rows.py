# SPDX-License-Identifier: GPL-3.0-or-later
"""Published migrations, each beside the forecast of it.

Columns that are read: ``id``, ``source``, ``url``, ``stack``, ``ram_mib``, ``touched_mib``, ``working_set_mib``,
``dirty_rate_mib_s``, ``bandwidth_mib_s``, ``downtime_limit_ms``, ``mode``, ``note`` as facts, and ``total_s``,
``data_mib``, ``downtime_ms``, ``outcome`` as what came of it.
"""

from __future__ import annotations

import csv
import statistics
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.published_facts import (
    course_document,
    number_of,
)

MOST_ERROR = 0.12
FINISHES, NEVER, NOT_KNOWN = "finishes", "does not finish", "not known"
_NOT_FINISHED = (
    "not finished",
    "finished only when the load",
    "finishes only when the load",
    "does not finish",
    "did not finish",
    "never",
    "aborted",
    "timed out",
)
_FINISHED = ("finished", "finishes")


@dataclass(frozen=True)
class Compared:
    """``forecast``: None where the facts do not allow any, and ``why_not`` says why."""

    row: t.Mapping[str, str]
    forecast: t.Optional[t.Mapping[str, t.Any]]
    why_not: str = ""

    @property
    def name(self) -> str:
        return self.row["id"]

    def published(self, column: str) -> t.Optional[float]:
        text = (self.row.get(column) or "").strip()
        return None if text.startswith((">", "<")) else number_of(text, column)

    def told(self, column: str) -> t.Optional[float]:
        return None if self.forecast is None else self.forecast[column]

    def error(self, column: str) -> t.Optional[float]:
        """As a share of what was published; None where one of the two is not known."""
        was, told = self.published(column), self.told(column)
        return None if not was or told is None or self.published_class != FINISHES else told / was - 1

    @property
    def enough_is_said(self) -> bool:
        """Whether memory to send and bandwidth are published, so that a time can be forecast and not only guessed."""
        return all((self.row.get(column) or "").strip() for column in ("touched_mib", "bandwidth_mib_s"))

    @property
    def published_class(self) -> str:
        outcome = (self.row.get("outcome") or "").strip().lower()
        if outcome.startswith(_NOT_FINISHED):
            return NEVER
        return FINISHES if outcome.startswith(_FINISHED) else NOT_KNOWN

    @property
    def told_class(self) -> str:
        """The class in full: also by which way it finishes."""
        return NOT_KNOWN if self.forecast is None else str(self.forecast["outcome"])

    @property
    def wrong_class(self) -> bool:
        told = FINISHES if self.told_class.startswith(FINISHES) else self.told_class
        return NOT_KNOWN not in (told, self.published_class) and told != self.published_class


def read(path: Path) -> list[Compared]:
    """ "same" in a column stands for what the row above has."""
    found: list[Compared] = []
    with path.open(encoding="utf-8", newline="") as file:
        above: dict[str, str] = {}
        for raw in csv.DictReader(file):
            row = {key: (value or "") for key, value in raw.items() if key is not None}
            row = {key: above.get(key, value) if value == "same" else value for key, value in row.items()}
            above = row
            found.append(_compared(row))
    return found


def _compared(row: t.Mapping[str, str]) -> Compared:
    try:
        return Compared(row, course_document(row))
    except MigrationError as exc:
        return Compared(row, None, exc.problem)


def median_error(rows: t.Iterable[Compared], column: str = "total_s") -> t.Optional[float]:
    """Of those of which enough is said; without a sign."""
    errors = [abs(error) for one in rows if one.enough_is_said and (error := one.error(column)) is not None]
    return statistics.median(errors) if errors else None


def wrong(rows: t.Iterable[Compared]) -> list[str]:
    return [one.name for one in rows if one.wrong_class]
