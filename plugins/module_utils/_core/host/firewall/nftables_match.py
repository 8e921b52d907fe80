# SPDX-License-Identifier: GPL-3.0-or-later
"""Matches of nft's JSON as conditions."""

from __future__ import annotations

import typing as t

from .conditions import (
    TCP_FLAGS,
    Answering,
    AnyOf,
    Bits,
    Cast,
    Condition,
    Connection,
    Every,
    Family,
    Has,
    Interface,
    Kind,
    Protocol,
    Sure,
    Unsure,
    Within,
    negated,
)
from .nftables_values import Json, Named, address_range, alternatives, bare, has, numbers, plain
from .packet import ICMPV6, TCP

_PORTS = ("dport", "sport")
_ADDRESSES = ("saddr", "daddr")
_WITH_PORTS = ("tcp", "th")
_PROTOCOLS = {"tcp": TCP, "6": TCP, "icmpv6": ICMPV6, "ipv6-icmp": ICMPV6, "58": ICMPV6}
_IS_TCP, _IS_ICMPV6 = Protocol(frozenset({TCP})), Protocol(frozenset({ICMPV6}))
# Kinds of addresses in the kernel's routes, RTN_* of rtnetlink.h.
_KINDS = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast"}
_TYPES = {
    "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128, "echo-reply": 129,
    "destination-unreachable": 1, "mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132,
    "nd-router-solicit": 133, "nd-router-advert": 134, "nd-neighbor-solicit": 135, "nd-neighbor-advert": 136,
    "nd-redirect": 137, "router-renumbering": 138, "ind-neighbor-solicit": 141, "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
}  # fmt: skip
# Bits that a connection gets later, or with addresses written over.
_LATER_STATUS = {"expected", "seen-reply", "assured", "confirmed", "snat", "dnat", "dying"}
_STATES = {8: "new", 64: "untracked"}


def matched(match: Json, named: Named) -> Condition:
    """Of a ``match`` expression: ``left``, ``right`` and ``op``."""
    left, right, operation = match["left"], match["right"], match.get("op", "==")
    if operation not in ("==", "in", "!="):
        return _ordered(left, right, operation)
    return compared(left, right, named, operation)


def compared(left: t.Any, right: t.Any, named: Named, operation: str = "==") -> Condition:
    """Whether what ``left`` names is one of ``right``."""
    needs, asked = _test_of(left)
    if asked is None:
        return Every((*needs, Unsure(_words(left))))
    # A list is alternatives, but for flags all of them at once.
    is_flags = "flags" in str(left) and isinstance(right, list) and operation != "in"
    values = [right] if is_flags else alternatives(right, named)
    if values is None:
        found: Condition = Unsure("a set that rules change")
    elif values == ["*"]:
        found = Sure(True)
    else:
        found = asked(values, operation)
    return Every((*needs, negated(found, operation == "!=")))


Test = t.Callable[[list[t.Any], str], Condition]


def _test_of(left: t.Any) -> tuple[tuple[Condition, ...], t.Optional[Test]]:
    """What must hold before anything is compared, and how to compare; None when it cannot be told."""
    ((kind, value),) = left.items()
    if kind == "concat":
        return _concatenated(value)
    if kind == "payload":
        return _payload(value)
    if kind == "meta":
        return _meta(value["key"])
    if kind == "ct":
        return _ct(value)
    if kind == "fib":
        return (), _fib(value)
    if kind == "&":
        return _masked(value)
    if kind == "exthdr":  # headers that the packet does not have
        return (Sure("field" not in value),), lambda values, _op: Sure(values == [False])
    return (), None


def _concatenated(parts: list[t.Any]) -> tuple[tuple[Condition, ...], t.Optional[Test]]:
    asked = [_test_of(part) for part in parts]
    needs = tuple(need for one, _how in asked for need in one)

    def element(value: t.Any, operation: str) -> Condition:
        inner = value["concat"] if isinstance(value, dict) else [value]
        if len(inner) != len(parts):
            return Unsure("a concatenation")
        pieces = zip(asked, inner)
        return Every(
            tuple(
                Unsure("a concatenation") if how is None else _one(how, one, operation) for (_need, how), one in pieces
            )
        )

    return needs, lambda values, _operation: AnyOf(tuple(element(value, "==") for value in values))


def _one(how: Test, value: t.Any, operation: str) -> Condition:
    return Sure(True) if value == "*" else how([bare(value)], operation)


def _payload(value: Json) -> tuple[tuple[Condition, ...], t.Optional[Test]]:
    protocol, name = value.get("protocol"), value.get("field")
    if protocol in _WITH_PORTS:
        if name in _PORTS:
            return (_IS_TCP,), lambda values, _op: Within(str(name), [numbers(one) for one in values])
        return (_IS_TCP,), _flags if name == "flags" else None
    if protocol in ("ip", "ip6"):
        family = 4 if protocol == "ip" else 6
        if name in _ADDRESSES:
            return (Family(family),), lambda values, _op: _addresses(str(name), family, values)
        if name in ("protocol", "nexthdr"):
            return (Family(family),), _protocols
        return (Family(family),), None
    if protocol == "icmpv6":
        return (_IS_ICMPV6,), _types if name == "type" else None
    if protocol in ("udp", "udplite", "icmp", "sctp", "dccp", "esp", "ah", "comp", "arp", "igmp", "gre"):
        return (Sure(False),), None
    return (), None


def _addresses(side: str, family: int, values: list[t.Any]) -> Condition:
    return Within(side, [address_range(one) for one in values], family)


