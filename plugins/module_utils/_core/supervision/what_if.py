# SPDX-License-Identifier: GPL-3.0-or-later
"""What another policy would have decided in a recorded migration, up to where it would have gone another way."""

from __future__ import annotations

import typing as t

from ..errors import MigrationError
from ..policy import Policy
from ..text import printable
from ..units import human_ms
from .actions import Kind
from .record import replay

Decision = dict[str, t.Any]


def what_if(record: t.Mapping[str, t.Any], policy: t.Optional[Policy] = None) -> dict[str, t.Any]:
    """``record``: as modules return it. ``policy``: the other policy; None for the recorded one.

    Gives ``same``, ``recorded`` and ``decisions`` (the actions without waits, each up to the first that differs and
    with it), ``first_difference`` (None, or ``elapsed_ms``, ``recorded`` and ``decided``, of which one may be None) and
    ``lines`` for a person. Raises NOT_A_RECORD.
    """
    try:
        recorded = _actions(record["decisions"])
        decided = _actions(replay(record, policy))
        name = str(record["name"])
        return _compared(name, recorded, decided, bool(record.get("thinned")))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, IndexError) as exc:
        raise MigrationError(
            "NOT_A_RECORD",
            f"This is no record of a migration: {type(exc).__name__}: {exc}.",
            remedy="Give the record that migration or migration_rescue has returned.",
        ) from exc


def _compared(name: str, recorded: list[Decision], decided: list[Decision], thinned: bool) -> dict[str, t.Any]:
    at = _first_difference(recorded, decided)
    difference = None
    if at is not None:
        before, now = (found[at] if at < len(found) else None for found in (recorded, decided))
        first = min((one for one in (before, now) if one is not None), key=lambda one: float(one["at_s"]))
        difference = {"elapsed_ms": first["elapsed_ms"], "recorded": before, "decided": now}
        recorded, decided = recorded[: at + 1], decided[: at + 1]
    return {
        "same": difference is None,
        "recorded": recorded,
        "decisions": decided,
        "first_difference": difference,
        "lines": _lines(name, decided if difference is None else decided[:at], difference, thinned),
    }


def _actions(decisions: t.Iterable[t.Mapping[str, t.Any]]) -> list[Decision]:
    return [dict(one) for one in decisions if one["action"] != Kind.WAIT.value]


def _first_difference(recorded: t.Sequence[Decision], decided: t.Sequence[Decision]) -> t.Optional[int]:
    keys = ("at_s", "action", "reason", "value", "apply")
    for number, (before, now) in enumerate(zip(recorded, decided)):
        if any(before[key] != now[key] for key in keys):
            return number
    return None if len(recorded) == len(decided) else min(len(recorded), len(decided))


def _lines(
    name: str, common: t.Sequence[Decision], difference: t.Optional[t.Mapping[str, t.Any]], thinned: bool
) -> list[str]:
    lines = [f"{printable(name)}: the same would have been decided" + ("." if difference is None else " at first.")]
    lines += [f"  {_line(one)}" for one in common]
    if difference is not None:
        lines.append(f"  recorded: {_line(difference['recorded'])}")
        lines.append(f"  instead:  {_line(difference['decided'])}")
        lines.append("  What would have come after that is not in the record.")
    if thinned:
        lines.append("  Not all looks are in the record, so decisions may come later here than they would have.")
    return lines


def _line(decision: t.Optional[t.Mapping[str, t.Any]]) -> str:
    if decision is None:
        return "nothing more"
    value = f" {decision['value']:g}" if decision["value"] is not None else ""
    when = f"after {human_ms(int(decision['elapsed_ms'] or 0))}, pass {decision['pass']}"
    return printable(f"{decision['action']}{value} ({decision['reason']}) {when}: {decision['because']}")
