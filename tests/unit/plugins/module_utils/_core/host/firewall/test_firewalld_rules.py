# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.firewalld import (
    parse_zone,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.firewalld_zones import (
    PORTS,
    SERVICES,
    ZONE,
    firewalld,
    verdict,
    zone,
)


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
