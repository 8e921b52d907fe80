# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.evaluator import RuleSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.nftables import (
    dormant_tables,
    parse_nftables,
    tables_of_iptables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.rules import (
    Arrival,
    opening,
)

HERE = Arrival("10.231.1.12", "eth1", ["10.231.1.11"])
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
MARK = {"meta": {"key": "mark"}}
IIF = {"meta": {"key": "iifname"}}
STATE = {"ct": {"key": "state"}}
ACCEPT: dict[str, t.Any] = {"accept": None}
DROP: dict[str, t.Any] = {"drop": None}
RANGE = {"range": [49152, 49215]}
Expression = list[dict[str, t.Any]]


def match(left: t.Any, right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def rule(expression: Expression, chain: str = "input", family: str = "inet", table: str = "filter") -> dict[str, t.Any]:
    return {"rule": {"family": family, "table": table, "chain": chain, "expr": expression}}


def chain(name: str = "input", **values: t.Any) -> dict[str, t.Any]:
    base = {"family": "inet", "table": "filter", "name": name, "type": "filter", "hook": "input", "prio": 0}
    return {"chain": {**base, "policy": "accept", **values}}


USUAL = rule([match(STATE, ["established", "related"], "in"), ACCEPT])


def nft(*expressions: Expression, policy: str = "drop", more: t.Sequence[t.Any] = ()) -> RuleSet:
    rules = [rule(one) for one in expressions]
    return parse_nftables(json.dumps({"nftables": [{"metainfo": {}}, chain(policy=policy), USUAL, *rules, *more]}))


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


@pytest.mark.parametrize(
    ("expression", "policy", "expected"),
    [
        ([match(DPORT, RANGE), ACCEPT], "drop", "open"),
        ([match(DPORT, {"set": [22, RANGE]}), {"counter": {}}, ACCEPT], "drop", "open"),
        ([match(DPORT, 22), ACCEPT], "drop", "closed"),
        ([match({"payload": {"protocol": "udp", "field": "dport"}}, 53), ACCEPT], "drop", "closed"),
        ([match({"payload": {"protocol": "udp", "field": "dport"}}, 53, "!="), ACCEPT], "drop", "closed"),
        ([match(IIF, "lo"), ACCEPT], "drop", "closed"),
        ([match(IIF, "eth1"), ACCEPT], "drop", "partly"),
        ([match({"meta": {"key": "l4proto"}}, "tcp"), ACCEPT], "drop", "open"),
        ([match({"meta": {"key": "l4proto"}}, "icmp"), ACCEPT], "drop", "closed"),
        ([match(STATE, ["established", "related"], "in"), ACCEPT], "drop", "closed"),
        ([match(STATE, ["invalid"], "in"), DROP], "accept", "open"),
        ([{"vmap": {"key": STATE, "data": {"set": [["established", ACCEPT]]}}}], "drop", "closed"),
        ([{"vmap": {"key": IIF, "data": {"set": [["eth1", ACCEPT]]}}}], "drop", "partly"),
        ([{"limit": {"rate": 5}}, DROP], "accept", "unknown"),
        ([{"limit": {"rate": 5}}, {"log": {}}], "accept", "open"),
        ([{"reject": {"type": "icmpx"}}], "accept", "closed"),
        ([{"reject": {"type": "icmp", "expr": "port-unreachable"}}], "accept", "closed"),
        ([{"reject": {"type": "icmpv6", "expr": "port-unreachable"}}], "accept", "open"),
        ([{"reject": None}], "accept", "closed"),
        # Every port but 22, which was taken for a condition that cannot be told.
        ([match(DPORT, 22, "!="), ACCEPT], "drop", "open"),
        ([match(DPORT, 1023, ">"), ACCEPT], "drop", "open"),
        ([match(DPORT, 49200, "<="), ACCEPT], "drop", "partly"),
        ([{"queue": None}], "drop", "unknown"),
        ([{"xt": {"type": "target", "name": "TCPMSS"}}], "accept", "unknown"),
        ([{"xt": None}], "accept", "unknown"),
        ([{"xt": {"type": "match", "name": "geoip"}}, ACCEPT], "drop", "partly"),
        ([{"mangle": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "value": 22}}], "accept", "unknown"),
        ([{"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": 1}}], "accept", "open"),
        ([match(DPORT, "@none"), ACCEPT], "drop", "unknown"),
        ([{"jump": {"target": "none"}}], "accept", "unknown"),
    ],
)
def test_nftables(expression: Expression, policy: str, expected: str) -> None:
    assert verdict(nft(expression, policy=policy)) == expected


