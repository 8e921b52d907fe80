# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.nftables import (
    dormant_tables,
    parse_nftables,
    tables_of_iptables,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.nft_rules import (
    ACCEPT,
    DPORT,
    DROP,
    HERE,
    IIF,
    MARK,
    RANGE,
    STATE,
    Expression,
    chain,
    match,
    nft,
    rule,
    verdict,
)


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
