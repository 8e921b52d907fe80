# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.evaluator import RuleSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.firewalld import (
    Firewalld,
    parse_firewalld,
    parse_zone,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.rules import (
    Arrival,
    opening,
)

PORTS = "<port port='49152-49215' protocol='tcp'/>"


ZONE = """<zone target='{target}'>
  <interface name='eth1'/>
  <service name='ssh'/><service name='libvirt-tls'/><service name='unknown'/>
  <port port='49152-49215' protocol='tcp'/><port port='53' protocol='udp'/>
  <rule family='ipv4'><source address='10.0.0.0/8'/><port port='16509' protocol='tcp'/><accept/></rule>
</zone>"""


SERVICES = {
    "ssh": "<service><port port='22' protocol='tcp'/></service>",
    "libvirt-tls": "<service><port port='16514' protocol='tcp'/></service>",
    "movers": "<service><include service='ports'/><include service='none'/></service>",
    "ports": f"<service>{PORTS}</service>",
    "loop": "<service><include service='loop'/></service>",
    "odd": "<service>",
    "there": f"<service>{PORTS}<destination ipv4='10.231.1.12'/></service>",
    "elsewhere": f"<service>{PORTS}<destination ipv4='192.0.2.1'/></service>",
}


IPSETS = {
    "hosts": "<ipset type='hash:net'><entry>10.231.1.0/24</entry></ipset>",
    "six": "<ipset type='hash:net'><option name='family' value='inet6'/><entry>fd00::/8</entry></ipset>",
    "soon": "<ipset type='hash:ip'><option name='timeout' value='60'/></ipset>",
    "cards": "<ipset type='hash:mac'/>",
    "wrong": "<ipset type='hash:ip'><entry>fd00::1</entry></ipset>",
    "odd": "<ipset",
}


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


def zone(content: str, target: str = "default") -> str:
    return f"<zone target='{target}'>{content}</zone>"


def firewalld(zones: dict[str, str], interface: str = "eth1", **values: t.Any) -> RuleSet:
    return parse_firewalld(Firewalld(zones, services=SERVICES.get, ipsets=IPSETS.get, **values), interface)


def test_a_zone() -> None:
    rules = parse_zone(ZONE.format(target="default"), SERVICES.get)
    assert verdict(rules) == "open"
    assert verdict(rules, 16514, 16514) == verdict(rules, 22, 22) == "open"
    assert verdict(rules, 16509, 16509) == "partly"
    assert verdict(rules, 53, 53) == verdict(rules, 5900, 5900) == "closed"
    assert verdict(parse_zone(ZONE.format(target="ACCEPT"), SERVICES.get), 5900, 5900) == "open"


@pytest.mark.parametrize(("target", "expected"), [("DROP", "closed"), ("%%REJECT%%", "closed"), ("ACCEPT", "open")])
def test_targets(target: str, expected: str) -> None:
    assert verdict(firewalld({"public": zone("", target)})) == expected
    assert verdict(firewalld({"public": zone(f"<rule>{PORTS}<drop/></rule>", target)})) == "closed"


def policy(
    priority: str, content: str = "", target: str = "CONTINUE", ingress: str = "ANY", egress: str = "HOST"
) -> str:
    ends = f"<ingress-zone name='{ingress}'/><egress-zone name='{egress}'/>"
    return f"<policy priority='{priority}' target='{target}'>{ends}{content}</policy>"


@pytest.mark.parametrize(
    ("content", "one", "expected"),
    [
        ("", policy("-1", PORTS), "open"),
        ("", policy("1", PORTS), "open"),
        ("", policy("-1", PORTS, egress="ANY"), "closed"),
        ("<interface name='eth1'/>", policy("-1", PORTS, ingress="public"), "open"),
        ("", policy("-1", PORTS, ingress="public"), "partly"),  # in force only where an interface is put in the zone
        ("", policy("-1", PORTS, ingress="home"), "closed"),
        (PORTS, policy("-1", f"<rule>{PORTS}<drop/></rule>"), "closed"),
        (PORTS, policy("1", f"<rule>{PORTS}<drop/></rule>"), "open"),
        (PORTS, policy("-1", target="REJECT"), "closed"),
        ("", policy("1", target="ACCEPT"), "open"),
        (PORTS, policy("x", target="DROP"), "closed"),
        (PORTS, "<policy", "unknown"),
    ],
)
def test_policies(content: str, one: str, expected: str) -> None:
    assert verdict(firewalld({"public": zone(content)}, policies={"one": one})) == expected
