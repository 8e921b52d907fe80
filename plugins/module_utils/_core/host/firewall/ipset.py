# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ipset save`` prints as conditions of :mod:`firewall`."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field

from .conditions import AnyOf, Condition, Every, Interface, Not, Sure, Unsure, Within
from .packet import Interval

_SIDES = {"src": ("saddr", "sport", "iif"), "dst": ("daddr", "dport", "oif")}
_DEEPEST = 8  # sets within sets (list:set); a choice


@dataclass
class _Set:
    """``kind``: hash:net,port and the like. ``elements``: without their options; ``excepted``: those of nomatch."""

    kind: str
    is_inet6: bool = False
    elements: list[str] = field(default_factory=list)
    excepted: list[str] = field(default_factory=list)
    changes: bool = False  # members come and go by themselves


class IpSets:
    """``text``: None where ipset gave no answer; every set is unknown then."""

    def __init__(self, text: t.Optional[str]) -> None:
        self._sets: dict[str, _Set] = {}
        for line in (text or "").splitlines():
            words = line.split()
            if len(words) >= 3 and words[0] == "create":
                self._sets[words[1]] = _Set(words[2], "inet6" in words, changes="timeout" in words)
            elif len(words) >= 3 and words[0] == "add" and words[1] in self._sets:
                found = self._sets[words[1]]
                (found.excepted if "nomatch" in words else found.elements).append(words[2])
                found.changes = found.changes or "timeout" in words

    def condition(self, name: str, directions: t.Sequence[str], family: int, depth: int = 0) -> Condition:
        """Whether the packet is in the set; ``directions``: src or dst for each part of an element."""
        found = self._sets.get(name)
        if found is None or found.changes or depth > _DEEPEST:
            return Unsure(f"set {name}")
        if found.kind == "list:set":
            return AnyOf(tuple(self.condition(one, directions, family, depth + 1) for one in found.elements))
        parts = found.kind.partition(":")[2].split(",")
        has_addresses = any(part in ("ip", "net") for part in parts)
        if has_addresses and found.is_inet6 != (family == 6):
            return Sure(False)
        try:
            if len(parts) == 1:
                return _single(parts[0], directions[0], [found.elements, found.excepted], family)
            inside = AnyOf(tuple(_element(parts, directions, one, family) for one in found.elements))
            outside = AnyOf(tuple(_element(parts, directions, one, family) for one in found.excepted))
        except (ValueError, IndexError, KeyError):
            return Unsure(f"set {name}")
        return Every((inside, Not(outside))) if found.excepted else inside


def _single(part: str, direction: str, elements: list[list[str]], family: int) -> Condition:
    """Sets of one dimension may be long: their elements become one condition."""
    inside, excepted = elements
    if part == "port":
        return Within(_SIDES[direction][1], [_port(one) or (1, 0) for one in inside])
    if part not in ("ip", "net"):
        raise ValueError(part)
    found = Within(_SIDES[direction][0], [_network(one) for one in inside], family)
    if not excepted:
        return found
    # The most specific element counts, so that what is excepted may be let in again by one within.
    without = Within(_SIDES[direction][0], [_network(one) for one in excepted], family)
    if any(a[0] >= b[0] and a[1] <= b[1] for a in map(_network, inside) for b in without.intervals):
        return Unsure("exceptions of a set")
    return Every((found, Not(without)))


def _element(parts: list[str], directions: t.Sequence[str], element: str, family: int) -> Condition:
    conditions: list[Condition] = []
    for part, direction, text in zip(parts, directions, element.split(",")):
        if part in ("ip", "net"):
            conditions.append(Within(_SIDES[direction][0], [_network(text)], family))
        elif part == "port":
            ports = _port(text)
            conditions.append(Sure(False) if ports is None else Within(_SIDES[direction][1], [ports]))
        elif part == "iface":
            conditions.append(Interface(frozenset({text}), _SIDES[direction][2]))
        else:
            conditions.append(Unsure(f"{part} of a set"))
    if len(conditions) != len(parts):
        raise IndexError(element)
    return Every(tuple(conditions))


def _port(text: str) -> t.Optional[Interval]:
    """``tcp:80``, ``80`` or ``80-90``; None for another protocol."""
    protocol, colon, rest = text.rpartition(":")
    if colon and protocol not in ("tcp", "6"):
        return None
    low, _dash, high = rest.partition("-")
    return int(low), int(high or low)


def _network(text: str) -> Interval:
    low, dash, high = text.partition("-")
    if dash:
        return int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high))
    network = ipaddress.ip_network(text, strict=False)
    return int(network.network_address), int(network.broadcast_address)
