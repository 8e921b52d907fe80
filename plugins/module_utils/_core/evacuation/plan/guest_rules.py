# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of guests when hosts are emptied: by their own metadata, and by the user, whose word comes last.

Whoever may edit a guest writes its metadata, and says something about that guest: no other one is worse off for it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, fields, replace

from ...guest_metadata import GUEST_NAMESPACE, attributes_of
from ...guest_policy import GuestPolicies, is_named, limits_of_metadata, said_by_all
from ...host.guest import GuestDocument
from ...policy import Policy
from ..strategy import LEAVE, PLANNED, SHUTDOWN
from .fleet import Group

_SAID = ("strategy", "if_unplaceable", "priority", "destinations")
_REFUSED = "except_destinations"

# What the metadata of a guest may say. The last two reach further than that guest: an administrator allows them.
MAY_STRATEGY, MAY_ORDER, MAY_RULES, MAY_PLACES, MAY_BIND = "strategy", "priority", "rules", "places", "hard_rules"
MAY_RESTRICT = "policy"
MAY = (MAY_STRATEGY, MAY_ORDER, MAY_RULES, MAY_RESTRICT, MAY_PLACES, MAY_BIND)
MAY_BY_DEFAULT = (MAY_STRATEGY, MAY_ORDER, MAY_RULES, MAY_RESTRICT)
# Bounds to what a guest may say of itself; choices.
_HIGHEST_PRIORITY = 1000
_MOST_RULES, _LONGEST_NAME = 16, 64


@dataclass(frozen=True)
class GuestRules:
    """What is said of one guest; None: nothing was said. ``together`` and ``apart``: names of rules that its metadata
    put it under.

    ``claim``: its priority for a place, where that is not its priority in the order. ``said_policy``: the fields of a
    policy that the user says for this guest; ``limits``: those that its metadata makes stricter.
    ``except_destinations``: hosts that it must not go to.
    """

    strategy: t.Optional[str] = None
    if_unplaceable: t.Optional[str] = None
    priority: t.Optional[int] = None
    claim: t.Optional[int] = None
    destinations: t.Optional[t.Sequence[str]] = None
    said_policy: t.Mapping[str, t.Any] = field(default_factory=dict)
    limits: t.Optional[t.Mapping[str, t.Any]] = None
    except_destinations: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    def overlaid_on(self, other: GuestRules) -> GuestRules:
        """This one where it says something, the other one where it does not."""
        said = {
            one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) not in (None, (), {})
        }
        return replace(other, **said)

    def resolved_policy(self, default: Policy, for_all: t.Optional[t.Mapping[str, t.Any]] = None) -> Policy:
        """``for_all``: the fields of ``default`` that the user has overridden, which bound those of the guest."""
        return GuestPolicies(default, for_all or {}).of("", "", self.limits, self.said_policy)


def is_named_by(pattern: str, guest: GuestDocument) -> bool:
    """Whether a name, a pattern of names or a UUID is that of the guest."""
    return is_named(pattern, guest.name, guest.uuid)


def guest_rules_of(
    guest: GuestDocument, entries: t.Sequence[t.Mapping[str, t.Any]], rules: t.Optional[GuestRules] = None
) -> GuestRules:
    """All that is said of the guest, the later over the earlier. An entry is one of the option ``guests``; what they
    say of its policy is put together by :func:`said_by_all`.

    ``rules``: what its metadata says, as far as that counts.
    """
    rules = from_metadata(guest)[0] if rules is None else rules
    matching = [entry for entry in entries if is_named_by(entry["name"], guest)]
    for entry in matching:
        said: dict[str, t.Any] = {key: entry[key] for key in _SAID if entry.get(key) is not None}
        if "priority" in said:
            said["claim"] = said["priority"]
        # Each of them holds, whatever else is said of the guest.
        refused = (*rules.except_destinations, *(entry.get(_REFUSED) or ()))
        entry_rules = GuestRules(**said, except_destinations=tuple(dict.fromkeys(refused)))
        rules = entry_rules.overlaid_on(rules)
    return replace(rules, said_policy=said_by_all(matching))


