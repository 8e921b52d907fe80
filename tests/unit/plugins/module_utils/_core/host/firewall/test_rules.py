# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.conditions import (
    Unsure,
    Within,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.evaluator import (
    Base,
    Rule,
    RuleSet,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.ipset import IpSets
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.iptables import (
    parse_iptables,
    tables_in,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.rules import (
    Arrival,
    opening,
)

HERE = Arrival("10.231.1.12", "eth1", ["10.231.1.11"])
MORE = ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",)


def iptables(*rules: str, policy: str = "DROP", tables: str = "", family: int = 4, sets: str = "") -> RuleSet:
    lines = ["*nat", ":INPUT DROP [0:0]", "COMMIT", tables, "*filter", f":INPUT {policy} [0:0]", ":own - [0:0]"]
    return parse_iptables("\n".join([*lines, *rules, "COMMIT"]), family, IpSets(sets) if sets else None)


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


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
