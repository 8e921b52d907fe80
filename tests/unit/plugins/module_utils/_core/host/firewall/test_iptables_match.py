# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import Arrival
from ansible_collections.virtops.live_migration.tests.unit.plugins.iptables_rules import HERE, MORE, iptables, verdict


@pytest.mark.parametrize(
    "match",
    [
        "-i eth1", "-i eth+", "-i +", "! -i eth2", "! -i lo", "-s 10.231.1.11", "-s 10.231.1.0/255.255.255.0",
        "-d 10.231.1.12/32", "! -s 192.0.2.0/24", "-m iprange --src-range 10.231.1.1-10.231.1.20",
        "-m addrtype --dst-type LOCAL", "-m addrtype --src-type UNICAST", "-m addrtype ! --dst-type BROADCAST",
        "-p tcp --syn", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", "-p tcp ! --tcp-flags ALL NONE", "-p 6",
        "-p tcp --tcp-flags SYN,ACK SYN", "-m conntrack --ctstate NEW", "-m conntrack ! --ctstate INVALID",
        "-m conntrack --ctdir ORIGINAL", "-m mark --mark 0x0/0xff", "-m mark ! --mark 0x1",
        "-m pkttype --pkt-type unicast",
        "-p tcp --sport 1024:65535", "-p tcp ! --sport 22", "-p tcp ! --dport 22", "! -f", "-p all", "-m rpfilter",
        "-m connmark --mark 0x0", "-p tcp -m multiport --ports 49152:49215", "-m conntrack --ctproto 6",
        '-m comment --comment "with \\"quotes\\" in it"', "-m conntrack --ctorigdstport 49152:49215",
    ],
)  # fmt: skip
def test_what_a_new_connection_meets(match: str) -> None:
    assert verdict(iptables(*MORE, f"-A INPUT {match} -j ACCEPT"), arrival=HERE) == "open"
    assert verdict(iptables(*MORE, f"-A INPUT {match} -j RETURN", "-A INPUT -j ACCEPT"), arrival=HERE) == "closed"


@pytest.mark.parametrize(
    "match",
    [
        "-i eth2", "! -i eth1", "-i lo", "-o eth1", "-s 192.0.2.0/24", "-d 10.231.1.13", "! -d 10.231.1.12",
        "-p udp --dport 49152", "-p icmp", "-p tcp ! --syn", "-p tcp --tcp-flags SYN,ACK ACK",
        "-p tcp --tcp-flags ALL NONE",
        "-m conntrack --ctstate INVALID,UNTRACKED", "-m conntrack ! --ctstate NEW", "-m conntrack --ctstate RELATED",
        "-m addrtype --dst-type BROADCAST,MULTICAST", "-m addrtype ! --dst-type LOCAL", "-m addrtype --src-type LOCAL",
        "-m mark --mark 0x1", "-m pkttype --pkt-type broadcast", "-p tcp --sport 22", "-p tcp --dport 22", "-f",
        "-m rpfilter --invert", "-m rt --rt-type 0", "-m conntrack --ctstatus CONFIRMED", "-m connmark --mark 0x1",
    ],
)  # fmt: skip
def test_what_a_new_connection_does_not_meet(match: str) -> None:
    assert verdict(iptables(*MORE, f"-A INPUT {match} -j DROP", policy="ACCEPT"), arrival=HERE) == "open"
    assert verdict(iptables(f"-A INPUT {match} -j ACCEPT"), arrival=HERE) == "closed"


@pytest.mark.parametrize(
    "match",
    [
        "-m limit --limit 5/min", "-m recent --update --seconds 30", "-m statistic --mode random --probability 0.5",
        "-m length --length 0:59", "-m string --string x --algo bm", "-m set --match-set none src",
        "-m mac --mac-source 00:11:22:33:44:55", "-s 10.0.0.1/255.0.255.0", "-p tcp --dport http", "-m odd",
        "-m physdev --physdev-in eth0", "-m owner --uid-owner 0", "--odd", "-m mark --mark x", "-m socket",
    ],
)  # fmt: skip
def test_what_cannot_be_told(match: str) -> None:
    assert verdict(iptables(f"-A INPUT {match} -j DROP", policy="ACCEPT"), arrival=HERE) == "unknown"
    assert verdict(iptables(f"-A INPUT {match} -j ACCEPT"), arrival=HERE) in ("partly", "unknown")


@pytest.mark.parametrize(
    ("match", "met"),
    [
        # As real connections in a namespace showed: any of the kinds in IPv4, all of them in IPv6.
        ("-m addrtype --src-type UNICAST,LOCAL", (True, False)),
        ("-m addrtype --dst-type UNICAST,LOCAL", (True, True)),
        ("-m addrtype --dst-type UNICAST", (False, True)),
        ("-m addrtype --dst-type LOCAL", (True, True)),
        ("-m addrtype --src-type UNICAST", (True, True)),
        ("-m addrtype --dst-type UNICAST,MULTICAST", (False, False)),
        ("-m addrtype ! --src-type UNICAST,LOCAL", (False, True)),
    ],
)
def test_kinds_of_addresses_differ_by_family(match: str, met: tuple[bool, bool]) -> None:
    there = Arrival("fd31:1::12", "eth1", ["fd31:1::11"])
    for family, arrival, expected in zip((4, 6), (HERE, there), met):
        rules = iptables(*MORE, "-A INPUT -p ipv6-icmp -j ACCEPT", f"-A INPUT {match} -j ACCEPT", family=family)
        assert verdict(rules, arrival=arrival) == ("open" if expected else "closed"), family
