# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of an evacuation, guest by guest, and whether that is what was asked for."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from ...errors import MigrationError
from ..strategy import MIGRATE
from .retry import calls_for_another

CHANGED = ("moved", "adopted", "recovered", "shut_down", "started", "unmarked")
FAILED, NOT_STARTED, ABORTED = "failed", "not_started", "aborted"
_NO_REMEDY = ("wait", "leave")
_SHOWN = 8  # names in a sentence

Document = dict[str, t.Any]


@dataclass
class GuestResult:
    """What came of one guest: an element of ``guests`` of the module evacuation.

    ``elapsed_s``: from its first attempt to its end, with measuring and waiting. ``elsewhere``: whether the reason of
    its failure lies with the destination, so that another one may take the guest.
    """

    name: str
    uuid: str = ""
    strategy: str = MIGRATE
    source: str = ""
    destination: str = ""
    outcome: str = NOT_STARTED
    runs_on: t.Optional[str] = None
    elapsed_s: t.Optional[float] = None
    transfer_ms: t.Optional[int] = None
    downtime_ms: t.Optional[int] = None
    sent_bytes: t.Optional[int] = None
    remedies: list[str] = field(default_factory=list)
    attempts: int = 0
    reason: str = ""
    msg: str = ""
    state: str = ""
    remedy: str = ""
    elsewhere: bool = False

    def document(self) -> Document:
        return asdict(self)

    def take(self, result: t.Mapping[str, t.Any]) -> None:
        """Take over what ``result`` says: the result of its migration, or the facts of one that failed."""
        self.runs_on = result.get("runs_on", self.runs_on)
        self.downtime_ms = result.get("downtime_ms")
        self.transfer_ms = result.get("elapsed_ms")
        record = result.get("record") or {}
        self.sent_bytes = record.get("sent_bytes")
        actions = [str(one["action"]) for one in result.get("actions") or [] if one["action"] not in _NO_REMEDY]
        self.remedies = list(dict.fromkeys([*self.remedies, *actions]))

    def arrive(self, result: t.Mapping[str, t.Any]) -> None:
        """It is where it should be. One that was there already and only lost its mark counts as changed (unmarked)."""
        self.clear()
        self.take(result)
        moved = result["outcome"] in ("moved", "adopted", "recovered")
        self.outcome = "unmarked" if result.get("unmarked") and not moved else str(result["outcome"])

    def fail(self, exc: MigrationError) -> None:
        """It has failed, for this reason."""
        self.take(exc.facts)
        self.outcome, self.reason, self.msg = FAILED, exc.reason, exc.problem
        self.state, self.remedy = exc.state, exc.remedy
        self.elsewhere = calls_for_another(exc.reason)

    def clear(self) -> None:
        self.reason = self.msg = self.state = self.remedy = ""
        self.elsewhere = False


@dataclass(frozen=True)
class LeftOnHost:
    """What is left on a host that should be empty: guests that run there, and guests of which a migration runs."""

    running: list[Document] = field(default_factory=list)
    jobs: list[Document] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.running and not self.jobs


def verdict(
    host: str, rows: t.Sequence[GuestResult], remains: t.Optional[LeftOnHost], stopped: str, facts: Document
) -> t.Optional[MigrationError]:
    """The error that an evacuation ends with, or None when all is as it should be.

    ``remains`` is None where the host need not be empty; ``stopped``: the reason for which nothing more was begun,
    empty for none; ``facts``: the return values of the module.
    """
    reason = _reason(rows, remains, stopped)
    if not reason:
        return None
    failed = [row for row in rows if row.outcome == FAILED]
    waiting = [row.name for row in rows if row.outcome == NOT_STARTED]
    aborted = [row.name for row in rows if row.outcome == ABORTED]
    problems = [_STOPPED.get(stopped, "")]
    if failed:
        reasons = [f"{row.name}: {row.reason}" for row in failed]
        problems.append(f"{len(failed)} of {len(rows)} guests did not get where they should ({_some(reasons)}).")
    if aborted:
        problems.append(f"{len(aborted)} on the way were aborted, and run on {host} as before ({_some(aborted)}).")
    if waiting:
        problems.append(f"{len(waiting)} had not begun ({_some(waiting)}).")
    return MigrationError(
        reason,
        " ".join(part for part in [*problems, *_left_on(host, remains)] if part),
        state="Each guest runs where the table says; what is still being sent goes on by itself."
        if reason != "SPLIT_BRAIN"
        else "A guest runs on two hosts at once. Nothing more was begun.",
        remedy=_remedy(reason, remains),
        evidence={
            "stopped": stopped,
            "failed": [row.name for row in failed],
            "aborted": aborted,
            "waiting": waiting,
        },
        facts=facts,
    )


def _reason(rows: t.Sequence[GuestResult], remains: t.Optional[LeftOnHost], stopped: str) -> str:
    """The reason code of the gravest thing that went wrong; empty for nothing."""
    if any(row.outcome == FAILED and row.reason == "SPLIT_BRAIN" for row in rows):
        return "SPLIT_BRAIN"
    if stopped:
        return stopped
    if any(row.outcome in (FAILED, NOT_STARTED, ABORTED) for row in rows):
        return "GUESTS_FAILED"
    return "NOT_EMPTY" if remains is not None and not remains.empty else ""


def _left_on(host: str, remains: t.Optional[LeftOnHost]) -> list[str]:
    """Sentences about what is left on the host that should be empty."""
    sentences = []
    if remains is not None and remains.running:
        sentences.append(f"{host} still runs {_some([str(one['name']) for one in remains.running])}.")
    if remains is not None and remains.jobs:
        sentences.append(f"Migrations still go on there: {_some([str(one['name']) for one in remains.jobs])}.")
    return sentences


_STOPPED = {
    "CANCELLED": "It was cancelled.",
    "INFRASTRUCTURE": "Too many transfers failed one after the other, so no more were begun.",
    "SPLIT_BRAIN": "ALARM: a guest runs on two hosts at once.",
}


def _remedy(reason: str, remains: t.Optional[LeftOnHost]) -> str:
    if reason == "SPLIT_BRAIN":
        return "Find out which copy is the right one, and stop the other by hand, before anything else."
    if reason == "CANCELLED":
        return "Run this again to go on: it takes up what runs, and skips what is done."
    if reason == "NOT_EMPTY" and remains is not None:
        more = "Run this again when what is on its way has arrived, or has failed." if remains.jobs else ""
        add = "Add guests that run there to the plan, or exclude them with the strategy 'leave'."
        return f"{more} {add if remains.running else ''}".strip()
    return "Do what each guest's remedy says, then run this again: it skips what is done."


def _some(names: t.Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
