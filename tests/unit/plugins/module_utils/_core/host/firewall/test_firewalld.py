# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.firewalld import (
    parse_zone,
    zone_of,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import (
    Arrival,
    opening,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.firewalld_zones import (
    PORTS,
    SERVICES,
    ZONE,
    firewalld,
    verdict,
    zone,
)

HERE = Arrival("10.231.1.12", "eth1", ["10.231.1.11"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "closed"),
        (PORTS, "open"),
        # firewalld denies before it allows, wherever the rules stand.
        (f"{PORTS}<rule>{PORTS}<reject/></rule>", "closed"),
        (f"<rule>{PORTS}<drop/></rule>{PORTS}", "closed"),
        (f"<rule>{PORTS}<accept/></rule><rule>{PORTS}<drop/></rule>", "closed"),
        (f"{PORTS}<rule priority='-1'>{PORTS}<reject/></rule>", "closed"),
        (f"{PORTS}<rule priority='1'>{PORTS}<reject/></rule>", "open"),
        (f"<rule priority='-9'>{PORTS}<accept/></rule><rule>{PORTS}<reject/></rule>", "open"),
        (f"<rule priority='-9'>{PORTS}<accept/></rule><rule priority='-10'>{PORTS}<reject/></rule>", "closed"),
        (f"<rule priority='x'>{PORTS}<accept/></rule>", "open"),
        ("<rule priority='32767'><accept/></rule>", "open"),
        # Of the rest of what a zone lets in.
        ("<protocol value='tcp'/>", "open"),
        ("<protocol value='udp'/>", "closed"),
        ("<source-port port='1024-65535' protocol='tcp'/>", "open"),
        ("<source-port port='22' protocol='tcp'/>", "closed"),
        ("<service name='movers'/>", "open"),
        ("<service name='loop'/>", "partly"),
        ("<service name='odd'/>", "partly"),
        ("<service name='there'/>", "open"),
        ("<service name='elsewhere'/>", "closed"),
        ("<port port='49152-x' protocol='tcp'/>", "partly"),
        ("<icmp-block name='echo-request'/><masquerade/><forward/>", "closed"),
        ("<forward-port port='49152-49215' protocol='tcp' to-port='1'/>", "unknown"),
        ("<forward-port port='80' protocol='tcp' to-port='1'/>", "closed"),
        # Rules that only log, and those of others.
        (f"{PORTS}<rule>{PORTS}<log prefix='x'/></rule>", "open"),
        (f"{PORTS}<rule><log/><audit/></rule>", "open"),
        (f"{PORTS}<rule><icmp-block name='echo-request'/></rule>", "open"),
        (f"{PORTS}<rule><port port='22' protocol='tcp'/><drop/></rule>", "open"),
        (f"{PORTS}<rule><protocol value='udp'/><drop/></rule>", "open"),
        (f"{PORTS}<rule><protocol value='tcp'/><drop/></rule>", "closed"),
        (f"{PORTS}<rule><service name='movers'/><drop/></rule>", "closed"),
        (f"{PORTS}<rule><source-port port='22' protocol='tcp'/><drop/></rule>", "open"),
        (f"{PORTS}<rule><forward-port port='49152-49215' protocol='tcp' to-port='1'/></rule>", "unknown"),
        (f"<rule>{PORTS}<mark set='1'/></rule>", "closed"),
        (f"<rule>{PORTS}<accept><limit value='1/s'/></accept></rule>", "partly"),
        # By whom.
        (f"{PORTS}<rule><source address='10.231.1.11'/><drop/></rule>", "closed"),
        (f"{PORTS}<rule><source address='10.231.1.11' invert='True'/><drop/></rule>", "open"),
        (f"{PORTS}<rule><source address='192.0.2.1'/><drop/></rule>", "open"),
        (f"{PORTS}<rule><source ipset='hosts'/><drop/></rule>", "closed"),
        (f"{PORTS}<rule><source ipset='six'/><drop/></rule>", "open"),
        (f"{PORTS}<rule><source mac='00:11:22:33:44:55'/><drop/></rule>", "unknown"),
        (f"{PORTS}<rule><source ipset='soon'/><drop/></rule>", "unknown"),
        (f"{PORTS}<rule><source ipset='cards'/><drop/></rule>", "unknown"),
        (f"{PORTS}<rule><source ipset='wrong'/><drop/></rule>", "unknown"),
        (f"{PORTS}<rule><source ipset='odd'/><drop/></rule>", "unknown"),
        (f"{PORTS}<rule><destination address='10.231.1.12'/><drop/></rule>", "closed"),
        (f"{PORTS}<rule family='ipv6'>{PORTS}<drop/></rule>", "open"),
        (f"{PORTS}<rule family='odd'>{PORTS}<drop/></rule>", "unknown"),
    ],
)
def test_the_default_zone(content: str, expected: str) -> None:
    assert verdict(firewalld({"public": zone(content)}), arrival=HERE) == expected


