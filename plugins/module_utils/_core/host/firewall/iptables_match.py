# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of iptables' matches as conditions of :mod:`firewall`."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from .conditions import (
    TCP_FLAGS,
    Answering,
    AnyOf,
    Bits,
    Cast,
    Condition,
    Connection,
    Every,
    Interface,
    Kind,
    Not,
    Protocol,
    Sure,
    Unsure,
    Within,
)
from .ipset import IpSets
from .packet import ICMPV6, TCP, Interval

_PORT_MAX = 65535
_PROTOCOLS = {"tcp": TCP, "6": TCP, "ipv6-icmp": ICMPV6, "icmpv6": ICMPV6, "58": ICMPV6}
# What a match does with an option of its own that is not listed here is not known; that it is there means nothing.
_KNOWN_MODULES = (
    "tcp", "udp", "multiport", "comment", "state", "conntrack", "addrtype", "mark", "connmark", "iprange", "set",
    "pkttype", "rpfilter", "limit", "hashlimit", "recent", "connlimit", "time", "mac", "physdev", "owner", "length",
    "ttl", "hl", "dscp", "tos", "statistic", "string", "helper", "u32", "geoip", "quota", "cpu", "policy", "icmp",
    "icmp6", "ipv6-icmp", "sctp", "dccp", "udplite", "esp", "ah", "tcpmss", "connbytes", "devgroup", "cgroup",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """``family``: 4 or 6, of the rule set that a match stands in; ``sets``: those of ipset by name."""

    family: int
    sets: IpSets


Test = t.Callable[..., t.Optional[Condition]]


def _protocol(_options: Options, name: str) -> t.Optional[Condition]:
    if name in ("all", "0"):
        return None
    return Protocol(frozenset({_PROTOCOLS.get(name, 0)}))


def _module(_options: Options, name: str) -> t.Optional[Condition]:
    if name in ("udp", "icmp", "icmp6", "ipv6-icmp", "sctp", "dccp", "udplite", "esp", "ah"):
        return None  # comes after -p, which has said so
    if name in ("rt", "frag", "hbh", "dst", "mh"):
        return Sure(False)  # headers that the packet does not have
    if name == "socket":
        return Unsure("-m socket")
    return None if name in _KNOWN_MODULES else Unsure(f"-m {name}")


def _ports(where: str) -> Test:
    return lambda _options, text: Within(where, [_range(part) for part in text.split(",")])


def _either_port(_options: Options, text: str) -> Condition:
    ranges = [_range(part) for part in text.split(",")]
    return AnyOf((Within("dport", ranges), Within("sport", ranges)))


def _range(text: str) -> Interval:
    low, colon, high = text.partition(":")
    if not colon:
        return int(low), int(low)
    return int(low or 0), int(high or _PORT_MAX)


def _addresses(side: str) -> Test:
    def test(options: Options, text: str) -> Condition:
        found = [_network(one, options.family) for one in text.split(",")]
        return Within(side, found, options.family)

    return test


def _network(text: str, family: int) -> Interval:
    """An address, a network or an address with a mask. ValueError for a mask with gaps, too."""
    network = ipaddress.ip_network(text, strict=False)
    if network.version != family:
        raise ValueError(text)
    return int(network.network_address), int(network.broadcast_address)


def _address_range(side: str) -> Test:
    def test(options: Options, text: str) -> Condition:
        low, _dash, high = text.partition("-")
        numbers = int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high or low))
        return Within(side, [numbers], options.family)

    return test


def _interface(side: str) -> Test:
    def test(_options: Options, name: str) -> t.Optional[Condition]:
        return None if name == "+" else Interface(frozenset({f"{name[:-1]}*" if name.endswith("+") else name}), side)

    return test


def _states(_options: Options, text: str) -> Condition:
    """DNAT and SNAT are states here too; whose addresses are written over is told apart before."""
    states = frozenset(text.lower().split(","))
    if not states <= {"new", "established", "related", "invalid", "untracked", "dnat", "snat"}:
        return Unsure(f"--ctstate {text}")
    return Connection(states)


def _statuses(_options: Options, text: str) -> Condition:
    known = set(text.upper().split(",")) <= {"EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"}
    return Every((Answering(), Unsure("--ctstatus"))) if known else Unsure("--ctstatus")


def _direction(_options: Options, text: str) -> Condition:
    return Not(Answering()) if text.upper() == "ORIGINAL" else Answering()


def _original(test: Test) -> Test:
    """Of the first packet, whose way an answer goes back."""

    def of_request(options: Options, text: str) -> Condition:
        found = test(options, text)
        return AnyOf((Every((Not(Answering()), found or Sure(True))), Every((Answering(), Unsure("--ctorig")))))

    return of_request