def prefix(address: str, length: int) -> dict[str, t.Any]:
    return {"prefix": {"addr": address, "len": length}}


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


def named(name: str, elements: list[t.Any], **values: t.Any) -> dict[str, t.Any]:
    return {
        "set": {"family": "inet", "table": "filter", "name": name, "type": "inet_service", "elem": elements, **values}
    }


@pytest.mark.parametrize(
    ("elements", "values", "expected"),
    [
        ([22, RANGE], {"flags": ["interval"]}, "open"),
        ([22], {}, "closed"),
        ([], {}, "closed"),
        ([{"elem": {"val": RANGE, "counter": {"packets": 0}}}], {}, "open"),
        ([RANGE], {"flags": ["dynamic"]}, "partly"),
        ([{"elem": {"val": RANGE, "timeout": 60, "expires": 5}}], {"flags": ["timeout"]}, "partly"),
        ([RANGE], {"flags": ["timeout"]}, "open"),
    ],
)
def test_named_sets(elements: list[t.Any], values: dict[str, t.Any], expected: str) -> None:
    assert verdict(nft([match(DPORT, "@ports"), ACCEPT], more=[named("ports", elements, **values)])) == expected


def test_a_set_that_rules_change() -> None:
    changing = [{"set": {"op": "add", "elem": DPORT, "set": "@ports"}}]
    assert verdict(nft([match(DPORT, "@ports"), ACCEPT], changing, more=[named("ports", [])])) == "partly"


def test_a_named_set_of_pairs() -> None:
    pairs = named("pairs", [{"concat": [prefix("10.231.1.0", 24), RANGE]}])
    rules = nft([match({"concat": [SADDR, DPORT]}, "@pairs"), ACCEPT], more=[pairs])
    assert verdict(rules, arrival=HERE) == "open"
    assert verdict(rules) == "partly"
    assert verdict(rules, 22, 22) == "closed"


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        (DPORT, [[22, DROP], [RANGE, ACCEPT]], "open"),
        (DPORT, [[RANGE, {"jump": {"target": "own"}}]], "open"),
        (DPORT, [[22, {"jump": {"target": "own"}}]], "closed"),
        (STATE, [["invalid", DROP], ["new", {"goto": {"target": "own"}}]], "open"),
        (SADDR, [[prefix("10.0.0.0", 8), ACCEPT]], "open"),
        ({"concat": [SADDR, DPORT]}, [[{"concat": ["10.231.1.11", RANGE]}, ACCEPT]], "open"),
        (IIF, [["*", ACCEPT], ["eth1", DROP]], "closed"),
        (IIF, [["*", ACCEPT], ["eth2", DROP]], "open"),
        ({"meta": {"key": "length"}}, [[60, ACCEPT]], "partly"),
        (DPORT, 5, "unknown"),
    ],
)
def test_verdict_maps(key: t.Any, data: t.Any, expected: str) -> None:
    own = [chain("own", hook=None), rule([ACCEPT], "own")]
    assert verdict(nft([{"vmap": {"key": key, "data": {"set": data}}}], more=own), arrival=HERE) == expected
    entry = {"family": "inet", "table": "filter", "name": "m", "map": "verdict", "elem": data}
    rules = nft([{"vmap": {"key": key, "data": "@m"}}], more=[*own, {"map": entry}])
    assert verdict(rules, arrival=HERE) == expected


def test_a_map_that_rules_change() -> None:
    entry = {"family": "inet", "table": "filter", "name": "m", "elem": [[RANGE, ACCEPT]], "flags": ["dynamic"]}
    assert verdict(nft([{"vmap": {"key": DPORT, "data": "@m"}}], more=[{"map": entry}])) == "partly"


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


