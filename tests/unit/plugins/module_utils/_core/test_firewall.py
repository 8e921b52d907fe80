# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.firewall import Rule, RuleSet, opening
from ansible_collections.virtops.live_migration.plugins.module_utils._core.firewall_firewalld import parse_zone, zone_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.firewall_iptables import parse_iptables
from ansible_collections.virtops.live_migration.plugins.module_utils._core.firewall_nft import parse_nftables


def iptables(*rules: str, policy: str = "DROP") -> RuleSet:
    lines = [
        "*nat",
        ":INPUT DROP [0:0]",
        "COMMIT",
        "*filter",
        f":INPUT {policy} [0:0]",
        ":own - [0:0]",
        *rules,
        "COMMIT",
    ]
    return parse_iptables("\n".join(lines))


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215) -> str:
    return opening(rules, "migration", low, high).verdict


@pytest.mark.parametrize(
    ("rules", "policy", "expected"),
    [
        ([], "ACCEPT", "open"),
        ([], "DROP", "closed"),
        (["-A INPUT -p tcp -m tcp --dport 49152:49215 -j ACCEPT"], "DROP", "open"),
        (["-A INPUT -p tcp -m multiport --dports 22,49152:49160,49161:49215 -j ACCEPT"], "DROP", "open"),
        (["-A INPUT -p tcp -m tcp --dport 49152:49200 -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -p tcp -m tcp --dport 49200: -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -p udp --dport 49152:49215 -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -i lo -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -m state --state NEW -p tcp -j ACCEPT"], "DROP", "open"),
        (['-A INPUT -p tcp -m comment --comment "a -j DROP b" -j ACCEPT'], "DROP", "open"),
        (["-A INPUT -j REJECT --reject-with icmp-host-prohibited"], "ACCEPT", "closed"),
        (["-A INPUT -s 192.0.2.1/32 -j DROP"], "ACCEPT", "unknown"),
        (["-A INPUT ! -s 10.0.0.0/8 -j DROP"], "ACCEPT", "unknown"),
        (["-A INPUT -j own", "-A own -p tcp --dport 49152:49215 -j ACCEPT"], "DROP", "open"),
        (["-A INPUT -j own", "-A own -p tcp --dport 22 -j ACCEPT", "-A INPUT -j DROP"], "ACCEPT", "closed"),
        (["-A INPUT -j own", "-A own -j RETURN", "-A own -j DROP"], "ACCEPT", "open"),
        (["-A INPUT -s 10.0.0.0/8 -j own", "-A own -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -g own", "-A INPUT -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -j own", "-A own -j own"], "ACCEPT", "open"),  # a loop, which iptables refuses, ends
        (["-A INPUT -j LOG", "-A INPUT -p tcp -j ACCEPT"], "DROP", "open"),
        (["-A INPUT -p tcp --dport 22 -j DROP"], "ACCEPT", "open"),
    ],
)
def test_iptables(rules: list[str], policy: str, expected: str) -> None:
    assert verdict(iptables(*rules, policy=policy)) == expected


def test_a_host_without_a_filter_table_lets_everything_in() -> None:
    assert verdict(parse_iptables("")) == "open"


def test_the_reason_is_told() -> None:
    found = opening(iptables("-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT"), "migration", 49152, 49215)
    assert found.reason == "only where -s 10.0.0.0/8 holds"
    assert "INPUT drops it" in opening(iptables(), "migration", 49152, 49215).reason


def nft(*expressions: list[dict[str, t.Any]], policy: str = "drop", more: t.Sequence[t.Any] = ()) -> RuleSet:
    chain = {"family": "inet", "table": "filter", "name": "input"}
    base = {**chain, "type": "filter", "hook": "input", "prio": 0, "policy": policy}
    rules = [{"rule": {"family": "inet", "table": "filter", "chain": "input", "expr": one}} for one in expressions]
    return parse_nftables(json.dumps({"nftables": [{"metainfo": {}}, {"chain": base}, *rules, *more]}))