def _flags(_options: Options, mask: str, value: str) -> Condition:
    return Bits("flags", _flag_bits(value), _flag_bits(mask))


def _flag_bits(text: str) -> int:
    if text == "ALL":
        return 0x3F
    bits = 0
    for name in text.lower().split(","):
        if name != "none":
            if name not in TCP_FLAGS:
                raise ValueError(text)
            bits |= TCP_FLAGS[name]
    return bits


def _mark(what: str) -> Test:
    def test(_options: Options, text: str) -> Condition:
        value, _slash, mask = text.partition("/")
        return Bits(what, int(value, 0), int(mask or "0xffffffff", 0))

    return test


_BY_ROUTE_IN_IPV6 = frozenset(("local", "anycast", "unreachable"))


def _address_kind(side: str) -> Test:
    def test(options: Options, text: str) -> Condition:
        kinds = frozenset(text.lower().split(","))
        return _kind_in_ipv6(side, kinds) if options.family == 6 else Kind(side, kinds)

    return test


def _kind_in_ipv6(side: str, kinds: frozenset[str]) -> Condition:
    """Any of them in IPv4, all of them in IPv6, where a host's own address is unicast too (the kernel's xt_addrtype.c):
    the form of an address is compared kind by kind, and the route once."""
    forms = {"multicast": frozenset(("multicast",)), "unicast": frozenset(("unicast", *_BY_ROUTE_IN_IPV6))}
    found: list[Condition] = [Kind(side, form) for name, form in forms.items() if name in kinds]
    if kinds & _BY_ROUTE_IN_IPV6:
        found.append(Kind(side, kinds & _BY_ROUTE_IN_IPV6))
    unknown = kinds - forms.keys() - _BY_ROUTE_IN_IPV6
    return Unsure(f"addresses of type {', '.join(sorted(unknown))} in IPv6") if unknown else Every(tuple(found))


def _packet_type(_options: Options, text: str) -> Condition:
    return Cast(frozenset({"host" if text == "unicast" else text}))


def _icmpv6_type(_options: Options, text: str) -> Condition:
    number, slash, _code = text.partition("/")
    found = Within("type", [(int(number), int(number))])
    return Every((found, Unsure("code of ICMPv6"))) if slash else found


def _set(options: Options, name: str, directions: str) -> Condition:
    return options.sets.condition(name, directions.split(","), options.family)


def _nothing(_options: Options, *_arguments: str) -> t.Optional[Condition]:
    return None


def _sure(answer: bool) -> Test:
    return lambda _options, *_arguments: Sure(answer)


TESTS: dict[str, Test] = {
    "-p": _protocol, "--protocol": _protocol, "--ctproto": _protocol, "-m": _module, "--match": _module,
    "--dport": _ports("dport"), "--destination-port": _ports("dport"), "--dports": _ports("dport"),
    "--destination-ports": _ports("dport"), "--ctorigdstport": _original(_ports("dport")), "--sport": _ports("sport"),
    "--source-port": _ports("sport"), "--sports": _ports("sport"), "--source-ports": _ports("sport"),
    "--ctorigsrcport": _original(_ports("sport")), "--ports": _either_port,
    "-s": _addresses("saddr"), "--source": _addresses("saddr"), "--ctorigsrc": _original(_addresses("saddr")),
    "-d": _addresses("daddr"), "--destination": _addresses("daddr"),
    "--ctorigdst": _original(_addresses("daddr")), "--src-range": _address_range("saddr"),
    "--dst-range": _address_range("daddr"), "-i": _interface("iif"), "--in-interface": _interface("iif"),
    "-o": _interface("oif"), "--out-interface": _interface("oif"), "--state": _states, "--ctstate": _states,
    "--ctstatus": _statuses, "--ctdir": _direction, "--icmpv6-type": _icmpv6_type,
    "--tcp-flags": _flags, "--syn": lambda _options: Bits("flags", 0x02, 0x17), "-f": _sure(False),
    "--fragment": _sure(False), "--mark": _mark("mark"), "--connmark": _mark("connmark"),
    "--dst-type": _address_kind("daddr"), "--src-type": _address_kind("saddr"), "--pkt-type": _packet_type,
    "--match-set": _set, "--comment": _nothing, "--invert": _sure(False), "--loose": _nothing,
    "--validmark": _nothing, "--accept-local": _nothing,
}  # fmt: skip

# How many words follow.
OPTIONS: dict[str, int] = dict.fromkeys(TESTS, 1)
OPTIONS.update({"--tcp-flags": 2, "--match-set": 2})
OPTIONS.update(dict.fromkeys(("--syn", "-f", "--fragment", "--invert", "--loose", "--validmark", "--accept-local"), 0))