def groups_of(
    guests: t.Sequence[GuestDocument],
    rules_by_guest: t.Mapping[str, GuestRules],
    entries: t.Sequence[t.Mapping[str, t.Any]],
    *,
    binding: bool = False,
) -> tuple[Group, ...]:
    """The rules between guests, of the option ``groups`` and of the metadata. A rule for a single one is none.

    Those of the metadata are rules of their own, whatever they are called: no guest joins one of the user's. Unless
    they are ``binding``, they are kept where that leaves no guest without a place.
    """
    members: dict[tuple[str, bool, bool], set[str]] = {}
    for entry in entries:
        kind = (entry["name"], entry["rule"] == "together", entry["hard"])
        found = {guest.uuid for guest in guests for pattern in entry["guests"] if is_named_by(pattern, guest)}
        members.setdefault(kind, set()).update(found)
    taken = {name for name, _together, _hard in members}
    said: dict[tuple[str, bool, bool], set[str]] = {}
    for guest in guests:
        for together, rules in ((True, rules_by_guest[guest.uuid].together), (False, rules_by_guest[guest.uuid].apart)):
            for name in rules:
                said.setdefault((name, together, binding), set()).add(guest.uuid)
    for (name, together, hard), keys in said.items():
        shown = f"{name} ({'together' if together else 'apart'}, by metadata)"
        while shown in taken:
            shown += "'"
        taken.add(shown)
        members[shown, together, hard] = keys
    groups = [Group(name, frozenset(keys), together, hard) for (name, together, hard), keys in members.items()]
    return tuple(group for group in groups if len(group.members) > 1)


def matches_nothing(guests: t.Sequence[GuestDocument], patterns: t.Iterable[str]) -> list[str]:
    """The patterns that name none of the guests: one that is mistyped would leave a guest without its rule."""
    return [pattern for pattern in patterns if not any(is_named_by(pattern, guest) for guest in guests)]


def from_metadata(guest: GuestDocument, may: t.Collection[str] = MAY_BY_DEFAULT) -> tuple[GuestRules, list[str]]:
    """What a guest says of itself in its metadata, as far as ``may`` (of MAY) allows it; and a clause for each
    attribute that does not count, with the reason.

    An attribute that cannot be understood is as if it had not been said, so that the guest is moved as any other.
    """
    text = guest.metadata.get(GUEST_NAMESPACE)
    if not text:
        return GuestRules(), []
    found = attributes_of(text)
    if found is None:
        return GuestRules(), ["it is no XML"]
    said, problems = found.values, []

    def one_of(key: str, choices: t.Sequence[str]) -> t.Optional[str]:
        value = said.get(key)
        if value is None or value in choices:
            return value
        problems.append(f"{key} is {value[:_LONGEST_NAME]!r}, not one of {', '.join(choices)}")
        return None

    strategy, unplaceable = one_of("strategy", PLANNED), one_of("if-unplaceable", (LEAVE, SHUTDOWN))
    priority = _priority(said, problems)
    together, apart = (_rules(said, key, problems) for key in ("together", "apart"))
    values: dict[str, t.Any] = {"strategy": strategy, "if-unplaceable": unplaceable, "priority": priority}
    limits, not_understood = limits_of_metadata(text)
    problems += not_understood
    values.update({"together": together or None, "apart": apart or None, "its policy": limits or None})
    for key, allowed in _ALLOWED_BY.items():
        if values[key] is not None and not set(allowed) & set(may):
            problems.append(f"{key} is not for guests to say")
            values[key] = None
    rules = GuestRules(
        strategy if values["strategy"] else None,
        unplaceable if values["if-unplaceable"] else None,
        priority if values["priority"] is not None else None,
        # A guest with a higher one takes a place that another would have had.
        claim=None if values["priority"] is None else priority if MAY_PLACES in may else min(0, priority or 0),
        limits=values["its policy"],
        together=together if values["together"] else (),
        apart=apart if values["apart"] else (),
    )
    return rules, problems


_ALLOWED_BY = {
    "strategy": (MAY_STRATEGY,),
    "if-unplaceable": (MAY_STRATEGY,),
    "priority": (MAY_ORDER, MAY_PLACES),
    "together": (MAY_RULES, MAY_BIND),
    "apart": (MAY_RULES, MAY_BIND),
    "its policy": (MAY_RESTRICT,),
}


def _priority(said: t.Mapping[str, str], problems: list[str]) -> t.Optional[int]:
    text = said.get("priority")
    if text is None:
        return None
    number = int(text) if _NUMBER.fullmatch(text) else None
    if number is None or abs(number) > _HIGHEST_PRIORITY:
        problems.append(
            f"priority is {text[:_LONGEST_NAME]!r}, not a whole number from -{_HIGHEST_PRIORITY} to {_HIGHEST_PRIORITY}"
        )
        return None
    return number


_NUMBER = re.compile(r"[+-]?[0-9]{1,6}")


def _rules(said: t.Mapping[str, str], key: str, problems: list[str]) -> tuple[str, ...]:
    rules = tuple(dict.fromkeys(said.get(key, "").split()))
    if len(rules) > _MOST_RULES or any(len(name) > _LONGEST_NAME for name in rules):
        problems.append(f"{key} has more than {_MOST_RULES} names, or one of more than {_LONGEST_NAME} characters")
        return ()
    return rules
