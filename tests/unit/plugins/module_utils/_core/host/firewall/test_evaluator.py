# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.evaluator import (
    RuleSet,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.ipset import IpSets
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.iptables import (
    parse_iptables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.rules import (
    Arrival,
    opening,
)

MORE = ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",)


def iptables(*rules: str, policy: str = "DROP", tables: str = "", family: int = 4, sets: str = "") -> RuleSet:
    lines = ["*nat", ":INPUT DROP [0:0]", "COMMIT", tables, "*filter", f":INPUT {policy} [0:0]", ":own - [0:0]"]
    return parse_iptables("\n".join([*lines, *rules, "COMMIT"]), family, IpSets(sets) if sets else None)


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("-j MARK --set-xmark 0x1/0xffffffff", "open"),
        ("-j MARK --set-xmark 0x2/0xffffffff", "closed"),
        ("-p udp -j MARK --set-xmark 0x1/0xffffffff", "closed"),
        ("-m limit --limit 1/s -j MARK --set-xmark 0x1/0xffffffff", "partly"),
        ("-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", "closed"),
        ("-j CONNMARK --set-xmark 0x1/0xffffffff", "closed"),
        ("-j MARK --set-odd", "partly"),
    ],
)
def test_marks(setting: str, expected: str) -> None:
    tables = f"*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {setting}\nCOMMIT"
    assert verdict(iptables(*MORE, "-A INPUT -m mark --mark 0x1 -j ACCEPT", tables=tables)) == expected


def test_untracked_connections_are_not_new() -> None:
    tables = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j CT --notrack\nCOMMIT"
    assert verdict(iptables(*MORE, "-A INPUT -m conntrack --ctstate NEW -j ACCEPT", tables=tables)) == "closed"
    assert verdict(iptables("-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT", tables=tables)) == "open"


def test_conditional_jumps_are_followed_once() -> None:
    """Three in each chain, 17 deep, were 3 to the power of 17 ways."""
    chains = [
        f"-A c{number} -m time --weekdays {day} -j c{number + 1}" for number in range(17) for day in ("Mo", "Tu", "We")
    ]
    heads = [f":c{number} - [0:0]" for number in range(18)]
    rules = iptables(*heads, "-A INPUT -j c0", *chains, "-A c17 -p tcp -j ACCEPT")
    assert verdict(rules) == "partly"
    assert verdict(iptables(*heads, "-A INPUT -j c0", *chains, "-A c17 -p udp -j ACCEPT")) == "closed"


def test_nothing_is_told_of_chains_nested_too_deep() -> None:
    chains = [f":c{number} - [0:0]\n-A c{number} -j c{number + 1}" for number in range(5000)]
    assert verdict(iptables(*chains, ":c5000 - [0:0]", "-A INPUT -j c0")) == "unknown"
