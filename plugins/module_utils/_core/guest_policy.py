# SPDX-License-Identifier: GPL-3.0-or-later
"""Which policy holds for one guest of several: what is said of it in a plan, in the inventory and in its own metadata.

Where these differ the most careful one holds, field by field:

- A plan and the inventory stand in the place of the task's policy, so that they may be bolder than that, but not than
  the fields that the task overrides for all.
- Of several entries for a guest a later one comes before an earlier one, but one that says ``postcopy: never`` holds
  whatever comes later.
- A guest's own word can only make it stricter, since whoever may edit the guest writes it.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t
from dataclasses import asdict, dataclass, field

from .errors import MigrationError
from .guest_metadata import attributes_of
from .policy import HOPELESS_CHOICES, MODES, POSTCOPY_CHOICES, SHRINK_CHOICES, Policy, policy_from, preset, with_numbers

Entry = t.Mapping[str, t.Any]
Said = t.Mapping[str, t.Any]

# From careful to bold.
_ORDERED: t.Mapping[str, t.Sequence[str]] = {
    "postcopy": POSTCOPY_CHOICES,
    "on_hopeless": HOPELESS_CHOICES,
    "shrink": SHRINK_CHOICES,
    "mode": MODES[::-1],
}
_MORE_IS_CAREFUL = ("patience_s", "shrink_keep_mib")

# What a guest may say of itself: the attributes of its element, and whether the number is a whole one.
_OWN_NUMBERS: t.Mapping[str, bool] = {
    "max_downtime_ms": True,
    "max_postcopy_s": False,
    "max_pause_s": False,
    "max_throttle_percent": True,
    "shrink_keep_mib": True,
}
_OWN_WORDS: t.Mapping[str, t.Sequence[str]] = {"postcopy": POSTCOPY_CHOICES, "shrink": SHRINK_CHOICES}
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHOWN = 64


def is_named(pattern: str, name: str, uuid: str) -> bool:
    """Whether a name, a pattern of names with ``*`` and ``?``, or a UUID is that of the guest.

    What looks like a UUID is one: a guest may be called by the UUID of another one.
    """
    if _UUID.fullmatch(pattern):
        return pattern.lower() == uuid.lower()
    return pattern in (name, uuid) or fnmatch.fnmatchcase(name, pattern)


def limits_of_metadata(text: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    """The fields of a policy in the element of a guest's metadata, and what of them cannot be understood, and why.

    What cannot be understood is as if it had not been said, but for post-copy and shrinking: these are never used then.
    """
    found = attributes_of(text)
    if found is None:
        return {}, []
    limits: dict[str, t.Any] = {}
    problems: list[str] = []
    for name, choices in _OWN_WORDS.items():
        word = found.values.get(name)
        if word is None:
            continue
        limits[name] = word if word in choices else choices[0]
        if word not in choices:
            problems.append(f"{name} is {word[:_SHOWN]!r}, not one of {', '.join(choices)}, so that never holds")
    for name, whole in _OWN_NUMBERS.items():
        attribute = name.replace("_", "-")
        value = found.values.get(attribute)
        if value is None:
            continue
        try:
            if not _NUMBER.fullmatch(value):
                raise ValueError
            number = int(value) if whole else float(value)
            policy_from({name: number})
        except (ValueError, MigrationError):
            problems.append(f"{attribute} is {value[:_SHOWN]!r}, which is no such limit")
        else:
            limits[name] = number
    return limits, problems


def said_by(
    policy: t.Optional[str], overrides: t.Optional[Said], defaults: t.Optional[Said] = None
) -> dict[str, t.Any]:
    """The fields that an entry says: all of a named policy, or only those that it overrides. Raises BAD_CONTRACT.

    ``defaults``: fields for which the module has its own word in the place of a named policy's.
    """
    given = {key: value for key, value in with_numbers(overrides or {}).items() if value is not None}
    if policy is not None:
        named = preset(policy, {**(defaults or {}), **given}).document()
        return {key: value for key, value in named.items() if value is not None}
    if "on_hopeless" in given:  # whether a pause is allowed is seen where all is put together
        policy_from({**given, "max_pause_s": given.get("max_pause_s") or 1.0})
    else:
        policy_from(given)
    return given


def said_by_all(entries: t.Sequence[Entry], defaults: t.Optional[Said] = None) -> dict[str, t.Any]:
    """The fields that the entries for one guest say, as :func:`said_by`: a later one comes before an earlier one.

    But one that says ``postcopy: never`` itself, and not by the policy that it names, holds whatever comes later.
    """
    found: dict[str, t.Any] = {}
    never = False
    for entry in entries:
        overrides = entry.get("policy_overrides") or {}
        said = said_by(entry.get("policy"), overrides, defaults)
        found = said if entry.get("policy") is not None else {**found, **said}
        never = never or overrides.get("postcopy") == "never"
    return {**found, "postcopy": "never"} if never else found


def careful(name: str, values: t.Sequence[t.Any]) -> t.Any:
    """The most careful of the values of one field."""
    if name in _ORDERED:
        return min(values, key=list(_ORDERED[name]).index)
    return max(values) if name in _MORE_IS_CAREFUL else min(values)


def require_within(guest: str, own: Said, name: str, wanted: t.Any) -> None:
    """Raises GUEST_FORBIDS where a guest's own limit for a field of the policy is stricter than what is wanted."""
    limit = own.get(name)
    if limit is None or careful(name, [limit, wanted]) == wanted:
        return
    raise MigrationError(
        "GUEST_FORBIDS",
        f"{guest!r} says in its metadata {name.replace('_', '-')}={limit}, which does not admit {wanted}.",
        state="Its migration, if one runs, goes on as before. Nothing was changed.",
        remedy="Choose another remedy or a value that it admits, or set heed_metadata: false if you decide otherwise.",
        evidence={"limit": {name: limit}},
    )


