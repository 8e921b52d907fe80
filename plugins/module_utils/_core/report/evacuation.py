# SPDX-License-Identifier: GPL-3.0-or-later
"""An evacuation as a section of a report: a row for each guest, the load of the links, when it would end, as it was
told, what moved where, and why something did not."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..dataclass_json import Amount, from_plain
from ..units import MIB, human_bytes, human_ms, human_rate
from .axis import Scale, finite, ticks, time_ticks
from .markup import escaped, name, tag
from .migration import Course
from .sections import Column, cell, heading_of_time, pills, sortable, tiles
from .svg import (
    FIRST_COLUMN,
    LAST_COLUMN,
    dot,
    drawing,
    legend,
    line,
    rule,
    time_axis,
    time_label,
    time_scale,
    tooltip,
    value_axis,
    words,
)

_REMEDY = "Give what virtops.live_migration.evacuation has returned, or a file of a history."
# In pixels.
_PANEL, _TOP = 150.0, 30.0
_BAR_WIDTH, _BAR_HEIGHT = 400.0, 12.0
_COLOURS = 6
# What is drawn of each stage of a guest.
_STAGES = {
    "preparing": ("s-measured", "measured"),
    "ready": ("s-waited", "waited for its turn"),
    "sending": ("s-sent", "sent"),
    "sent": ("s-verified", "verified"),
}
_GOOD = ("moved", "adopted", "recovered", "already_there", "shut_down", "already_off", "started", "unmarked")


@dataclass(frozen=True)
class Guest:
    name: str
    outcome: str
    strategy: str = "migrate"
    source: t.Optional[str] = None
    destination: t.Optional[str] = None
    runs_on: t.Optional[str] = None
    elapsed_s: t.Optional[Amount] = None
    transfer_ms: t.Optional[Amount] = None
    downtime_ms: t.Optional[Amount] = None
    sent_bytes: t.Optional[Amount] = None
    remedies: t.Optional[list[str]] = None
    attempts: t.Optional[Amount] = None
    reason: t.Optional[str] = None
    msg: t.Optional[str] = None
    state: t.Optional[str] = None
    remedy: t.Optional[str] = None
    stages: list[list[t.Any]] = field(default_factory=list)
    expected: t.Optional[Course] = None

    @property
    def good(self) -> bool:
        return self.outcome in _GOOD

    @property
    def begins_s(self) -> float:
        return next((at_s for at_s, stage, _where in self.spans() if stage != "waiting"), float("inf"))

    def spans(self) -> list[tuple[float, str, str]]:
        found = [(finite(one[0]), one[1], one[2]) for one in self.stages if len(one) >= 3]
        return [(at_s, str(stage), str(where)) for at_s, stage, where in found if at_s is not None]


@dataclass(frozen=True)
class Destination:
    name: str
    link_mib_per_s: t.Optional[Amount] = None


@dataclass(frozen=True)
class Evacuation:
    """``loads``: seconds, and the bytes per second to each of ``links``. ``told``: seconds, and the time that was said
    to be left, guests done and failed then."""

    guests: list[Guest]
    host: str = ""
    purpose: str = "evacuate"
    began_epoch_s: t.Optional[Amount] = None
    elapsed_s: t.Optional[Amount] = None
    stopped: str = ""
    empty: t.Optional[bool] = None
    destinations: list[Destination] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[list[t.Any]] = field(default_factory=list)
    told: list[list[t.Any]] = field(default_factory=list)

    @property
    def end_s(self) -> float:
        at_s = [finite(row[0]) or 0.0 for row in [*self.loads, *self.told] if row]
        return max([float(self.elapsed_s or 0.0), *at_s, 0.001])

    @property
    def bad(self) -> list[Guest]:
        return [one for one in self.guests if not one.good and one.outcome != "left"]


def evacuation_of(document: t.Any, where: str = "evacuation") -> Evacuation:
    """From the result of the module, or from its record. Raises NOT_AN_EVACUATION."""
    if isinstance(document, dict) and isinstance(document.get("record"), dict):
        document = document["record"]
    return from_plain(Evacuation, document, where, reason="NOT_AN_EVACUATION", remedy=_REMEDY)


def section(run: Evacuation, key: str) -> str:
    title = "Guests on their way home from" if run.purpose == "return" else "Evacuation of"
    return tag(
        "section",
        tag("h2", f"{title} {name(run.host or 'a host')}", id=key),
        _head(run),
        _loads(run),
        _reported_ends(run),
        _not_moved(run),
        _ways(run),
        _rows(run, f"{key}-guests"),
        class_="card",
        aria_labelledby=key,
    )


def _head(run: Evacuation) -> str:
    good, bad = sum(one.good for one in run.guests), len(run.bad)
    stood = [one for one in run.guests if one.downtime_ms is not None]
    longest = max(stood, key=lambda one: float(one.downtime_ms or 0), default=None)
    sent = sum(one.sent_bytes or 0 for one in run.guests)
    facts = [
        (f"{good} of {len(run.guests)}", "guests are where they should be", "ok" if not bad else "wary"),
        *([(str(bad), "are not", "bad")] if bad else []),
        *([(human_ms(float(run.elapsed_s) * 1000), "in all", "")] if run.elapsed_s is not None else []),
        (human_bytes(sent), "sent", ""),
        *([(human_ms(longest.downtime_ms or 0), f"stood still at most: {longest.name}", "")] if longest else []),
    ]
    state = [] if run.empty is None else [("empty", "ok") if run.empty else ("not empty", "bad")]
    state += [(f"stopped: {run.stopped}", "bad")] if run.stopped else []
    began = heading_of_time(run.began_epoch_s)
    return tiles(facts) + (pills(state, [("began", began)] if began else []) if state or began else "")


# --- drawings


def _loads(run: Evacuation) -> str:
    rows = [
        (at_s, row[1])
        for row in run.loads
        if len(row) >= 2 and (at_s := finite(row[0])) is not None and isinstance(row[1], list)
    ]
    series = [
        [(at_s, finite(rates[number]) or 0.0) for at_s, rates in rows if number < len(rates)]
        for number in range(len(run.links))
    ]
    if len(rows) < 2 or not series:
        return ""
    capacity = {one.name: one.link_mib_per_s * MIB for one in run.destinations if one.link_mib_per_s}
    most = max([value for one in series for _at, value in one] + [capacity.get(one, 0.0) for one in run.links])
    scale, bottom = time_scale(run.end_s), _TOP + _PANEL
    values = Scale(0.0, most or 1.0, bottom, _TOP)
    parts = [words(FIRST_COLUMN, 16, "Load of each link", "panel"), value_axis(values, _rate_marks(most), human_rate)]
    heights = [values(value) for value in sorted(set(capacity.values()))]
    parts += [rule(FIRST_COLUMN, y, LAST_COLUMN, y, "expected") for y in heights]
    if capacity:
        parts.append(words(LAST_COLUMN - 6, 16, "dotted: what a link carries", "expected-text", "end"))
    for number, one in enumerate(series):
        points = [(scale(at_s), values(value)) for at_s, value in one]
        parts.append(line(points, _colour(number), run.links[number]))
    keys = [(_colour(number), f"to {shown}") for number, shown in enumerate(run.links)]
    return drawing(bottom + 34, "Load of each link", *parts, time_axis(scale, bottom)) + legend(*keys)


def _rate_marks(most: float) -> list[float]:
    return [mark * MIB for mark in ticks(0, most / MIB, 4)] if most > 0 else []


def _colour(number: int) -> str:
    return f"c{number}" if number < _COLOURS else "c-more"


def _reported_ends(run: Evacuation) -> str:
    """When it would end, by what was told at each moment, and when it did."""
    told = [
        (at_s, left_s, row)
        for row in run.told
        if len(row) >= 2 and (at_s := finite(row[0])) is not None and (left_s := finite(row[1])) is not None
    ]
    if len(told) < 2 or run.elapsed_s is None:
        return ""
    ends = [at_s + left_s for at_s, left_s, _row in told]
    # An estimate that was far off must not hide the others.
    high = min(max([*ends, run.end_s]), 4 * run.end_s) * 1.05
    scale, bottom = time_scale(run.end_s), _TOP + _PANEL
    values = Scale(0.0, high, bottom, _TOP)
    points = [(scale(at_s), values(end_s)) for (at_s, _left, _row), end_s in zip(told, ends)]
    y = values(run.end_s)
    return drawing(
        bottom + 34,
        "When it would end, as it was told",
        words(FIRST_COLUMN, 16, "When it would end, as it was told", "panel"),
        value_axis(values, time_ticks(high, 4), time_label),
        rule(FIRST_COLUMN, y, LAST_COLUMN, y, "expected"),
        words(LAST_COLUMN - 6, y + 14, f"it ended after {human_ms(run.end_s * 1000)}", "expected-text", "end"),
        line(points, "l-bandwidth", "The end that was expected"),
        *(
            dot(x, y, "dot", f"After {human_ms(at_s * 1000)}: {human_ms(left_s * 1000)} to go{_done(row)}", 3.5)
            for (x, y), (at_s, left_s, row) in zip(points, told)
        ),
        time_axis(scale, bottom),
    )


def _done(row: t.Sequence[t.Any]) -> str:
    return f", {finite(row[2]) or 0:.0f} done, {finite(row[3]) or 0:.0f} failed" if len(row) >= 4 else ""


# --- tables


def _not_moved(run: Evacuation) -> str:
    rows = [
        tag(
            "tr",
            tag("th", name(one.name), scope="row"),
            tag("td", _outcome(one)),
            tag("td", tag("code", escaped(one.reason)) if one.reason else ""),
            tag("td", escaped(one.msg or ""), tag("p", escaped(one.state), class_="note") if one.state else ""),
            tag("td", escaped(one.remedy or "")),
        )
        for one in run.guests
        if not one.good
    ]
    if not rows:
        return ""
    head = "".join(tag("th", text, scope="col") for text in ("guest", "outcome", "reason", "why", "what to do"))
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", *rows), class_="plain")
    return tag("h3", "What did not move, and why") + tag(
        "div", table, class_="scroll", tabindex=0, role="region", aria_label="What did not move"
    )


def _ways(run: Evacuation) -> str:
    ways: dict[tuple[str, str], list[Guest]] = {}
    for one in run.guests:
        if one.good and one.strategy == "migrate":
            ways.setdefault((one.source or run.host, one.runs_on or one.destination or "?"), []).append(one)
    if not ways:
        return ""
    items = [
        tag(
            "li",
            f"{name(source)} → {name(destination)}: {len(guests)} guest{'s' if len(guests) != 1 else ''}, ",
            escaped(human_bytes(sum(one.sent_bytes or 0 for one in guests))),
        )
        for (source, destination), guests in sorted(ways.items())
    ]
    return tag("h3", "What moved where") + tag("ul", *items, class_="ways")


def _rows(run: Evacuation, key: str) -> str:
    columns = [
        Column("guest"),
        Column("to"),
        Column("outcome"),
        Column("course", ""),
        Column("in all", "number", "from its first attempt to its end"),
        Column("sent for", "number"),
        Column("expected", "number", "how long it was expected to be sent"),
        Column("stood still", "number"),
        Column("data", "number"),
        Column("done to it"),
    ]
    drawn = Scale(0.0, run.end_s, 0.0, _BAR_WIDTH)
    rows = [_row(one, run, drawn) for one in sorted(run.guests, key=lambda one: (one.begins_s, one.name))]
    stages = legend(
        *(
            (class_, shown)
            for class_, shown in (
                ("band s-measured", "measured"),
                ("band s-waited", "waited for its turn"),
                ("band s-sent", "sent"),
                ("band s-verified", "verified"),
            )
        )
    )
    return tag("h3", "Guests") + stages + sortable(key, columns, rows, "guests")


def _row(one: Guest, run: Evacuation, drawn: Scale) -> str:
    expected_s = one.expected.total_s if one.expected else None
    return tag(
        "tr",
        tag("th", name(one.name), scope="row"),
        cell(name(one.runs_on or one.destination or "-")),
        cell(_outcome(one)),
        cell(_bar(one, run.end_s, drawn), class_="bar"),
        _amount(one.elapsed_s, lambda value: human_ms(value * 1000)),
        _amount(one.transfer_ms, human_ms),
        _amount(expected_s, lambda value: human_ms(value * 1000)),
        _amount(one.downtime_ms, human_ms),
        _amount(one.sent_bytes or None, human_bytes),
        cell(escaped(", ".join(one.remedies or ()).replace("_", " ") or "-")),
    )


def _amount(value: t.Optional[float], tell: t.Callable[[float], str]) -> str:
    return cell(escaped(tell(value)) if value is not None else "-", -1 if value is None else f"{value:g}", "num")


def _outcome(one: Guest) -> str:
    class_ = "ok" if one.good else "wary" if one.outcome == "left" else "bad"
    return tag("span", escaped(one.outcome.replace("_", " ")), class_=f"pill {class_}")


def _bar(one: Guest, end_s: float, drawn: Scale) -> str:
    """With one tooltip for all of it: there may be thousands of these."""
    spans, parts, told = one.spans(), [], []
    for (at_s, stage, where), following in zip(spans, [*(span[0] for span in spans[1:]), end_s]):
        if stage not in _STAGES:
            continue
        class_, shown = _STAGES[stage]
        x, width = drawn(at_s), max(drawn(following) - drawn(at_s), 1.0)
        parts.append(f'<rect x="{x:g}" y="1" width="{width:g}" height="10" class="{class_}"/>')
        to = f" to {where}" if stage == "sending" and where else ""
        told.append(f"{shown}{to} for {human_ms((following - at_s) * 1000)}, from {human_ms(at_s * 1000)} on")
    return tag(
        "svg",
        tooltip("; ".join(told) or "no course is known"),
        *parts,
        viewBox=f"0 0 {_BAR_WIDTH:g} {_BAR_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
    )
