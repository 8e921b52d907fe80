# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.tests.unit.plugins.iptables_rules import HERE, iptables, verdict

IPSETS = """\
create nets hash:net family inet hashsize 1024 maxelem 65536
add nets 10.231.1.0/24
add nets 192.0.2.7
create holes hash:net family inet
add holes 10.0.0.0/8
add holes 10.231.1.0/24 nomatch
create pairs hash:net,port family inet
add pairs 10.0.0.0/8,tcp:49152
add pairs 10.0.0.0/8,udp:49153
create ports bitmap:port range 0-65535
add ports 49152-49215
create both list:set size 8
add both holes
add both nets
create soon hash:ip family inet timeout 60
add soon 10.231.1.11 timeout 5
create six hash:net family inet6
add six fd00::/8
create cards hash:mac
add cards 00:11:22:33:44:55
create ways hash:net,iface family inet
add ways 10.0.0.0/8,eth1
"""


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("nets src", "open"),
        ("holes src", "closed"),
        ("ports dst", "open"),
        ("pairs src,dst", "partly"),
        ("both src", "open"),
        ("soon src", "partly"),
        ("six src", "closed"),
        ("cards src", "partly"),
        ("ways src,src", "open"),
        ("ways src,dst", "closed"),
        ("none src", "partly"),
        ("pairs src", "partly"),
    ],
)
def test_sets_of_ipset(match: str, expected: str) -> None:
    assert (
        verdict(iptables(f"-A INPUT -p tcp -m set --match-set {match} -j ACCEPT", sets=IPSETS), arrival=HERE)
        == expected
    )


def test_ports_of_sets() -> None:
    rules = iptables("-A INPUT -p tcp -m set --match-set pairs src,dst -j ACCEPT", sets=IPSETS)
    assert verdict(rules, 49152, 49152, HERE) == "open"
    assert verdict(rules, 49153, 49153, HERE) == "closed"
