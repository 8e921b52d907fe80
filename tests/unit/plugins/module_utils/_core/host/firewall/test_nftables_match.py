# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.tests.unit.plugins.nft_rules import (
    ACCEPT,
    DPORT,
    DROP,
    HERE,
    IIF,
    MARK,
    RANGE,
    SADDR,
    STATE,
    match,
    nft,
    prefix,
    verdict,
)

FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}


@pytest.mark.parametrize(
    "one",
    [
        match(IIF, "eth1"), match(IIF, {"set": ["eth0", "eth1"]}), match(IIF, "eth*"), match(IIF, "lo", "!="),
        match({"meta": {"key": "iif"}}, "eth1"), match(SADDR, "10.231.1.11"), match(SADDR, prefix("10.0.0.0", 8)),
        match(SADDR, {"set": [prefix("10.0.0.0", 8), {"range": ["192.0.2.1", "192.0.2.9"]}]}),
        match(SADDR, {"elem": {"val": "10.231.1.11", "comment": "x"}}), match(SADDR, prefix("192.0.2.0", 24), "!="),
        match({"payload": {"protocol": "ip", "field": "daddr"}}, "10.231.1.12"),
        match({"payload": {"protocol": "ip", "field": "protocol"}}, "tcp"), match({"meta": {"key": "l4proto"}}, 6),
        match({"meta": {"key": "nfproto"}}, "ipv4"), match({"meta": {"key": "protocol"}}, "ip"),
        match({"concat": [SADDR, DPORT]}, {"set": [{"concat": ["10.231.1.11", RANGE]}]}),
        match({"concat": [IIF, SADDR]}, {"set": [{"concat": ["eth1", prefix("10.0.0.0", 8)]}]}),
        match(STATE, "new", "in"), match(STATE, {"set": ["new", "established"]}), match(STATE, "invalid", "!="),
        match(FLAGS, "syn"), match(FLAGS, ["syn", "ack"], "in"), match(FLAGS, {"set": ["syn", "fin"]}),
        match({"&": [FLAGS, ["fin", "syn", "rst", "ack"]]}, "syn"),
        match({"&": [FLAGS, {"|": [{"|": ["fin", "syn"]}, "ack"]}]}, "syn"), match({"&": [FLAGS, "ack"]}, 0),
        match({"&": [FLAGS, ["fin", "syn"]]}, ["fin", "syn"], "!="), match({"&": [MARK, 255]}, 0), match(MARK, 1, "!="),
        match({"ct": {"key": "mark"}}, 0), match({"ct": {"key": "direction"}}, "original"),
        match({"ct": {"key": "status"}}, "dnat", "!="), match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"),
        match({"fib": {"result": "type", "flags": ["saddr"]}}, "unicast"), match({"meta": {"key": "pkttype"}}, "host"),
        match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, True),
        match({"payload": {"protocol": "th", "field": "dport"}}, RANGE),
        match({"payload": {"protocol": "tcp", "field": "sport"}}, {"range": [1024, 65535]}),
    ],
)  # fmt: skip
def test_what_a_new_connection_meets(one: dict[str, t.Any]) -> None:
    assert verdict(nft([one, ACCEPT]), arrival=HERE) == "open"
    assert verdict(nft([one, {"return": None}], [ACCEPT]), arrival=HERE) == "closed"


@pytest.mark.parametrize(
    "one",
    [
        match(IIF, "eth2"), match(IIF, "eth1", "!="), match({"meta": {"key": "oifname"}}, "eth1"),
        match({"meta": {"key": "oifname"}}, "eth1", "!="), match(SADDR, "192.0.2.1"), match(FLAGS, "syn", "!="),
        match({"payload": {"protocol": "ip6", "field": "saddr"}}, "fd00::1"),
        match({"payload": {"protocol": "ip6", "field": "saddr"}}, "fd00::1", "!="),
        match({"payload": {"protocol": "icmp", "field": "type"}}, "echo-request"),
        match({"payload": {"protocol": "icmpv6", "field": "type"}}, "nd-neighbor-solicit"),
        match({"meta": {"key": "nfproto"}}, "ipv6"), match({"meta": {"key": "l4proto"}}, "tcp", "!="),
        match({"concat": [SADDR, DPORT]}, {"set": [{"concat": ["10.231.1.11", 22]}]}),
        match(STATE, "new", "!="), match(STATE, ["invalid", "untracked"], "in"), match(FLAGS, "ack", "in"),
        match({"&": [FLAGS, ["fin", "syn", "rst", "ack"]]}, "syn", "!="), match(MARK, 1),
        match({"ct": {"key": "status"}}, "dnat", "in"), match({"ct": {"key": "direction"}}, "reply"),
        match({"fib": {"result": "type", "flags": ["daddr"]}}, {"set": ["broadcast", "multicast"]}),
        match({"fib": {"result": "oif", "flags": ["saddr", "mark", "iif"]}}, False),
        match({"exthdr": {"name": "rt", "field": "type"}}, 0), match({"exthdr": {"name": "frag"}}, True),
    ],
)  # fmt: skip
def test_what_a_new_connection_does_not_meet(one: dict[str, t.Any]) -> None:
    assert verdict(nft([one, DROP], policy="accept"), arrival=HERE) == "open"
    assert verdict(nft([one, ACCEPT]), arrival=HERE) == "closed"


@pytest.mark.parametrize(
    "one",
    [
        match({"meta": {"key": "length"}}, 60), match({"meta": {"key": "day"}}, "Sunday"),
        match(MARK, {"range": [1, 5]}),
        match({"payload": {"protocol": "ip", "field": "ttl"}}, 64), match({"&": [SADDR, "255.0.0.255"]}, "10.0.0.1"),
        match({"payload": {"base": "nh", "offset": 0, "len": 8}}, 1), match({"numgen": {"mode": "inc"}}, 0),
        match({"ct": {"key": "zone"}}, 1), match({"tcp option": {"name": "maxseg"}}, 1), {"quota": {}},
        {"ct count": {}},
        {"set": {"op": "update", "elem": SADDR, "set": "@x", "stmt": [{"limit": {}}]}}, match(FLAGS, "odd"),
        match({"meta": {"key": "l4proto"}}, {"range": [1, 9]}), match(SADDR, "host.example.org"), {"odd": 1},
        match(DPORT, "ssh"), match(DPORT, 22, "~"), {"match": 3}, match({}, 3), match(DPORT, {"set": [{"elem": 3}]}),
        match({"concat": [SADDR, DPORT]}, {"set": ["10.231.1.11"]}), {},
    ],
)  # fmt: skip
def test_what_cannot_be_told(one: dict[str, t.Any]) -> None:
    assert verdict(nft([one, DROP], policy="accept"), arrival=HERE) == "unknown"
    assert verdict(nft([one, ACCEPT]), arrival=HERE) in ("partly", "unknown")


def test_marks() -> None:
    def marking(value: t.Any) -> dict[str, t.Any]:
        return {"mangle": {"key": MARK, "value": value}}

    accepted = [match(MARK, 1), ACCEPT]
    assert verdict(nft([marking(1)], accepted)) == "open"
    assert verdict(nft([match(DPORT, 22), marking(1)], accepted)) == "closed"
    assert verdict(nft([marking({"|": [MARK, 1]})], accepted)) == "partly"
    assert verdict(nft([marking({"ct": {"key": "mark"}})], accepted)) == "closed"
    assert (
        verdict(
            nft(
                [{"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}}], [marking({"ct": {"key": "mark"}})], accepted
            )
        )
        == "open"
    )
