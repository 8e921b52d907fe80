# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.iptables import (
    parse_iptables,
    tables_in,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.iptables_rules import HERE, MORE, iptables, verdict


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
        (["-A INPUT ! -p tcp -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -i lo -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], "DROP", "closed"),
        (["-A INPUT -m state --state NEW -p tcp -j ACCEPT", *MORE], "DROP", "open"),
        # A connection whose later packets are dropped is made, and of no use.
        (["-A INPUT -m state --state NEW -p tcp -j ACCEPT"], "DROP", "unknown"),
        (['-A INPUT -p tcp -m comment --comment "a -j DROP b" -j ACCEPT'], "DROP", "open"),
        (["-A INPUT -j REJECT --reject-with icmp-host-prohibited"], "ACCEPT", "closed"),
        # It depends on who asks, and so it is told: some get in, and others do not.
        (["-A INPUT -s 192.0.2.1/32 -j DROP"], "ACCEPT", "partly"),
        (["-A INPUT ! -s 10.0.0.0/8 -j DROP"], "ACCEPT", "partly"),
        (["-A INPUT -s 127.0.0.0/8 -j DROP"], "ACCEPT", "open"),  # never comes from elsewhere
        (["-A INPUT -j own", "-A own -p tcp --dport 49152:49215 -j ACCEPT"], "DROP", "open"),
        (["-A INPUT -j own", "-A own -p tcp --dport 22 -j ACCEPT", "-A INPUT -j DROP"], "ACCEPT", "closed"),
        (["-A INPUT -j own", "-A own -j RETURN", "-A own -j DROP"], "ACCEPT", "open"),
        (["-A INPUT -s 10.0.0.0/8 -j own", "-A own -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -g own", "-A INPUT -j ACCEPT"], "DROP", "closed"),
        # A loop, which iptables refuses: nothing can be told, where it used to be taken for one that ends.
        (["-A INPUT -j own", "-A own -j own"], "ACCEPT", "unknown"),
        (["-A INPUT -j LOG", "-A INPUT -p tcp -j ACCEPT"], "DROP", "open"),
        (["-A INPUT -p tcp --dport 22 -j DROP"], "ACCEPT", "open"),
        # What is not understood lets in, or shuts out.
        (["-A INPUT -p tcp -m geoip --source-country DE -j ACCEPT"], "DROP", "partly"),
        (["-A INPUT -p tcp -m geoip --source-country DE -j DROP"], "ACCEPT", "unknown"),
        (["-A INPUT -p tcp -j GEOIPBLOCK"], "ACCEPT", "unknown"),
        (["-A INPUT -p tcp -j NFQUEUE --queue-num 0"], "DROP", "unknown"),
        (["-A INPUT -m time --timestart 08:00 -j LOG"], "ACCEPT", "open"),
    ],
)
def test_iptables(rules: list[str], policy: str, expected: str) -> None:
    assert verdict(iptables(*rules, policy=policy)) == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 49152:49215 -j DROP\nCOMMIT", "closed"),
        ("*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.231.1.11 -j DROP\nCOMMIT", "closed"),
        ("*mangle\n:INPUT DROP [0:0]\nCOMMIT", "closed"),
        ("*security\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\nCOMMIT", "closed"),
        ("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 80 -j DNAT --to 192.0.2.1\nCOMMIT", "open"),
        ("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j REDIRECT --to-ports 1\nCOMMIT", "unknown"),
        ("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT", "open"),
        # An acceptance ends that table only; a drop is final; forwarding is another matter.
        ("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\n-A PREROUTING -j DROP\nCOMMIT", "open"),
        ("*mangle\n:FORWARD DROP [0:0]\nCOMMIT", "open"),
        # To conntrack, which comes later, every packet is invalid there.
        ("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m conntrack --ctstate NEW -j DROP\nCOMMIT", "open"),
        ("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m conntrack --ctstate INVALID -j DROP\nCOMMIT", "closed"),
        ("*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m conntrack --ctstate NEW -j DROP\nCOMMIT", "closed"),
        # The answer must go out.
        ("*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp --sport 49152:49215 -j DROP\nCOMMIT", "closed"),
        ("*mangle\n:OUTPUT DROP [0:0]\n-A OUTPUT -m state --state ESTABLISHED -j ACCEPT\nCOMMIT", "open"),
        ("*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m state --state NEW -j DROP\nCOMMIT", "open"),
    ],
)
def test_the_other_tables(tables: str, expected: str) -> None:
    assert verdict(iptables("-A INPUT -j ACCEPT", tables=tables), arrival=HERE) == expected


def test_the_standard_rules_of_ufw() -> None:
    """A conditional RETURN before a DROP."""
    rules = iptables(
        ":not_local - [0:0]",
        *MORE,
        "-A INPUT -j not_local",
        "-A not_local -m addrtype --dst-type LOCAL -j RETURN",
        "-A not_local -m addrtype --dst-type MULTICAST -j RETURN",
        "-A not_local -m limit --limit 3/min --limit-burst 10 -j own",
        "-A not_local -j DROP",
        "-A INPUT -p tcp -m multiport --dports 22,49152:49215 -j ACCEPT",
    )
    assert verdict(rules) == "open"
    maybe = iptables("-A INPUT -j own", "-A own -m time --weekdays Mo -j RETURN", "-A own -j DROP", policy="ACCEPT")
    assert verdict(maybe) != "closed"


@pytest.mark.parametrize(
    "line",
    [
        "-A", "-A ", ":INPUT", ":", "-A INPUT -m comment --comment \"never ends -j DROP", "odd", "-I INPUT -j DROP",
        "[0:0]", "-A INPUT -p tcp -j", "-A INPUT ! -j DROP", "-A INPUT -p -j DROP", "-A INPUT --dport -j DROP",
    ],
)  # fmt: skip
def test_odd_lines_are_never_open(line: str) -> None:
    assert verdict(iptables(line, policy="ACCEPT")) != "open"


@pytest.mark.parametrize("text", ["hello", "-A INPUT -j ACCEPT", "*filter\nCOMMIT\nhello"])
def test_what_iptables_never_prints(text: str) -> None:
    assert verdict(parse_iptables(text)) == "unknown"


def test_a_comment_with_the_end_of_a_line_of_another_kind() -> None:
    line = '-A INPUT -p tcp -m comment --comment "a\u2028-A INPUT -j DROP" -j ACCEPT'
    assert verdict(iptables(line)) == "open"


def test_lines_with_counters() -> None:
    assert verdict(iptables("[12:3400] -A INPUT -p tcp -j ACCEPT")) == "open"


def test_a_host_without_a_filter_table_lets_everything_in() -> None:
    assert verdict(parse_iptables("")) == "open"


def test_the_tables_of_a_text() -> None:
    assert tables_in("# x\n*raw\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n") == ["raw", "filter"]
