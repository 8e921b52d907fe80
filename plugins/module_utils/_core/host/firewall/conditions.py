# SPDX-License-Identifier: GPL-3.0-or-later
"""What firewall rules ask of a packet, answered with True, False, or None where it cannot be told."""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from dataclasses import dataclass, field

from .packet import Interval, Packet, State

Intervals = t.Sequence[Interval]

TCP_FLAGS = {"fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20, "ecn": 0x40, "cwr": 0x80}


class Seen(t.NamedTuple):
    """A packet, as a rule sees it."""

    packet: Packet
    state: State


class Condition:
    """``edges``: where on the axis "ports" or "addresses" the answer may change."""

    cost = 1

    def holds(self, _seen: Seen) -> t.Optional[bool]:
        raise NotImplementedError

    def edges(self, _axis: str, _family: int) -> t.Iterable[int]:
        return ()


@dataclass(frozen=True)
class Sure(Condition):
    """The same answer for every packet."""

    answer: bool

    def holds(self, _seen: Seen) -> t.Optional[bool]:
        return self.answer


@dataclass(frozen=True)
class Unsure(Condition):
    """What a rule asks and nobody can tell beforehand; ``text``: what that is, for a reason."""

    text: str = ""

    def holds(self, _seen: Seen) -> t.Optional[bool]:
        return None


@dataclass(frozen=True)
class Family(Condition):
    """4 or 6."""

    family: int

    def holds(self, seen: Seen) -> t.Optional[bool]:
        return seen.packet.family == self.family


@dataclass(frozen=True)
class Protocol(Condition):
    """Numbers of IP protocols, as 6 for TCP."""

    numbers: frozenset[int]

    def holds(self, seen: Seen) -> t.Optional[bool]:
        return seen.packet.protocol in self.numbers


@dataclass(frozen=True)
class Kind(Condition):
    """``side``: saddr or daddr. Whether the address is local, unicast, multicast, ..."""

    side: str
    kinds: frozenset[str]

    def holds(self, seen: Seen) -> t.Optional[bool]:
        return seen.packet.kinds.get(self.side) in self.kinds


@dataclass(frozen=True)
class Cast(Condition):
    """Whom the packet was sent to, as the card tells it: host or multicast."""

    names: frozenset[str]

    def holds(self, seen: Seen) -> t.Optional[bool]:
        return None if seen.packet.is_reply else seen.packet.cast in self.names


@dataclass(frozen=True)
class Answering(Condition):
    """Whether the packet goes the way of answers."""

    def holds(self, seen: Seen) -> t.Optional[bool]:
        return None if seen.state.is_early else seen.packet.is_reply


class Within(Condition):
    """``name``: dport, sport, saddr, daddr or type. ``family``: of addresses, 0 for ports."""

    def __init__(self, name: str, intervals: Intervals, family: int = 0, text: str = "") -> None:
        self.name, self.family, self.text = name, family, text or _WORDS[name]
        self.intervals = merged(intervals)
        self._lows = [low for low, _high in self.intervals]
        self._axis = "ports" if name in ("dport", "sport") else "addresses"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Within) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Within({self.name}, {self.intervals})"

    def _key(self) -> tuple[t.Any, ...]:
        return (self.name, self.family, tuple(self.intervals))

    def holds(self, seen: Seen) -> t.Optional[bool]:
        if self.family not in (0, seen.packet.family):
            return False
        asked = seen.packet.fields.get(self.name)
        if asked is None:
            return self._unknown(seen)
        index = bisect_right(self._lows, asked[1]) - 1
        if index < 0 or self.intervals[index][1] < asked[0]:
            return False
        low, high = self.intervals[index]
        return True if low <= asked[0] and asked[1] <= high else None

    def _unknown(self, seen: Seen) -> t.Optional[bool]:
        """A packet without ports or type does not match; an address that is not known may."""
        if self._axis == "ports" or self.name == "type" or not self.intervals:
            return False
        return True if self.intervals == [(0, (1 << (32 if seen.packet.family == 4 else 128)) - 1)] else None

    def edges(self, axis: str, family: int) -> t.Iterable[int]:
        if axis == self._axis and self.family in (0, family):
            for low, high in self.intervals:
                yield low
                yield high + 1


