# SPDX-License-Identifier: GPL-3.0-or-later
"""An evacuation as a section of a report: a row for each guest, its drawings, what moved where, and why something did
not."""

from __future__ import annotations

import typing as t

from ..units import human_bytes, human_ms
from .axis import Scale
from .evacuation import Evacuation, Guest
from .evacuation_chart import loads, reported_ends
from .markup import escaped, name, tag
from .sections import Column, cell, heading_of_time, pills, sortable, tiles
from .svg import legend, tooltip

_BAR_WIDTH, _BAR_HEIGHT = 400.0, 12.0  # in pixels
# What is drawn of each stage of a guest.
_STAGES = {
    "preparing": ("s-measured", "measured"),
    "ready": ("s-waited", "waited for its turn"),
    "sending": ("s-sent", "sent"),
    "sent": ("s-verified", "verified"),
}


def section(run: Evacuation, key: str) -> str:
    title = "Guests on their way home from" if run.purpose == "return" else "Evacuation of"
    return tag(
        "section",
        tag("h2", f"{title} {name(run.host or 'a host')}", id=key),
        _head(run),
        loads(run),
        reported_ends(run),
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
