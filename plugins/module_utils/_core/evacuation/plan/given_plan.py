# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that is handed in to be carried out: read from a file, edited by somebody, or the answer to a question.

Whatever is wrong in it is found here, before a host is marked as one that takes no guests or a guest is moved.
"""

from __future__ import annotations

import typing as t

from ...errors import MigrationError
from ...guest_policy import said_by
from ...number_options import check_number
from ...policy import preset
from .plan_document import Document

# Of each list of a plan, what its entries have to have: texts, and whole numbers.
_ENTRIES: t.Mapping[str, tuple[t.Sequence[str], t.Sequence[str]]] = {
    "guests": (("name", "uuid", "from", "to"), ("order", "sent_bytes")),
    "shutdown": (("name", "uuid", "host"), ()),
    "left": (("name", "uuid", "host"), ()),
}
_NEEDED = "guests"
_LISTS_OF_RULES = ("guests", "groups", "hosts", "uplinks", "destinations", "metadata_may")


def read_plan(given: t.Any) -> Document:
    """The plan as it was given, with all in it that is used when it is carried out.

    ``given``: built-in types, as ``evacuation_plan_info`` returns them. Raises NOT_A_PLAN with everything that is wrong
    in it. What the entries of its ``rules`` have to be beyond their policies, the options of that module say.
    """
    if not isinstance(given, dict):
        raise not_a_plan(["it is no dictionary"])
    problems = [text for part in _ENTRIES for text in _of_list(part, given.get(part, None if part == _NEEDED else []))]
    problems += _named_twice(given) if not problems else []
    rules = given.get("rules", {})
    if not isinstance(rules, dict):
        problems.append("rules is no dictionary")
    elif rules:
        problems += _of_rules(rules)
    if problems:
        raise not_a_plan(problems)
    return given


def not_a_plan(problems: t.Iterable[str]) -> MigrationError:
    """NOT_A_PLAN, with each of the problems once."""
    return MigrationError(
        "NOT_A_PLAN",
        f"This is no plan as evacuation_plan_info returns it: {'; '.join(dict.fromkeys(problems))}.",
        state="Nothing was changed.",
        remedy="Give the plan as the module returned it, or make another one.",
    )


def _of_list(part: str, entries: t.Any) -> t.Iterator[str]:
    if not isinstance(entries, list):
        yield f"{part} is no list"
        return
    texts, numbers = _ENTRIES[part]
    for entry in entries:
        for name in texts:
            if not isinstance(entry, dict) or not _is_text(entry.get(name)):
                yield f"not all of {part} have a text as {name}"
        for name in numbers:
            if not isinstance(entry, dict) or not _is_whole(entry.get(name)):
                yield f"not all of {part} have a whole number as {name}"
            else:
                yield from _out_of_range(name, entry)
        if part == "guests" and isinstance(entry, dict):
            yield from _of_policy(entry.get("name"), None, entry.get("policy_overrides", {}))


def _out_of_range(name: str, entry: Document) -> t.Iterator[str]:
    try:
        check_number(name, f"{name} of {entry.get('name')!r}", entry[name])
    except MigrationError as exc:
        yield exc.problem.rstrip(".")


def _named_twice(plan: Document) -> t.Iterator[str]:
    """A guest with two destinations, or that is both moved and left, is none that anybody planned."""
    known: set[str] = set()
    for part in _ENTRIES:
        for entry in plan.get(part, []):
            if entry["uuid"].lower() in known:
                yield f"{entry['name']!r} ({entry['uuid']}) is in it twice"
            known.add(entry["uuid"].lower())


def _of_rules(rules: Document) -> t.Iterator[str]:
    for name in _LISTS_OF_RULES:
        if not isinstance(rules.get(name), list):
            yield f"rules have no list {name}"
    policy, overrides = rules.get("policy"), rules.get("policy_overrides")
    if not isinstance(policy, str) or not isinstance(overrides, dict):
        yield "rules have no policy"
    else:
        try:
            preset(policy, overrides)
        except MigrationError as exc:
            yield f"in rules: {exc.problem.rstrip('.')}"
    destinations, guests = rules.get("destinations"), rules.get("guests")
    if isinstance(destinations, list) and not all(_is_text(name) for name in destinations):
        yield "not all destinations of rules are texts"
    for entry in guests if isinstance(guests, list) else []:
        if not isinstance(entry, dict) or not _is_text(entry.get("name")):
            yield "not all guests of rules have a text as name"
        else:
            yield from _of_policy(entry["name"], entry.get("policy"), entry.get("policy_overrides") or {})


def _of_policy(guest: t.Any, policy: t.Any, overrides: t.Any) -> t.Iterator[str]:
    """``policy``: the name of one, or None where only single fields are said."""
    if not isinstance(overrides, dict):
        yield "policy_overrides is no dictionary"
        return
    if policy is not None and not isinstance(policy, str):
        yield f"the policy of {guest!r} is no text"
        return
    try:
        said_by(policy, {str(key): value for key, value in overrides.items()})
    except MigrationError as exc:
        yield f"of {guest!r}: {exc.problem.rstrip('.')}"


def _is_text(value: t.Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_whole(value: t.Any) -> bool:
    """libvirt counts in 64 bits, and a text of thousands of digits is a number in YAML, too."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