_WORDS = {
    "dport": "port",
    "sport": "source port",
    "saddr": "source address",
    "daddr": "destination address",
    "type": "",
}


@dataclass(frozen=True)
class Has(Condition):
    """Whether the packet has an interface of that side, iif or oif."""

    side: str

    def holds(self, seen: Seen) -> t.Optional[bool]:
        return self.side in seen.packet.interfaces


@dataclass(frozen=True)
class Interface(Condition):
    """``names``: a trailing ``*`` stands for any rest. Connections with others never go by ``lo``."""

    names: frozenset[str]
    side: str = "iif"

    def holds(self, seen: Seen) -> t.Optional[bool]:
        name, names = seen.packet.interfaces.get(self.side), self.names - {"lo"}
        if name is None:
            return False
        if not name:
            return None if names else False
        if name in names:
            return True
        return any(one.endswith("*") and name.startswith(one[:-1]) for one in names)

    @property
    def text(self) -> str:
        return f"interface {' '.join(sorted(self.names))}"


@dataclass(frozen=True)
class Bits(Condition):
    """``what``: flags, mark or connmark. Whether the bits of ``mask`` are those of ``value``; of ``any_of``, whether
    one of them is set."""

    what: str
    value: int
    mask: int = 0xFFFFFFFF
    any_of: bool = False

    def holds(self, seen: Seen) -> t.Optional[bool]:
        found = {"flags": seen.packet.flags, "mark": seen.state.mark, "connmark": seen.state.connmark}[self.what]
        if found is None or (self.what == "connmark" and seen.state.is_early):
            return None
        return bool(found & self.value) if self.any_of else found & self.mask == self.value

    @property
    def text(self) -> str:
        return self.what


@dataclass(frozen=True)
class Connection(Condition):
    """The states of conntrack that are asked for."""

    states: frozenset[str]
    text: str = "state of conntrack"

    def holds(self, seen: Seen) -> t.Optional[bool]:
        name = "invalid" if seen.state.is_early else seen.packet.state
        if name is None:
            return None
        tracked, untracked = name in self.states, "untracked" in self.states
        if seen.state.tracked is None:
            return tracked if tracked == untracked else None
        return tracked if seen.state.tracked else untracked


@dataclass(frozen=True)
class Not(Condition):
    """The opposite; what is not known stays so."""

    part: Condition

    def holds(self, seen: Seen) -> t.Optional[bool]:
        found = self.part.holds(seen)
        return None if found is None else not found

    def edges(self, axis: str, family: int) -> t.Iterable[int]:
        return self.part.edges(axis, family)

    @property
    def text(self) -> str:
        return f"not {text_of(self.part)}"

    @property
    def cost(self) -> int:  # type: ignore[override]
        return self.part.cost


@dataclass(frozen=True)
class _Several(Condition):
    parts: tuple[Condition, ...]
    cost: int = field(init=False, compare=False, default=1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost", 1 + sum(part.cost for part in self.parts))

    def edges(self, axis: str, family: int) -> t.Iterable[int]:
        for part in self.parts:
            yield from part.edges(axis, family)

    @property
    def text(self) -> str:
        return next((text for text in (text_of(part) for part in self.parts) if text), "")


class Every(_Several):
    """True when all parts are; False as soon as one is, whatever the others."""

    def holds(self, seen: Seen) -> t.Optional[bool]:
        answer: t.Optional[bool] = True
        for part in self.parts:
            found = part.holds(seen)
            if found is False:
                return False
            answer = answer if found else None
        return answer


class AnyOf(_Several):
    """True as soon as one part is; False when none can be."""

    def holds(self, seen: Seen) -> t.Optional[bool]:
        answer: t.Optional[bool] = False
        for part in self.parts:
            found = part.holds(seen)
            if found:
                return True
            answer = None if found is None else answer
        return answer


def text_of(condition: Condition) -> str:
    """In words, for a reason; empty for what needs none."""
    return str(getattr(condition, "text", ""))


def negated(condition: Condition, is_negated: bool) -> Condition:
    """The condition or its opposite."""
    return Not(condition) if is_negated else condition


def merged(intervals: Intervals) -> list[Interval]:
    """Sorted, without overlaps and without gaps of nothing."""
    found: list[Interval] = []
    for low, high in sorted(intervals):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        elif low <= high:
            found.append((low, high))
    return found
