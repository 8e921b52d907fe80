# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of a site: checks of its own, as JMESPath over ``{domain, source, destination}``."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import MigrationError
from ..jmespath_query import search
from .checks.check_types import FAIL, WARN, Finding, passed

THEME = "rule"
_SEVERITIES = (FAIL, WARN)
_MOST_STEPS = 200_000  # a rule is applied to each pair of a guest and a destination
_FIELDS = {"id": "", "severity": FAIL, "expr": "", "message": "", "remedy": ""}


@dataclass(frozen=True)
class SiteRule:
    """``expr`` holds when what it finds is true to JMESPath: anything but false, null and empty."""

    id: str
    severity: str
    expr: str
    message: str
    remedy: str = ""


def rules_from(plain: t.Sequence[t.Mapping[str, t.Any]], known_ids: t.Collection[str]) -> list[SiteRule]:
    """BAD_RULE names the rule. All are tried once, so that a bad one is told before anything is looked at."""
    found: list[SiteRule] = []
    for one in plain:
        rule = SiteRule(**{name: str(one.get(name) or default) for name, default in _FIELDS.items()})
        wrong = _wrong(rule, [*known_ids, *(other.id for other in found)])
        unknown = sorted(set(one) - set(_FIELDS))
        wrong = wrong or (f"it has no field {unknown[0]!r}; its fields are {', '.join(_FIELDS)}" if unknown else "")
        if wrong:
            raise _bad(rule, wrong)
        _compile(rule)
        found.append(rule)
    return found


def apply(rule: SiteRule, documents: t.Mapping[str, t.Any]) -> Finding:
    """``documents`` as plain data, as a user sees them."""
    try:
        value = search(rule.expr, documents, _MOST_STEPS)
    except MigrationError as exc:
        raise _named(rule, exc) from exc
    # JMESPath's own notion of truth: 0 is true.
    if value is None or value is False or value in ("", [], {}):
        return Finding(rule.severity, rule.message, rule.remedy, {"expr": rule.expr, "value": value})
    return passed(f"The rule {rule.id} holds.")


def _wrong(rule: SiteRule, taken: t.Collection[str]) -> str:
    if not rule.id or not rule.expr or not rule.message:
        return "it needs an id, an expr and a message"
    if rule.severity not in _SEVERITIES:
        return f"its severity is {rule.severity!r}, but must be {' or '.join(_SEVERITIES)}"
    return f"its id {rule.id!r} is taken" if rule.id in taken else ""


def _compile(rule: SiteRule) -> None:
    """Over nothing most expressions find nothing; one that does not parse fails all the same."""
    try:
        search(rule.expr, {"domain": {}, "source": {}, "destination": {}})
    except MigrationError as exc:
        # A function may refuse the nothing that it is given here, and take what there will be.
        if exc.reason != "BAD_EXPRESSION" or _parses_not(exc):
            raise _named(rule, exc) from exc


def _parses_not(exc: MigrationError) -> bool:
    return type(exc.__cause__).__name__ not in ("JMESPathTypeError", "TypeError")


def _named(rule: SiteRule, exc: MigrationError) -> MigrationError:
    if exc.reason != "BAD_EXPRESSION":
        return exc
    return MigrationError(
        "BAD_RULE",
        f"The rule {rule.id!r} cannot be applied. {exc.problem}",
        state=exc.state,
        remedy=exc.remedy,
        evidence={**exc.evidence, "rule": rule.id},
    )


def _bad(rule: SiteRule, wrong: str) -> MigrationError:
    return MigrationError(
        "BAD_RULE",
        f"The rule {rule.id or rule.expr or rule.message!r} is wrong: {wrong}.",
        state="Nothing was changed.",
        remedy="Correct the rule.",
        evidence={"rule": rule.id},
    )