@pytest.mark.parametrize(
    ("values", "expression", "expected"),
    [
        ({"policy": "drop"}, [ACCEPT], "open"),
        ({"policy": "drop"}, [match(STATE, "established", "in"), ACCEPT], "closed"),
        ({"hook": "prerouting", "prio": -300}, [match(DPORT, RANGE), DROP], "closed"),
        ({"hook": "prerouting", "prio": -300}, [match(STATE, "new", "in"), DROP], "open"),
        ({"hook": "prerouting", "prio": -150}, [match(STATE, "new", "in"), DROP], "closed"),
        ({"hook": "forward", "policy": "drop"}, [DROP], "open"),
        ({"hook": "output"}, [match({"payload": {"protocol": "tcp", "field": "sport"}}, RANGE), DROP], "closed"),
        ({"hook": "output"}, [match({"meta": {"key": "oifname"}}, "eth1"), match(STATE, "new", "in"), DROP], "open"),
        ({"hook": "output"}, [match({"meta": {"key": "oifname"}}, "eth1"), DROP], "closed"),
        ({"hook": "output"}, [match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), DROP], "open"),
        ({"type": "nat", "hook": "prerouting"}, [match(DPORT, 80), {"dnat": {"addr": "192.0.2.1"}}], "open"),
        ({"type": "nat", "hook": "prerouting"}, [match(DPORT, RANGE), {"redirect": {"port": 1}}], "unknown"),
        ({"hook": "prerouting", "prio": -300}, [{"notrack": None}], "closed"),
        ({"family": "bridge", "policy": "drop"}, [], "unknown"),
        ({"family": "netdev", "hook": "ingress", "dev": "eth0"}, [DROP], "unknown"),
        ({"family": "arp", "policy": "drop"}, [], "unknown"),
        ({"family": "ip6", "policy": "drop"}, [], "open"),
        ({"family": "odd", "policy": "drop"}, [], "open"),
    ],
)
def test_a_second_chain(values: dict[str, t.Any], expression: Expression, expected: str) -> None:
    """A drop anywhere is final, an acceptance ends only its own chain."""
    more = chain("second", table="other", **values)
    found = rule(expression, "second", values.get("family", "inet"), "other")
    rules = nft([match(STATE, "new", "in"), match(DPORT, RANGE), ACCEPT], more=[more, *([found] if expression else [])])
    assert verdict(rules, arrival=HERE) == expected


def test_in_the_order_of_priorities() -> None:
    """What sets a mark comes before what asks for it, wherever they stand."""
    first = chain("first", table="other", prio=-10)
    setting = rule([{"mangle": {"key": MARK, "value": 1}}], "first", table="other")
    assert verdict(nft([match(MARK, 1), ACCEPT], more=[first, setting])) == "open"
    late = chain("first", table="other", prio=10)
    assert verdict(nft([match(MARK, 1), ACCEPT], more=[late, setting])) == "closed"


def test_jumps_and_ends_of_chains() -> None:
    own = [chain("own", hook=None), rule([match(DPORT, 22), ACCEPT], "own")]
    for expression, expected in (([{"jump": {"target": "own"}}], "open"), ([{"goto": {"target": "own"}}], "closed")):
        assert verdict(nft(expression, [ACCEPT], more=own)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "not JSON", "[]", "{}", '{"nftables": 3}', "[" * 100000, '{"nftables": [{"chain": {"hook": "input"}}]}',
     '{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "input", "prio": "x"}}]}',
     '{"nftables": [{"set": 3}]}', '{"nftables": [{"rule": {"family": "ip"}}]}', '{"nftables": {"chain": []}}'],
)  # fmt: skip
def test_what_nft_never_prints(text: str) -> None:
    assert verdict(parse_nftables(text)) == "unknown"


def test_tables_that_are_not_in_force() -> None:
    closed = chain(policy="drop")
    for flags in (["dormant"], "dormant"):
        table = {"table": {"family": "inet", "name": "filter", "flags": flags}}
        assert verdict(parse_nftables(json.dumps({"nftables": [table, closed]}))) == "open"
    text = (
        "table inet filter { # handle 1\n\tflags dormant\n\n\tchain input {\n\t}\n}\ntable ip b {\n\tflags owner\n}\n"
    )
    assert dormant_tables(text) == {("inet", "filter")}
    assert verdict(parse_nftables(json.dumps({"nftables": [closed]}), {("inet", "filter")})) == "open"


def test_whose_rules_iptables_must_tell() -> None:
    entries = [rule([{"xt": {"type": "match", "name": "comment"}}], family="ip"), rule([ACCEPT], family="ip6"), 5]
    assert tables_of_iptables(json.dumps({"nftables": entries})) == {("ip", "filter")}
    assert tables_of_iptables('"xt"') == set()
