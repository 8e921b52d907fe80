# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a page share: pills, small tables, tables that can be sorted, moments of the day."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from .axis import finite
from .markup import escaped, tag, void

_LAST_EPOCH_S = 4e10  # the year 3237: what is beyond it is no time of day


class Column(t.NamedTuple):
    """``kind``: ``text`` or ``number``, by which it is sorted; empty where it makes no sense."""

    label: str
    kind: str = "text"
    title: str = ""


def moment(epoch_s: t.Any) -> t.Optional[datetime]:
    value = finite(epoch_s)
    if value is None or not 0 < value < _LAST_EPOCH_S:
        return None
    return datetime.fromtimestamp(value, tz=timezone.utc)


def heading_of_time(epoch_s: t.Any) -> t.Optional[str]:
    """``2026-11-29 03:12:45 UTC``."""
    found = moment(epoch_s)
    return found.strftime("%Y-%m-%d %H:%M:%S UTC") if found else None


def pills(states: t.Sequence[tuple[str, str]], facts: t.Sequence[tuple[str, str]]) -> str:
    """``states``: text and class (``ok``, ``wary``, ``bad``); ``facts``: label and value."""
    shown = [tag("span", escaped(text), class_=f"pill {class_}") for text, class_ in states]
    shown += [
        tag("span", tag("span", escaped(label), class_="label"), " ", escaped(value), class_="pill")
        for label, value in facts
    ]
    return tag("p", " ".join(shown), class_="pills")


def tiles(facts: t.Sequence[tuple[str, str, str]]) -> str:
    """Value, label and class of the few numbers that matter."""
    shown = [
        tag("div", tag("strong", escaped(value)), tag("span", escaped(label)), class_=f"tile {class_}")
        for value, label, class_ in facts
    ]
    return tag("div", *shown, class_="tiles")


def facts_table(caption: str, columns: t.Sequence[str], rows: t.Sequence[tuple[str, t.Sequence[str]]]) -> str:
    """Labels at the left and above; values are texts from inside or formatted numbers."""
    head = tag("td") + "".join(tag("th", escaped(one), scope="col") for one in columns)
    body = [
        tag("tr", tag("th", escaped(label), scope="row"), *(tag("td", escaped(one), class_="num") for one in values))
        for label, values in rows
    ]
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", *body), class_="plain small")
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=caption)


def cell(content: str, sort: t.Any = None, class_: str = "") -> str:
    """``content``: markup; ``sort``: what the column is sorted by, where that is not what is read."""
    return tag("td", content, data_v=sort, class_=class_ or None)


def sortable(key: str, columns: t.Sequence[Column], rows: t.Sequence[str], caption: str) -> str:
    """A table of rows, with what the script needs to sort and filter it. Without a script it is a table."""
    heads = [
        tag(
            "th",
            escaped(one.label),
            scope="col",
            class_="num" if one.kind == "number" else None,
            data_kind=one.kind or None,
            title=one.title or None,
        )
        for one in columns
    ]
    box = tag(
        "div",
        tag("label", f"Filter {escaped(caption)}: ", void("input", type="search", data_table=key, autocomplete="off")),
        tag("output", "", data_count=key),
        class_="controls",
        hidden=True,
    )
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), id=key, class_="sortable")
    return box + tag("div", table, class_="scroll wide", tabindex=0, role="region", aria_label=caption)
