# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What is wished for guests when hosts are emptied: in their own metadata, and by the user, whose word comes last."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import asdict, dataclass, fields, replace
from xml.etree import ElementTree

from .domain_document import Domain
from .errors import MigrationError
from .fleet import LEAVE, MIGRATE, SHUTDOWN, STRATEGIES, Group
from .policy import Contract, contract_from, preset

_SAID = ("strategy", "if_unplaceable", "priority", "destinations", "policy", "policy_overrides")
NAMESPACE = "https://github.com/virtops/ansible-live-migration/guest/1"


@dataclass(frozen=True)
class Wish:
    """None: nothing was said. ``together`` and ``apart``: names of rules that its metadata put it under."""

    strategy: t.Optional[str] = None
    if_unplaceable: t.Optional[str] = None
    priority: t.Optional[int] = None
    destinations: t.Optional[t.Sequence[str]] = None
    policy: t.Optional[str] = None
    policy_overrides: t.Optional[t.Mapping[str, t.Any]] = None
    together: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    def over(self, other: Wish) -> Wish:
        """This one where it says something, the other one where it does not."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) not in (None, ())}
        return replace(other, **said)

    def contract(self, default: Contract) -> Contract:
        if self.policy is None and self.policy_overrides is None:
            return default
        if self.policy is not None:
            return preset(self.policy, self.policy_overrides)
        said = {key: value for key, value in (self.policy_overrides or {}).items() if value is not None}
        return contract_from({**asdict(default), **said})


def names(pattern: str, guest: Domain) -> bool:
    """Whether a name, a pattern of names with ``*`` and ``?``, or a UUID is that of the guest."""
    return pattern in (guest.name, guest.uuid) or fnmatch.fnmatchcase(guest.name, pattern)


def wish_of(guest: Domain, entries: t.Sequence[t.Mapping[str, t.Any]]) -> Wish:
    """All that is said of the guest, the later over the earlier. An entry is one of the option ``guests``."""
    wish = from_metadata(guest)
    for entry in entries:
        if names(entry["name"], guest):
            said: dict[str, t.Any] = {key: entry[key] for key in _SAID if entry.get(key) is not None}
            wish = Wish(**said).over(wish)
    return wish


def groups_of(
    guests: t.Sequence[Domain], wishes: t.Mapping[str, Wish], entries: t.Sequence[t.Mapping[str, t.Any]]
) -> tuple[Group, ...]:
    """The rules between guests, of the option ``groups`` and of the metadata. A rule for a single one is none."""
    members: dict[tuple[str, bool, bool], set[str]] = {}
    for guest in guests:
        for together, rules in ((True, wishes[guest.uuid].together), (False, wishes[guest.uuid].apart)):
            for name in rules:
                members.setdefault((name, together, True), set()).add(guest.uuid)
    for entry in entries:
        kind = (entry["name"], entry["rule"] == "together", entry["hard"])
        found = {guest.uuid for guest in guests for pattern in entry["guests"] if names(pattern, guest)}
        members.setdefault(kind, set()).update(found)
    groups = [Group(name, frozenset(keys), together, hard) for (name, together, hard), keys in members.items()]
    return tuple(group for group in groups if len(group.members) > 1)


def matches_nothing(guests: t.Sequence[Domain], patterns: t.Iterable[str]) -> list[str]:
    """A name that is mistyped would leave a guest without its rule."""
    return [pattern for pattern in patterns if not any(names(pattern, guest) for guest in guests)]


def from_metadata(guest: Domain) -> Wish:
    text = guest.metadata.get(NAMESPACE)
    if not text:
        return Wish()
    try:
        said = ElementTree.fromstring(text).attrib
        priority = said.get("priority")
        wish = Wish(
            said.get("strategy"),
            said.get("if-unplaceable"),
            int(priority) if priority is not None else None,
            together=tuple(said.get("together", "").split()),
            apart=tuple(said.get("apart", "").split()),
        )
    except (ElementTree.ParseError, ValueError) as exc:
        raise _bad(guest, str(exc)) from exc
    if wish.strategy not in (None, *STRATEGIES) or wish.if_unplaceable not in (None, LEAVE, SHUTDOWN):
        raise _bad(guest, f"it asks for {wish.strategy or MIGRATE!r} and {wish.if_unplaceable or LEAVE!r}")
    return wish


def _bad(guest: Domain, why: str) -> MigrationError:
    return MigrationError(
        "BAD_METADATA",
        f"What the metadata of {guest.name!r} wishes for it cannot be understood: {why}.",
        state="Nothing was planned and nothing was changed.",
        remedy=f"Correct it with 'virsh metadata {guest.uuid} --uri {NAMESPACE} --edit'.",
    )