def test_the_zone_of_an_interface() -> None:
    zones = {"trusted": "<zone/>", "internal": ZONE.format(target="default")}
    assert zone_of("eth1", zones, "public") == "internal"
    assert zone_of("eth0", zones, "public") == "public"
    both = {"public": "<zone/>", "home": zone(f"<interface name='eth1'/>{PORTS}")}
    assert verdict(firewalld(both)) == "open"
    assert verdict(firewalld(both, "eth0")) == "closed"
    assert verdict(firewalld(both, "")) == "partly"


def test_the_zone_of_a_source_comes_first() -> None:
    internal = zone(f"<source address='10.231.1.0/24'/>{PORTS}")
    rules = firewalld({"public": "<zone/>", "internal": internal})
    found = opening(rules, "migration", 49152, 49215)
    assert (found.verdict, found.ipv6) == ("partly", "closed")
    assert found.reason.startswith("10.231.1.0/24 is let in")
    assert verdict(rules, arrival=HERE) == "open"
    assert verdict(rules, arrival=Arrival(sources=["192.0.2.1"])) == "closed"
    closed = firewalld({"public": zone(f"<interface name='eth1'/>{PORTS}"), "work": zone("<source ipset='hosts'/>")})
    assert verdict(closed, arrival=HERE) == "closed"


def test_sources_of_two_zones() -> None:
    """Which of them counts differs between versions of firewalld."""
    zones = {
        "public": "<zone/>",
        "work": zone("<source address='10.231.1.11'/>"),
        "internal": zone(f"<source address='10.231.1.0/24'/>{PORTS}"),
    }
    assert verdict(firewalld(zones), arrival=HERE) == "partly"
    zones["work"] = zone("<source address='192.0.2.1'/><source address='fd00::/8'/>")
    assert verdict(firewalld(zones), arrival=HERE) == "open"


def test_zones_that_drift() -> None:
    zones = {"public": zone(PORTS), "work": zone("<source address='10.231.1.0/24'/>")}
    assert verdict(firewalld(zones), arrival=HERE) == "closed"
    assert verdict(firewalld(zones, drifts=True), arrival=HERE) == "open"
    zones["work"] = zone("<source address='10.231.1.0/24'/>", "DROP")
    assert verdict(firewalld(zones, drifts=True), arrival=HERE) == "closed"


@pytest.mark.parametrize(
    "text",
    ["", "<zone>", "no XML", "<!DOCTYPE zone [<!ENTITY a 'b'>]><zone>&a;</zone>", "\0", "<zone target=/>"],
)  # fmt: skip
def test_zones_that_are_not_understood(text: str) -> None:
    assert verdict(firewalld({"public": zone(PORTS), "odd": text})) == "unknown"
    assert verdict(parse_zone(text, SERVICES.get)) == "unknown"
    assert zone_of("eth1", {"odd": text}, "public") == "public"


def test_what_is_not_looked_at() -> None:
    assert verdict(firewalld({"public": zone(PORTS)}, has_direct_rules=True)) == "unknown"
    assert verdict(firewalld({"public": zone(PORTS)}, default="none")) == "unknown"