@dataclass(frozen=True)
class GuestPolicies:
    """``base``: of the task. ``for_all``: the fields that the task itself overrides, which bound those of each guest.

    ``entries``: of the option ``guest_options``; of those that match a guest a later one comes before an earlier one,
    but for ``postcopy: never``.
    ``heed_metadata``: whether the guests' own word counts. ``defaults``: as of :func:`said_by`.
    """

    base: Policy
    for_all: Said = field(default_factory=dict)
    entries: t.Sequence[Entry] = ()
    heed_metadata: bool = True
    defaults: Said = field(default_factory=dict)

    def check(self) -> None:
        """Raises BAD_CONTRACT for an entry that says nonsense, whichever guest it is for."""
        for entry in self.entries:
            said_by(entry.get("policy"), entry.get("policy_overrides"))

    def of(self, name: str, uuid: str, own: t.Optional[Said] = None, *planned: Said) -> Policy:
        """``own``: what its metadata says; ``planned``: what a plan or a list says of it, as :func:`said_by`."""
        own = own if own and self.heed_metadata else {}
        said = [one for one in (*planned, self.listed(name, uuid)) if one]
        fields = asdict(self.base)
        for key, before in fields.items():
            values = [one[key] for one in said if one.get(key) is not None]
            if values and self.for_all.get(key) is not None:
                values.append(self.for_all[key])
            if own.get(key) is not None:
                values = [careful(key, values) if values else before, own[key]]
            if values:
                fields[key] = careful(key, [value for value in values if value is not None])
        if fields["max_pause_s"] == 0 and fields["on_hopeless"] == "pause":
            fields["on_hopeless"] = "abort"
        return Policy(**fields)

    def listed(self, name: str, uuid: str) -> dict[str, t.Any]:
        """What the entries say of its policy; empty for nothing."""
        return said_by_all(self._matching(name, uuid), self.defaults)

    def copy_storage(self, name: str, uuid: str) -> t.Optional[str]:
        """How its disks go along, where the entries say it."""
        found = [str(one["copy_storage"]) for one in self._matching(name, uuid) if one.get("copy_storage") is not None]
        return found[-1] if found else None

    def copy_disks(self, name: str, uuid: str) -> t.Optional[list[str]]:
        """Targets of the disks that are copied, where its disks are copied and the entries say which."""
        found = [one["copy_disks"] for one in self._matching(name, uuid) if one.get("copy_disks") is not None]
        return [str(target) for target in found[-1]] if found else None

    def may_copy(self) -> bool:
        """Whether there is a guest whose disks are copied by an entry."""
        return any(entry.get("copy_storage") not in (None, "none") for entry in self.entries)

    def _matching(self, name: str, uuid: str) -> list[Entry]:
        return [entry for entry in self.entries if is_named(str(entry["name"]), name, uuid)]
