# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one HTML file that needs nothing else: style, script, drawings and the documents that it was made from.

Only the one script and the one style sheet that are in here may be used, by their hashes: should a text from outside
ever become markup, it still cannot do anything.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t

from ..units import human_bytes, human_ms
from . import evacuation_section, readiness, timeline
from .documents import Report
from .markup import escaped, name, script_json, tag, void
from .migration import Story
from .script import SCRIPT
from .sections import Column, cell, heading_of_time, sortable
from .style import STYLE

MOST_TIMELINES = 50  # drawn in one page; the others are rows of a table; a choice


def page(report: Report) -> str:
    """The whole file."""
    title = report.title or report.default_title
    head = "".join(
        [
            '<meta charset="utf-8"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            '<meta name="color-scheme" content="light dark"/>',
            '<meta name="referrer" content="no-referrer"/>',
            void("meta", http_equiv="Content-Security-Policy", content=_policy()),
            tag("title", escaped(title)),
            f"<style>{STYLE}</style>",
        ]
    )
    body = "".join(
        [
            '<a class="skip" href="#content">To the content</a>',
            tag("header", tag("h1", escaped(title)), _lines(report)),
            tag("main", *_sections(report), id="content"),
            tag(
                "footer",
                tag(
                    "p",
                    "Made by virtops.live_migration. The documents that this was made from are in this file, as"
                    " JSON in the element ",
                    tag("code", "record"),
                    ".",
                ),
            ),
            f'<script type="application/json" id="record">{script_json(_kept(report))}</script>',
            f"<script>{SCRIPT}</script>",
        ]
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _policy() -> str:
    return (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _lines(report: Report) -> str:
    return tag("ul", *(tag("li", escaped(line)) for line in report.lines), class_="lead")


def _sections(report: Report) -> t.Iterator[str]:
    """What failed first, then what takes the most room."""
    for number, run in enumerate(report.evacuations, 1):
        yield evacuation_section.section(run, f"evacuation-{number}")
    stories = report.stories
    if len(stories) > 1:
        yield _overview(stories)
    for number, story in enumerate(stories[:MOST_TIMELINES], 1):
        yield timeline.timeline(story, f"migration-{number}")
    if report.hosts:
        yield readiness.section(report.hosts, "readiness")
    if not (stories or report.evacuations or report.hosts):
        yield tag("section", tag("p", "Nothing happened that was recorded."), class_="card")


def _overview(stories: t.Sequence[Story]) -> str:
    columns = [
        Column("guest"),
        Column("from"),
        Column("to"),
        Column("began"),
        Column("outcome"),
        Column("took", "number"),
        Column("stood still", "number"),
        Column("sent", "number"),
        Column("done to it"),
    ]
    rows = [_overview_row(story, number) for number, story in enumerate(stories, 1)]
    note = f"Of the first {MOST_TIMELINES} the timeline is below." if len(stories) > MOST_TIMELINES else ""
    return tag(
        "section",
        tag("h2", "Migrations", id="migrations"),
        tag("p", note, class_="note") if note else "",
        sortable("migrations-table", columns, rows, "migrations"),
        class_="card",
        aria_labelledby="migrations",
    )


def _overview_row(story: Story, number: int) -> str:
    record = story.record
    shown = name(record.name)
    link = tag("a", shown, href=f"#migration-{number}") if number <= MOST_TIMELINES else shown
    state = tag("span", escaped(story.outcome), class_=f"pill {timeline.OUTCOMES.get(story.outcome, 'wary')}")
    return tag(
        "tr",
        tag("th", link, scope="row"),
        cell(name(record.source or "-")),
        cell(name(record.destination or "-")),
        cell(escaped(heading_of_time(record.began_epoch_s) or "-")),
        cell(state),
        cell(escaped(human_ms(record.elapsed_ms)) if record.elapsed_ms else "-", f"{record.elapsed_ms or -1:g}", "num"),
        cell(
            escaped(human_ms(record.downtime_ms)) if record.downtime_ms is not None else "-",
            f"{-1 if record.downtime_ms is None else record.downtime_ms:g}",
            "num",
        ),
        cell(
            escaped(human_bytes(record.sent_bytes)) if record.sent_bytes else "-", f"{record.sent_bytes or -1:g}", "num"
        ),
        cell(escaped(", ".join(story.remedies).replace("_", " ") or "-")),
    )


def _kept(report: Report) -> t.Any:
    """The documents, without those of migrations that are not drawn either."""
    drawn = {id(story.record) for story in report.stories[:MOST_TIMELINES]}
    kept = [plain for plain, story in report.plain_migrations if id(story.record) in drawn]
    left_out = len(report.plain_migrations) - len(kept)
    documents = {"migrations": kept, "evacuations": report.plain_evacuations, "readiness": report.plain_readiness}
    return {"title": report.title, **documents, **({"migrations_left_out": left_out} if left_out else {})}
