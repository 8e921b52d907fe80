# SPDX-License-Identifier: GPL-3.0-or-later
"""The readiness of a fleet as a section of a report: guests and hosts, worst first, and the least that would help."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..dataclass_json import list_from_plain
from .markup import escaped, name, tag
from .sections import Column, cell, sortable, tiles

_REMEDY = "Give readiness_result of the hosts, as the role readiness leaves it."
_MOST_HOSTS = 40  # columns of a table that a person can still read
_MOST_CELLS = 100_000  # beyond it what keeps a guest from each host is not repeated in every cell
_SHOWN = 12


@dataclass(frozen=True)
class Check:
    id: str
    summary: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Nearest:
    destination: str
    checks: list[Check] = field(default_factory=list)


@dataclass(frozen=True)
class Guest:
    """A row of readiness_overview."""

    name: str
    host: str
    can_go_to: list[str]
    cannot_go_to: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    nearest: t.Optional[Nearest] = None
    uuid: str = ""

    @property
    def order(self) -> tuple[t.Any, ...]:
        """Worst first: who can go nowhere, then who has the fewest places to go to."""
        lacks = len(self.nearest.checks) if self.nearest else 0
        return (len(self.can_go_to), -lacks, -len(self.cannot_go_to), self.host, self.name)

    @property
    def status(self) -> tuple[str, str]:
        if not self.can_go_to:
            return "nowhere", "bad"
        return ("some hosts", "wary") if self.cannot_go_to else ("all hosts", "ok")


@dataclass(frozen=True)
class Host:
    """The result of one host."""

    host: str
    guests: list[Guest]
    candidates: list[str] = field(default_factory=list)


def hosts_of(documents: t.Any, where: str = "readiness") -> list[Host]:
    """Raises NOT_READINESS."""
    return list_from_plain(Host, documents, where, reason="NOT_READINESS", remedy=_REMEDY)


def guests_of(hosts: t.Sequence[Host]) -> list[Guest]:
    return sorted((guest for host in hosts for guest in host.guests), key=lambda one: one.order)


def section(hosts: t.Sequence[Host], key: str) -> str:
    guests = guests_of(hosts)
    return tag(
        "section",
        tag("h2", "Readiness of the fleet", id=key),
        _head(guests, hosts),
        _changes(guests),
        _matrix(guests, hosts, f"{key}-guests"),
        class_="card",
        aria_labelledby=key,
    )


def _head(guests: t.Sequence[Guest], hosts: t.Sequence[Host]) -> str:
    nowhere = sum(not one.can_go_to for one in guests)
    some = sum(bool(one.can_go_to) and bool(one.cannot_go_to) for one in guests)
    return tiles(
        [
            (str(len(guests)), f"guests on {len(hosts)} hosts", ""),
            (str(len(guests) - nowhere - some), "can go to every host", "ok"),
            (str(some), "can go to some", "wary" if some else ""),
            (str(nowhere), "can go nowhere", "bad" if nowhere else "ok"),
        ]
    )


class Change(t.NamedTuple):
    """What has to be done on the way to one host, and the guests that could leave then."""

    destination: str
    checks: tuple[str, ...]
    example: Nearest
    guests: list[Guest]


def changes(guests: t.Iterable[Guest]) -> list[Change]:
    """The smallest changes that help, those first that let the most guests go; of equals the smaller one."""
    found: dict[tuple[str, tuple[str, ...]], Change] = {}
    for guest in guests:
        if guest.nearest is None or guest.can_go_to:
            continue
        checks = tuple(sorted({check.id for check in guest.nearest.checks}))
        key = (guest.nearest.destination, checks)
        found.setdefault(key, Change(guest.nearest.destination, checks, guest.nearest, [])).guests.append(guest)
    return sorted(found.values(), key=lambda one: (-len(one.guests), len(one.checks), one.destination, one.checks))


def _changes(guests: t.Sequence[Guest]) -> str:
    every = changes(guests)
    if not every:
        return ""
    rows = []
    for one in every[:_SHOWN]:
        names = ", ".join(name(guest.name) for guest in one.guests[:5])
        more = f" and {len(one.guests) - 5} more" if len(one.guests) > 5 else ""
        todo = [
            tag("li", tag("code", escaped(check.id)), " ", escaped(f"{check.summary} {check.remedy}".strip()))
            for check in one.example.checks
        ]
        rows.append(
            tag(
                "tr",
                tag("td", str(len(one.guests)), class_="num"),
                tag("td", name(one.destination)),
                tag("td", tag("ul", *todo, class_="todo")),
                tag("td", names, more),
            )
        )
    head = "".join(
        tag("th", text, scope="col") for text in ("lets go", "on the way to", "what is to be done", "guests")
    )
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", *rows), class_="plain")
    more = tag("p", f"{len(every) - _SHOWN} more in the table below.", class_="note") if len(every) > _SHOWN else ""
    return (
        tag("h3", "The smallest changes that help")
        + tag("div", table, class_="scroll", tabindex=0, role="region", aria_label="Changes")
        + more
    )


def _matrix(guests: t.Sequence[Guest], hosts: t.Sequence[Host], key: str) -> str:
    targets = sorted(
        {one for guest in guests for one in [*guest.can_go_to, *guest.cannot_go_to]}
        | {one for host in hosts for one in host.candidates}
    )
    if not guests:
        return tag("p", "No guests.", class_="note")
    wide = len(targets) > _MOST_HOSTS
    shown = [] if wide else targets
    columns = [
        Column("guest"),
        Column("on"),
        Column("can go to"),
        Column("hosts", "number"),
        *(Column(one) for one in shown),
        Column("the least that would help"),
    ]
    told = len(guests) * len(shown) <= _MOST_CELLS
    rows = [_row(guest, shown, told) for guest in guests]
    note = tag("p", f"{len(targets)} hosts are too many for a column each.", class_="note") if wide else ""
    key_line = tag(
        "p",
        tag("span", "✓", class_="go"),
        " can go · ",
        tag("span", "!", class_="warns"),
        " can go, with a warning · ",
        tag("span", "✗", class_="no"),
        " cannot go · ",
        "- it is there already, or was not checked",
        class_="note",
    )
    return tag("h3", "Guests and hosts") + note + key_line + sortable(key, columns, rows, "guests")


def _row(guest: Guest, targets: t.Sequence[str], told: bool) -> str:
    text, class_ = guest.status
    reach = set(guest.can_go_to)
    goes = f'<td class="go">{"!" if guest.warnings else "✓"}</td>'
    if guest.warnings:
        title = f"with warnings: {', '.join(guest.warnings)}"
        goes = tag("td", "!", class_="warns", title=title if told else None)
    cells = []
    for one in targets:
        if one in reach:
            cells.append(goes)
        elif one in guest.cannot_go_to:
            why = guest.cannot_go_to[one]
            cells.append(tag("td", "✗", class_="no", title=f"{one}: {why}" if told else None))
        else:
            cells.append('<td class="none">-</td>')
    return tag(
        "tr",
        tag("th", name(guest.name), scope="row"),
        cell(name(guest.host)),
        cell(tag("span", text, class_=f"pill {class_}"), {"bad": 0, "wary": 1, "ok": 2}[class_]),
        cell(str(len(guest.can_go_to)), class_="num"),
        *cells,
        cell(_least(guest)),
    )


def _least(guest: Guest) -> str:
    if guest.nearest is None:
        return "-"
    todo = "; ".join(f"{check.id}: {check.remedy or check.summary}" for check in guest.nearest.checks)
    return f"to {name(guest.nearest.destination)}: {escaped(todo)}"