def _protocols(values: list[t.Any], _operation: str) -> Condition:
    """Others than those of a connection's packets are all the same."""
    return Protocol(frozenset(_PROTOCOLS.get(str(plain(one)).lower(), 0) for one in values))


def _types(values: list[t.Any], _operation: str) -> Condition:
    return Within("type", [numbers(_TYPES[one] if isinstance(one, str) else one) for one in values])


def _meta(key: str) -> tuple[tuple[Condition, ...], t.Optional[Test]]:
    side = key[:3]
    if key in ("iif", "iifname", "oif", "oifname"):
        return (Has(side),), lambda values, _op: Interface(frozenset(str(plain(one)) for one in values), side)
    if key == "l4proto":
        return (), _protocols
    if key in ("nfproto", "protocol"):
        return (), _families
    if key == "pkttype":
        return (), lambda values, _op: Cast(frozenset(_CASTS.get(one, str(plain(one))) for one in values))
    if key == "mark":
        return (), lambda values, _op: _marks("mark", values)
    return (), None


_CASTS: dict[t.Any, str] = {"unicast": "host", 0: "host", 1: "broadcast", 2: "multicast", 3: "other"}


def _families(values: list[t.Any], _operation: str) -> Condition:
    four = has(values, {"ipv4", "ip", "0x0800"}, 2) or 0x0800 in values
    six = has(values, {"ipv6", "ip6", "0x86dd"}, 10) or 0x86DD in values
    return AnyOf((*((Family(4),) if four else ()), *((Family(6),) if six else ())))


def _ct(value: Json) -> tuple[tuple[Condition, ...], t.Optional[Test]]:
    key = value["key"]
    if key == "state":
        return (), lambda values, _op: Connection(frozenset(_STATES.get(one, str(one)) for one in values))
    if key == "mark":
        return (), lambda values, _op: _marks("connmark", values)
    if key == "direction":
        return (), lambda values, _op: negated(Answering(), has(values, {"original"}, 0))
    if key == "status":
        return (), lambda values, _op: _status({str(plain(one)) for one in values})
    return (), None


def _status(values: set[str]) -> Condition:
    """Of the first packet, none of these are set."""
    return Every((Answering(), Unsure("ct status"))) if values <= _LATER_STATUS else Unsure("ct status")


def _fib(value: Json) -> t.Optional[Test]:
    """A packet to this host has a local destination; one from elsewhere comes the way that the answer will go.

    The latter is an assumption: sources are hosts that can be reached by the interface that they come in by.
    """
    flags = value.get("flags") or []
    flags = [flags] if isinstance(flags, str) else flags
    if value.get("result") == "type" and flags in (["daddr"], ["saddr"]):
        return lambda values, _op: Kind(flags[0], frozenset(_KINDS.get(one, str(plain(one))) for one in values))
    if value.get("result") in ("oif", "oifname") and "saddr" in flags:
        return lambda values, _op: Sure(values == [True]) if values in ([True], [False]) else Unsure("route")
    return None


def _masked(value: list[t.Any]) -> tuple[tuple[Condition, ...], t.Optional[Test]]:
    """Flags or marks of which only some bits are looked at."""
    ((kind, inner),) = value[0].items()
    if kind == "payload" and inner.get("protocol") == "tcp" and inner.get("field") == "flags":
        mask = _flag_bits(value[1])
        return (_IS_TCP,), lambda values, _op: AnyOf(tuple(Bits("flags", _flag_bits(one), mask) for one in values))
    if kind in ("meta", "ct") and inner.get("key") == "mark":
        mask, what = int(value[1]), "mark" if kind == "meta" else "connmark"
        return (), lambda values, _op: AnyOf(tuple(Bits(what, int(one), mask) for one in values))
    return (), None


def _flags(values: list[t.Any], operation: str) -> Condition:
    """``tcp flags syn,ack`` is "in": one of them is set. ``==`` means all of these and no other."""
    if operation == "in":
        return Bits("flags", _flag_bits(values), any_of=True)
    return AnyOf(tuple(Bits("flags", _flag_bits(one), 0xFF) for one in values))


def _flag_bits(value: t.Any) -> int:
    if isinstance(value, dict):
        ((operation, value),) = value.items()
        if operation != "|":
            raise ValueError(operation)
    if isinstance(value, (list, tuple)):
        bits = 0
        for one in value:
            bits |= _flag_bits(one)
        return bits
    return value if isinstance(value, int) else TCP_FLAGS[value]


def _marks(what: str, values: list[t.Any]) -> Condition:
    parts: list[Condition] = []
    for one in values:
        low, high = numbers(one)
        parts.append(Bits(what, low) if low == high else Unsure(what))
    return AnyOf(tuple(parts))


def _ordered(left: t.Any, right: t.Any, operation: str) -> Condition:
    """``tcp dport > 1024`` and the like."""
    needs, _asked_how = _test_of(left)
    name = left.get("payload", {}).get("field") if left.get("payload", {}).get("protocol") in _WITH_PORTS else None
    if name not in _PORTS or not isinstance(right, int):
        return Every((*needs, Unsure(_words(left))))
    low, high = {"<": (0, right - 1), "<=": (0, right), ">": (right + 1, 65535), ">=": (right, 65535)}[operation]
    return Every((*needs, Within(str(name), [(low, high)])))


def _words(left: t.Any) -> str:
    """A match in a few words."""
    ((kind, value),) = left.items()
    if isinstance(value, dict):
        return f"{kind} {' '.join(str(value[key]) for key in ('protocol', 'key', 'field', 'name') if key in value)}"[
            :60
        ]
    return str(kind)
