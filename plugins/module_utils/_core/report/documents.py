# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report is made from: results and records of modules, read, put in order, and summed up in a few lines."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import MigrationError
from ..text import printable, shortened
from ..units import human_bytes, human_ms
from .evacuation import Evacuation, evacuation_of
from .migration import Story, story_of
from .readiness import Host, changes, guests_of, hosts_of
from .sections import moment

_LISTS = ("migrations", "evacuations", "readiness")
_MOST_LINES = 12
_NAME = 60  # characters of a name in a line
_ORDER = {"failed": 0, "cancelled": 1, "left": 2, "": 2}


@dataclass(frozen=True)
class Report:
    """``stories`` and ``plain_migrations``: worst first. ``lines``: the summary, each of one line without markup."""

    title: str
    plain_migrations: list[tuple[t.Any, Story]]
    evacuations: list[Evacuation]
    plain_evacuations: list[t.Any]
    hosts: list[Host]
    plain_readiness: list[t.Any]

    @property
    def stories(self) -> list[Story]:
        return [story for _plain, story in self.plain_migrations]

    @property
    def default_title(self) -> str:
        if self.evacuations:
            return "What came of the evacuation"
        if self.hosts and not self.plain_migrations:
            return "Readiness for live migration"
        if len(self.plain_migrations) == 1:
            return f"Migration of {self.stories[0].record.name}"
        return "What was migrated"

    @property
    def file_name(self) -> str:
        """Made of the kind and of the earliest moment that is known, and so the same for the same documents."""
        kinds = {"evacuation": self.evacuations, "migration": self.plain_migrations, "readiness": self.hosts}
        kind = next((name for name, found in kinds.items() if found), "nothing")
        known = [story.record.began_epoch_s for story in self.stories] + [run.began_epoch_s for run in self.evacuations]
        found = [one for one in map(moment, known) if one is not None]
        return f"{kind}-{min(found).strftime('%Y%m%dT%H%M%SZ')}.html" if found else f"{kind}.html"

    @property
    def lines(self) -> list[str]:
        found = [_evacuated(run) for run in self.evacuations]
        found += [
            f"{shortened(one.name, _NAME)}: {one.outcome.replace('_', ' ')} ({one.reason or 'no reason told'})"
            for run in self.evacuations
            for one in run.bad
        ]
        if len(self.stories) > 3:
            good = [story for story in self.stories if story.outcome == "completed"]
            found.append(f"{len(good)} of {len(self.stories)} migrations completed.")
            found += [_migrated(story) for story in self.stories if story.outcome != "completed"]
        else:
            found += [_migrated(story) for story in self.stories]
        found += _ready(self.hosts) if self.hosts else []
        if len(found) > _MOST_LINES:
            found = [*found[: _MOST_LINES - 1], f"and {len(found) - _MOST_LINES + 1} more"]
        return [printable(line) for line in found] or ["Nothing happened that was recorded."]


def report_of(documents: t.Any) -> Report:
    """``documents``: ``migrations`` (records, or results that have one), ``evacuations``, ``readiness`` and ``title``.

    A result of a migration that has no record, as of one that had nothing to do, is passed over. Raises NOT_A_REPORT,
    NOT_A_RECORD, NOT_AN_EVACUATION and NOT_READINESS.
    """
    if not isinstance(documents, dict):
        raise _wrong(f"Expected a dictionary with {', '.join(_LISTS)}")
    lists = {}
    for key in _LISTS:
        found = documents.get(key)
        lists[key] = [] if found is None or found == "" else found
        if not isinstance(lists[key], list):
            raise _wrong(f"{key} has to be a list")
    title = documents.get("title") or ""
    if not isinstance(title, str):
        raise _wrong("title has to be a text")
    plain = [_with_record(one) for one in lists["migrations"]]
    read = [(one, story_of(one, f"migrations[{number}]")) for number, one in enumerate(plain) if one is not None]
    read.sort(
        key=lambda one: (_ORDER.get(one[1].record.outcome, 3), one[1].record.began_epoch_s or 0, one[1].record.name)
    )
    runs = [evacuation_of(one, f"evacuations[{number}]") for number, one in enumerate(lists["evacuations"])]
    runs.sort(key=lambda run: run.began_epoch_s or 0)
    hosts = hosts_of(lists["readiness"])
    return Report(title, read, runs, lists["evacuations"], hosts, lists["readiness"])


def _with_record(one: t.Any) -> t.Any:
    """The record, with what its result knows beside it; None when nothing was recorded."""
    if not isinstance(one, dict) or "looks" in one:
        return one
    record = one.get("record")
    return record if isinstance(record, dict) else None


def _evacuated(run: Evacuation) -> str:
    good = sum(guest.good for guest in run.guests)
    stood = [guest for guest in run.guests if guest.downtime_ms]
    longest = max(stood, key=lambda guest: float(guest.downtime_ms or 0), default=None)
    how = "came home from" if run.purpose == "return" else "left"
    parts = [f"{good} of {len(run.guests)} guests {how} {shortened(run.host, _NAME)}"]
    if run.elapsed_s:
        parts.append(f"in {human_ms(float(run.elapsed_s) * 1000)}")
    text = " ".join(parts) + f", {human_bytes(sum(guest.sent_bytes or 0 for guest in run.guests))} sent"
    if longest is not None:
        text += f"; stood still at most {human_ms(longest.downtime_ms or 0)} ({shortened(longest.name, _NAME)})"
    return text + ("." if not run.stopped else f"; stopped: {run.stopped}.")


def _migrated(story: Story) -> str:
    record = story.record
    text = f"{shortened(record.name, _NAME)}: {story.outcome}"
    if record.elapsed_ms:
        text += f" after {human_ms(record.elapsed_ms)}"
    if record.sent_bytes:
        text += f", {human_bytes(record.sent_bytes)} sent"
    if record.downtime_ms is not None:
        text += f", stood still for {human_ms(record.downtime_ms)}"
    return text + (f"; {', '.join(story.remedies).replace('_', ' ')}." if story.remedies else ".")


def _ready(hosts: t.Sequence[Host]) -> list[str]:
    guests = guests_of(hosts)
    nowhere = [guest for guest in guests if not guest.can_go_to]
    found = [f"{len(guests) - len(nowhere)} of {len(guests)} guests on {len(hosts)} hosts can go somewhere."]
    found += [
        f"{len(change.guests)} more could with {', '.join(change.checks)} mended on the way to"
        f" {shortened(change.destination, _NAME)}."
        for change in changes(guests)[:3]
    ]
    return found


def _wrong(problem: str) -> MigrationError:
    return MigrationError(
        "NOT_A_REPORT",
        f"{problem}.",
        state="Nothing was written.",
        remedy="Give migrations, evacuations or readiness, each a list of what a module or role has returned.",
    )
