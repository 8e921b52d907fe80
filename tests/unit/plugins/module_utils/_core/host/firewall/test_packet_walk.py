# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.tests.unit.plugins.iptables_rules import MORE, iptables, verdict


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
