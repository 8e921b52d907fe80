# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.conditions import (
    Unsure,
    Within,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.iptables import (
    parse_iptables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet_walk import (
    Base,
    Rule,
    RuleSet,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import (
    Arrival,
    opening,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.iptables_rules import HERE, iptables, verdict


def test_families_are_two_firewalls() -> None:
    rules = iptables("-A INPUT -p tcp -j ACCEPT").join(
        parse_iptables("*filter\n:INPUT DROP [0:0]\nCOMMIT", 6, prefix="six ")
    )
    found = opening(rules, "migration", 49152, 49215, Arrival("10.231.1.12"))
    assert (found.verdict, found.ipv4, found.ipv6) == ("open", "open", "closed")
    assert verdict(rules, arrival=Arrival("fd31::12")) == "closed"
    assert verdict(rules, arrival=Arrival(sources=["fd31::11"])) == "closed"
    assert verdict(rules, arrival=Arrival("kvm02.example.org")) == "open"


def test_without_the_questions_of_neighbours_ipv6_does_not_work() -> None:
    rules = ["-A INPUT -p tcp -j ACCEPT"]
    found = opening(iptables(*rules, family=6), "migration", 49152, 49215, Arrival("fd31::12"))
    assert (found.verdict, "ICMPv6" in found.reason) == ("unknown", True)
    for more in ("-p ipv6-icmp", "-p ipv6-icmp -m icmp6 --icmpv6-type 135"):
        assert verdict(iptables(*rules, f"-A INPUT {more} -j ACCEPT", family=6), arrival=Arrival("fd31::12")) == "open"


def test_some_sources_get_in() -> None:
    rules = iptables("-A INPUT -s 10.231.1.0/24 -p tcp -j ACCEPT")
    found = opening(rules, "migration", 49152, 49215)
    assert (found.verdict, found.reason) == ("partly", "10.231.1.0/24 is let in, 1.0.0.0-10.231.0.255 is not")
    assert verdict(rules, arrival=Arrival(sources=["10.231.1.11", "10.231.1.0/25"])) == "open"
    assert verdict(rules, arrival=Arrival(sources=["10.231.2.11"])) == "closed"
    assert verdict(rules, arrival=Arrival(sources=["10.231.1.11", "10.231.2.11"])) == "partly"


def test_the_reason_is_told() -> None:
    assert opening(iptables(), "migration", 49152, 49215).reason == "policy of INPUT"
    found = opening(iptables("-A INPUT -p tcp --dport 22:49200 -j ACCEPT"), "migration", 49152, 49215)
    assert found.reason == "port 49152-49200 is let in, port 49201-49215 is not"
    found = opening(iptables("-A INPUT -m geoip --source-country DE -j ACCEPT"), "migration", 49152, 49215)
    assert found.reason == "it is let in depending on: --source-country DE"


def test_an_empty_range() -> None:
    assert verdict(iptables(), 49215, 49152) == "unknown"


def test_ports_that_disagree_without_being_closed() -> None:
    odd = Rule("drop", conditions=(Within("dport", [(49200, 49201)]), Unsure("odd")))
    rules = RuleSet([Base("in")], {"in": [odd]})
    assert verdict(rules) == "unknown"


def test_many_sources_are_found_out_in_time() -> None:
    """Those of 50,000 that are shut out make a difference, which is seen without looking at each."""
    banned = "".join(f"add bad {10 + n // 65536}.{n // 256 % 256}.{n % 256}.9\n" for n in range(50000))
    rules = iptables(
        "-A INPUT -m set --match-set bad src -j DROP", policy="ACCEPT", sets=f"create bad hash:ip family inet\n{banned}"
    )
    assert verdict(rules) == "partly"
    assert verdict(rules, arrival=HERE) == "open"
    lines = [f"-A INPUT -s {10 + n // 65536}.{n // 256 % 256}.{n % 256}.9/32 -j DROP" for n in range(10000)]
    assert verdict(iptables(*lines, policy="ACCEPT"), arrival=HERE) == "open"
    assert verdict(iptables(*lines, policy="ACCEPT")) in ("partly", "unknown")
