# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration as a section of a report: drawn, what was decided and why, and what came of what was expected."""

from __future__ import annotations

import typing as t

from ..dataclass_json import Amount
from ..units import human_bytes, human_ms
from .markup import escaped, name, tag
from .migration import Course, Decision, Look, Story
from .migration_chart import numbered, panels
from .sections import facts_table, heading_of_time, pills

# In words, as a heading of the page has them.
OUTCOMES = {"completed": "ok", "failed": "bad", "cancelled": "bad", "left": "wary"}


def timeline(story: Story, key: str) -> str:
    """The section of one migration; ``key`` makes its anchors its own."""
    record = story.record
    way = f"from {name(record.source)} to {name(record.destination)}" if record.source and record.destination else ""
    head = tag("h2", f"{name(record.name)} ", tag("small", way), id=key)
    return tag(
        "section",
        head,
        _facts(story),
        panels(story) if story.looks else tag("p", "Nobody looked at it while it ran.", class_="note"),
        _decisions(story),
        _forecast(story),
        tag("p", "Not all looks were kept: the migration was long.", class_="note") if record.thinned else "",
        class_="card",
        aria_labelledby=key,
    )


def _facts(story: Story) -> str:
    record = story.record
    entries = [(story.outcome, OUTCOMES.get(story.outcome, "wary"))]
    shown = [
        ("took", human_ms(record.elapsed_ms) if record.elapsed_ms else None),
        ("stood still", human_ms(record.downtime_ms) if record.downtime_ms is not None else None),
        ("sent", human_bytes(record.sent_bytes) if record.sent_bytes else None),
        ("passes", str(max(one[0] for one in story.boundaries)) if story.boundaries else None),
        ("began", heading_of_time(record.began_epoch_s)),
        ("done", ", ".join(story.remedies).replace("_", " ") or None),
    ]
    return pills(entries, [(label, value) for label, value in shown if value])


def _decisions(story: Story) -> str:
    if not story.decisions:
        return tag("p", "Nothing had to be decided.", class_="note")
    rows = []
    for number_, at_s, one in numbered(story):
        failed = _problem_of(story.looks, at_s, one)
        what = tag("b", escaped(_what(one))) if one.apply and not one.waits else escaped(_what(one))
        rows.append(
            tag(
                "tr",
                tag("td", tag("span", str(number_), class_=f"badge {'waits' if one.waits else 'acts'}"), class_="num"),
                tag("td", escaped(human_ms(at_s * 1000)), class_="num"),
                tag("td", what),
                tag("td", tag("code", escaped(one.reason))),
                tag(
                    "td",
                    escaped(one.because),
                    tag("p", f"It did not work: {escaped(failed)}", class_="bad-text") if failed else "",
                ),
            )
        )
    head = "".join(tag("th", text, scope="col") for text in ("", "after", "decision", "reason", "because"))
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", *rows), class_="plain")
    return tag("h3", "What was decided, and why") + tag(
        "div", table, class_="scroll", tabindex=0, role="region", aria_label="Decisions"
    )


def _what(one: Decision) -> str:
    units = {
        "set_downtime": " to {} ms",
        "set_bandwidth": " to {} MiB/s",
        "suspend": " for {} s at most",
        "throttle": " by {} %",
    }
    told = one.action.replace("_", " ")
    if one.value is not None and one.action in units:
        told += units[one.action].format(f"{one.value:g}")
    return told if one.apply or one.waits else f"{told} (would have)"


def _problem_of(looks: t.Sequence[Look], at_s: float, one: Decision) -> str:
    """What came of it is told with the next look."""
    following = next((look for look in looks if look.at_s > at_s), None)
    for result in following.results if following else []:
        if isinstance(result, list) and len(result) >= 2 and result[0] == one.action and result[1]:
            return str(result[1])
    return ""


# --- what was expected


def _forecast(story: Story) -> str:
    forecast, record = story.record.forecast, story.record
    if forecast is None:
        return tag("p", "Nothing was foreseen: it ran already when it was taken over.", class_="note")
    summary = tag("p", escaped(forecast.summary)) if forecast.summary else ""
    head = tag("h3", "What was expected, and what happened")
    if forecast.expected is None:
        return head + summary
    happened = Course(
        Amount(record.elapsed_ms / 1000) if record.elapsed_ms else None,
        record.sent_bytes,
        record.downtime_ms,
        Amount(max(one[0] for one in story.boundaries)) if story.boundaries else None,
    )
    columns = [("expected", forecast.expected), ("at worst", forecast.worst or Course()), ("happened", happened)]
    tellers: list[tuple[str, t.Callable[[Course], t.Optional[str]]]] = [
        ("time", lambda one: human_ms(one.total_s * 1000) if one.total_s is not None else None),
        ("sent", lambda one: human_bytes(one.sent_bytes) if one.sent_bytes is not None else None),
        ("downtime", lambda one: human_ms(one.downtime_ms) if one.downtime_ms is not None else None),
        ("passes", lambda one: f"{one.passes:g}" if one.passes is not None else None),
    ]
    rows = [(label, [tell(one) or "-" for _name, one in columns]) for label, tell in tellers]
    if story.set_up_s:
        rows.insert(1, ("of it set-up", ["-", "-", human_ms(story.set_up_s * 1000)]))
    return (
        head + summary + facts_table("What was expected, and what happened", [label for label, _one in columns], rows)
    )
