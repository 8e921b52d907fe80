# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What firewall rules ask of a packet, answered with True, False, or None where it cannot be told.

The packet is the first of a new TCP connection from elsewhere to this host: SYN, no other flag, not a fragment, of a
connection that conntrack calls new. What is not known of it is an interval (a port, a source) or None (an interface).
"""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from dataclasses import dataclass, field

Interval = tuple[int, int]
Intervals = t.Sequence[Interval]

# Where a connection may come from: not loopback, multicast, reserved, unspecified or mapped addresses.
SOURCES: dict[int, list[Interval]] = {
    4: [(0x01000000, 0x7EFFFFFF), (0x80000000, 0xDFFFFFFF)],
    6: [(0x0100 << 112, (0xFF00 << 112) - 1)],
}
SYN_FLAGS = 0x02
TCP_FLAGS = {"fin": 0x01, "syn": 0x02, "rst": 0x04, "psh": 0x08, "ack": 0x10, "urg": 0x20, "ecn": 0x40, "cwr": 0x80}
_PORTS_OF_CLIENTS = (1024, 65535)


@dataclass(frozen=True)
class State:
    """What rules change on the way: marks (None: not known) and whether conntrack was told to look away."""

    mark: t.Optional[int] = 0
    connmark: t.Optional[int] = 0
    tracked: t.Optional[bool] = True


@dataclass(frozen=True)
class Packet:
    """``family``: 4 or 6. ``interface``: "" when not known; ``destination``: None then."""

    family: int
    ports: Interval
    source: Interval
    destination: t.Optional[int] = None
    interface: str = ""

    def interval(self, name: str) -> t.Optional[Interval]:
        if name == "destination":
            return None if self.destination is None else (self.destination, self.destination)
        known = {"port": self.ports, "source": self.source, "source port": _PORTS_OF_CLIENTS}
        return known.get(name)


class Condition:
    """``edges``: where on the axis "port" or "source" the answer may change."""

    cost = 1

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        raise NotImplementedError

    def edges(self, axis: str, family: int) -> t.Iterable[int]:
        return ()


@dataclass(frozen=True)
class Sure(Condition):
    answer: bool

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        return self.answer


@dataclass(frozen=True)
class Unsure(Condition):
    text: str = ""

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        return None


@dataclass(frozen=True)
class Family(Condition):
    family: int

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        return packet.family == self.family


class Within(Condition):
    """``name``: port, source, destination or source port. ``family``: of addresses, 0 for ports."""

    def __init__(self, name: str, intervals: Intervals, family: int = 0, text: str = "") -> None:
        self.name, self.family, self.text = name, family, text or name
        self.intervals = merged(intervals)
        self._lows = [low for low, _high in self.intervals]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Within) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Within({self.name}, {self.intervals})"

    def _key(self) -> tuple[t.Any, ...]:
        return (self.name, self.family, tuple(self.intervals))

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        if self.family not in (0, packet.family):
            return False
        asked = packet.interval(self.name)
        if asked is None:
            return None if self.intervals else False
        index = bisect_right(self._lows, asked[1]) - 1
        if index < 0 or self.intervals[index][1] < asked[0]:
            return False
        low, high = self.intervals[index]
        return True if low <= asked[0] and asked[1] <= high else None

    def edges(self, axis: str, family: int) -> t.Iterable[int]:
        if axis == self.name and self.family in (0, family):
            for low, high in self.intervals:
                yield low
                yield high + 1


@dataclass(frozen=True)
class Interface(Condition):
    """``names``: a trailing ``*`` stands for any rest. Connections from elsewhere never come in by ``lo``."""

    names: frozenset[str]

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        names = self.names - {"lo"}
        if not packet.interface:
            return None if names else False
        if packet.interface in names:
            return True
        return any(name.endswith("*") and packet.interface.startswith(name[:-1]) for name in names)

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

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        found = {"flags": SYN_FLAGS, "mark": state.mark, "connmark": state.connmark}[self.what]
        if found is None:
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

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        new, untracked = "new" in self.states, "untracked" in self.states
        if state.tracked is None:
            return new if new == untracked else None
        return new if state.tracked else untracked


@dataclass(frozen=True)
class Not(Condition):
    part: Condition

    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        found = self.part.holds(packet, state)
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
    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        answer: t.Optional[bool] = True
        for part in self.parts:
            found = part.holds(packet, state)
            if found is False:
                return False
            answer = answer if found else None
        return answer


class AnyOf(_Several):
    def holds(self, packet: Packet, state: State) -> t.Optional[bool]:
        answer: t.Optional[bool] = False
        for part in self.parts:
            found = part.holds(packet, state)
            if found:
                return True
            answer = None if found is None else answer
        return answer


def text_of(condition: Condition) -> str:
    """In words, for a reason; empty for what needs none."""
    return str(getattr(condition, "text", ""))


def negated(condition: Condition, is_negated: bool) -> Condition:
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