def match(left: t.Any, right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": left, "right": right}}


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
ACCEPT: dict[str, t.Any] = {"accept": None}


@pytest.mark.parametrize(
    ("rule", "policy", "expected"),
    [
        ([match(DPORT, {"range": [49152, 49215]}), ACCEPT], "drop", "open"),
        ([match(DPORT, {"set": [22, {"range": [49152, 49215]}]}), {"counter": {}}, ACCEPT], "drop", "open"),
        ([match(DPORT, 22), ACCEPT], "drop", "closed"),
        ([match({"payload": {"protocol": "udp", "field": "dport"}}, 53), ACCEPT], "drop", "closed"),
        ([match({"meta": {"key": "iifname"}}, "lo"), ACCEPT], "drop", "closed"),
        ([match({"meta": {"key": "iifname"}}, "eth1"), ACCEPT], "drop", "partly"),
        ([match({"meta": {"key": "l4proto"}}, "tcp"), ACCEPT], "drop", "open"),
        ([match({"meta": {"key": "l4proto"}}, "icmp"), ACCEPT], "drop", "closed"),
        ([match({"ct": {"key": "state"}}, ["established", "related"], "in"), ACCEPT], "drop", "closed"),
        ([match({"ct": {"key": "state"}}, ["invalid"], "in"), {"drop": None}], "accept", "open"),
        ([{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", ACCEPT]]}}}], "drop", "closed"),
        ([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth1", ACCEPT]]}}}], "drop", "partly"),
        ([{"limit": {"rate": 5}}, {"drop": None}], "accept", "unknown"),
        ([{"reject": {"type": "icmpx"}}], "accept", "closed"),
        ([match(DPORT, 22, "!="), ACCEPT], "drop", "partly"),
    ],
)
def test_nftables(rule: list[dict[str, t.Any]], policy: str, expected: str) -> None:
    assert verdict(nft(rule, policy=policy)) == expected


def test_nftables_jumps_and_a_second_table() -> None:
    own = {
        "rule": {
            "family": "inet",
            "table": "filter",
            "chain": "own",
            "expr": [match(DPORT, {"range": [1, 65535]}), ACCEPT],
        }
    }
    assert verdict(nft([{"jump": {"target": "own"}}], more=[own])) == "open"
    closed = {
        "family": "ip",
        "table": "other",
        "name": "in",
        "type": "filter",
        "hook": "input",
        "prio": 9,
        "policy": "drop",
    }
    assert verdict(nft([{"jump": {"target": "own"}}], more=[own, {"chain": closed}])) == "closed"


ZONE = """<zone target='{target}'>
  <interface name='eth1'/>
  <service name='ssh'/><service name='libvirt-tls'/><service name='unknown'/>
  <port port='49152-49215' protocol='tcp'/><port port='53' protocol='udp'/>
  <rule family='ipv4'><source address='10.0.0.0/8'/><port port='16509' protocol='tcp'/><accept/></rule>
</zone>"""
SERVICES = {
    "ssh": "<service><port port='22' protocol='tcp'/></service>",
    "libvirt-tls": "<service><port port='16514' protocol='tcp'/></service>",
}


def test_firewalld() -> None:
    rules = parse_zone(ZONE.format(target="default"), SERVICES.get)
    assert verdict(rules) == "open"
    assert verdict(rules, 16514, 16514) == verdict(rules, 22, 22) == "open"
    assert verdict(rules, 16509, 16509) == "partly"
    assert verdict(rules, 53, 53) == verdict(rules, 5900, 5900) == "closed"
    assert verdict(parse_zone(ZONE.format(target="ACCEPT"), SERVICES.get), 5900, 5900) == "open"


def test_the_zone_of_an_interface() -> None:
    zones = {"trusted": "<zone/>", "internal": ZONE.format(target="default")}
    assert zone_of("eth1", zones, "public") == "internal"
    assert zone_of("eth0", zones, "public") == "public"


def test_ports_that_disagree_without_being_closed() -> None:
    rules = RuleSet({"in": "accept"}, {"in": [Rule("drop", ports=[(49200, 49201)], condition="odd")]})
    assert verdict(rules) == "unknown"
