# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of nft's JSON: numbers, addresses, ranges, and the members of sets and maps.

Each function raises ValueError, TypeError, KeyError or AttributeError for what is of another shape.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .packet import Interval

Json = t.Mapping[str, t.Any]
Named = t.Callable[[str], t.Any]  # the elements of a set by its name, or None when they are not known


class Sets:
    """Named sets and maps, by family, table and name."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Json] = {}
        self._changing: set[tuple[str, str, str]] = set()

    def add(self, value: Json) -> None:
        self._found[(value["family"], value["table"], value["name"])] = value

    def changed_by(self, rule: Json) -> None:
        """Remember which sets the rule changes."""
        for expression in rule.get("expr", []):
            for kind in ("set", "map"):
                if kind in expression:
                    name = expression[kind].get(kind, "")
                    self._changing.add((rule["family"], rule["table"], name.lstrip("@")))

    def _changes(self, name: str, rule: Json) -> bool:
        key = (rule["family"], rule["table"], name)
        return key in self._changing or "dynamic" in (self._found[key].get("flags") or [])

    def named(self, name: str, rule: Json) -> t.Optional[list[t.Any]]:
        """None for a set whose members come and go by themselves."""
        found = self._found[(rule["family"], rule["table"], name)]
        return None if self._changes(name, rule) else t.cast("list[t.Any]", found.get("elem") or [])

    def verdicts(self, data: t.Any, rule: Json) -> list[tuple[t.Any, Json]]:
        """Keys and verdicts of a map. Where rules change it, the keys are None."""
        if not isinstance(data, str):
            pairs = data["set"]
        else:
            name = data.lstrip("@")
            found = self._found[(rule["family"], rule["table"], name)]
            if self._changes(name, rule) or "timeout" in (found.get("flags") or []):
                return [(None, verdict) for verdict in ({"accept": None}, {"drop": None})]
            pairs = found.get("elem") or []
        plain_pairs = [(bare(key), verdict) for key, verdict in pairs]
        return sorted(plain_pairs, key=lambda pair: pair[0] == "*")  # which stands for all others


def alternatives(right: t.Any, named: Named) -> t.Optional[list[t.Any]]:
    """The alternatives; None when they are not known."""
    if isinstance(right, str) and right.startswith("@"):
        found = named(right[1:])
        return None if found is None else _without_timeouts(found)
    if isinstance(right, dict) and "set" in right:
        inner = right["set"]
        return _without_timeouts(inner if isinstance(inner, list) else [inner])
    return list(right) if isinstance(right, list) else [right]


def _without_timeouts(elements: list[t.Any]) -> t.Optional[list[t.Any]]:
    """None when one of them is a member for a time only."""
    if any(
        isinstance(one, dict) and isinstance(one.get("elem"), dict) and "timeout" in one["elem"] for one in elements
    ):
        return None
    return [bare(one) for one in elements]


def bare(element: t.Any) -> t.Any:
    """An element of a set without its timeout or comment."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def numbers(value: t.Any) -> Interval:
    """A number or a range as an interval, both ends included."""
    value = bare(value)
    if isinstance(value, dict):
        low, high = value["range"]
        return number(low), number(high)
    return number(value), number(value)


def number(value: t.Any) -> int:
    """Not of a truth value, which Python would take for 0 or 1."""
    if isinstance(value, (bool, float)):
        raise ValueError(value)
    return int(value)


def address_range(value: t.Any) -> Interval:
    """An address, a prefix or a range as an interval of numbers, both ends included."""
    value = bare(value)
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high))
    if isinstance(value, dict):
        prefix = value["prefix"]
        network = ipaddress.ip_network(f"{prefix['addr']}/{prefix['len']}", strict=False)
        return int(network.network_address), int(network.broadcast_address)
    number = int(ipaddress.ip_address(value))
    return number, number


def plain(value: t.Any) -> t.Any:
    """ValueError for what stands for several values."""
    if isinstance(value, (dict, list)):
        raise ValueError(value)
    return value


def has(values: list[t.Any], names: t.AbstractSet[str], number: int) -> bool:
    """Whether one of the values is that number or one of its names; nft prints either."""
    return any(one == number or (isinstance(one, str) and one.lower() in names) for one in map(plain, values))
