# SPDX-License-Identifier: GPL-3.0-or-later
"""An evacuation plan as a person reads it in the output of a play."""

from __future__ import annotations

import typing as t

from ...text import printable, shortened, wrapped
from ...units import human_bytes, human_ms, human_rate
from .deadline import deadline_lines

_Document = t.Mapping[str, t.Any]
_NAME = 24  # characters of a column
_HOSTS_SHOWN = 5  # names in a line


def plan_lines(plan: _Document, *, most_guests: t.Optional[int] = None) -> list[str]:
    """Plain lines of at most 110 columns from what ``plan_document`` gives; ``most_guests``: of those that move."""
    lines = wrapped(plan["summary"])
    if plan.get("deadline"):
        lines += deadline_lines(plan["deadline"])
    if plan["guests"]:
        lines += _order(plan["guests"], most_guests)
    for key, title in (("shutdown", "To be shut down:"), ("left", "Left where they are:")):
        if plan[key]:
            lines += ["", title]
        for guest in plan[key]:
            lines += wrapped(f"{guest['name']} on {guest['host']}: {guest['reason']}", "  ", "    ")
    if plan["unplaceable"]:
        lines += ["", "Without a place to go:"]
    for guest in plan["unplaceable"]:
        lines += _unplaceable(guest)
    if plan["links"]:
        lines += ["", *_links(plan["links"])]
    return lines


def _order(guests: t.Sequence[_Document], most: t.Optional[int]) -> list[str]:
    shown = guests if most is None else guests[:most]
    wide = {key: min(_NAME, max(len(printable(one[key])) for one in shown)) for key in ("name", "from", "to")}
    lines = [
        "",
        f"{'':>5}  {'guest':{wide['name']}}  {'from':{wide['from']}}  {'to':{wide['to']}}  {'from then':>11}"
        f"  {'until':>11}  {'to send':>9}".rstrip(),
    ]
    for one in shown:
        name, source, to = (shortened(one[key], wide[key]).ljust(wide[key]) for key in ("name", "from", "to"))
        times = f"{human_ms(one['start_s'] * 1000):>11}  {human_ms(one['end_s'] * 1000):>11}"
        lines.append(f"{one['order']:>5}  {name}  {source}  {to}  {times}  {human_bytes(one['sent_bytes']):>9}")
        if not one["reason"].startswith("quiet"):
            lines += wrapped(one["reason"], " " * 7)
    if len(shown) < len(guests):
        lines.append(f"{'':>5}  and {len(guests) - len(shown)} more")
    return lines


def _unplaceable(guest: _Document) -> list[str]:
    lines = wrapped(f"{guest['name']} on {guest['host']}", "  ")
    if guest["together_with"]:
        lines += wrapped("belongs together with " + ", ".join(guest["together_with"]), "    ")
    for reason in guest["reasons"]:
        hosts = reason["hosts"]
        where = ", ".join(hosts[:_HOSTS_SHOWN]) + (f" and {len(hosts) - _HOSTS_SHOWN} more" if hosts[5:] else "")
        subject = f" {reason['subject']}" if reason["subject"] else ""
        at_most = "the least of it: " if reason["reason"] == "MEMORY" and len(hosts) > 1 else ""
        lines += wrapped(
            f"{reason['reason']}{subject}{' (' + where + ')' if where else ''}: {at_most}{reason['why']}",
            "    ",
            "      ",
        )
    lines += wrapped(
        "It could move with " + ("this change:" if len(guest["changes"]) == 1 else "these changes:"), "    "
    )
    for change in guest["changes"]:
        lines += wrapped(change["change"], "      - ", "        ")
    return lines


def _links(links: t.Sequence[_Document]) -> list[str]:
    wide = min(_NAME, max(len(printable(link["name"])) for link in links))
    title = f"{'link':{wide}}       {'to carry':>10}  {'at least':>11}  {'peak':>12}  {'of':>12}  at a time"
    return [title, *(_link(link, wide) for link in links)]


def _link(link: _Document, wide: int) -> str:
    return (
        f"{shortened(link['name'], wide):{wide}}  {link['direction']:3}  {human_bytes(link['sent_bytes']):>10}"
        f"  {human_ms(link['least_s'] * 1000):>11}  {human_rate(link['peak_bytes_per_s']):>12}"
        f"  {human_rate(link['bytes_per_s']):>12}  {link['peak_transfers']:>9}"
    )
