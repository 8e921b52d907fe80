# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of firewalls that are broken, odd or hostile: no exception, no time that grows faster than the text, and never
"open" by mistake where nothing was understood. The counts are printed (``pytest -s``)."""

from __future__ import annotations

import copy
import json
import random
import time
import typing as t
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.firewalld import (
    Firewalld,
    parse_firewalld,
    parse_zone,
    zone_of,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.ipset import IpSets
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.iptables import (
    parse_iptables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.nftables import (
    dormant_tables,
    parse_nftables,
    tables_of_iptables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet_walk import RuleSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import (
    Arrival,
    opening,
)

VERDICTS = {"open", "partly", "closed", "unknown"}
ARRIVALS = (Arrival(), Arrival("10.231.1.12", "eth1", ["10.231.1.11"]), Arrival("fd31::12", sources=["odd", "::1%x"]))
COUNTS: Counter[str] = Counter()
FEW, MANY = settings(max_examples=40, deadline=None), settings(max_examples=120, deadline=None)


def judge(kind: str, rules: RuleSet) -> str:
    found = [opening(rules, "migration", 49152, 49215, one).verdict for one in ARRIVALS]
    assert set(found) <= VERDICTS
    COUNTS[f"{kind} {found[0]}"] += 1
    return found[0]


def teardown_module() -> None:
    print("\n" + ", ".join(f"{name}: {number}" for name, number in sorted(COUNTS.items())))


_WORDS = """-A -j -g -m -p -s -d -i -o ! INPUT own DROP ACCEPT RETURN REJECT MARK DNAT LOG --dport --sport --dports tcp
    udp 49152:49215 22 99999 :: : , 22,23:24 -1 0x1/0xff --mark --set-xmark --ctstate NEW ODD --tcp-flags SYN ALL NONE
    --match-set peers src src,dst --src-range 10.0.0.1-10.0.0.9 10.0.0.0/8 ::/0 10.0.0.0/99 lo eth+ --comment "a 'b \\
    --icmpv6-type 135 135/0 --ctdir ORIGINAL --src-type LOCAL --syn -f --invert --ctorigdst --ports --odd é \0"""
WORDS = st.sampled_from(_WORDS.split())
LINES = st.one_of(
    st.lists(WORDS, max_size=12).map(lambda words: " ".join(["-A INPUT", *words])),
    st.lists(WORDS, max_size=8).map(" ".join),
    st.text(max_size=40),
    st.sampled_from(["*filter", "*raw", "*odd", ":INPUT DROP [0:0]", ":own - [0:0]", ":PREROUTING", "COMMIT", "# x"]),
)


@MANY
@given(st.lists(LINES, max_size=12), st.sampled_from([4, 6]), st.text(max_size=60))
def test_iptables(lines: list[str], family: int, sets: str) -> None:
    known = "create peers hash:net\nadd peers 10.0.0.0/8\n"
    judge("iptables", parse_iptables("\n".join(["*filter", *lines]), family, IpSets(known + sets)))


@FEW
@given(st.text(max_size=30), st.lists(st.text(max_size=12), max_size=3), st.sampled_from([4, 6]))
def test_sets_of_ipset(element: str, directions: list[str], family: int) -> None:
    for kind in ("hash:net", "hash:ip,port", "bitmap:port", "list:set", "hash:odd", element):
        sets = IpSets(f"create a {kind} family inet\nadd a {element}\nadd a {element} nomatch\n")
        rules = parse_iptables("*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set a src,dst -j ACCEPT", 4, sets)
        judge("ipset", rules)
        sets.condition("a", [*directions, "src"], family)


def _values() -> st.SearchStrategy[t.Any]:
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(-5, 1 << 40), st.floats(), st.text(max_size=9),
        st.sampled_from(["@s", "*", "lo", "tcp", "syn", "new", "10.0.0.1", "10.0.0.0/8", "@none", "local"]),
    )  # fmt: skip
    keys = st.sampled_from(
        ["payload", "protocol", "field", "meta", "key", "ct", "set", "range", "prefix", "addr", "len", "concat", "&",
         "|",
         "elem", "val", "fib", "flags", "result", "match", "left", "right", "op", "vmap", "data", "accept", "odd"]
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=9,
    )


LEFTS = st.one_of(
    st.sampled_from(
        [{"payload": {"protocol": "tcp", "field": "dport"}}, {"payload": {"protocol": "ip", "field": "saddr"}},
         {"payload": {"protocol": "tcp", "field": "flags"}}, {"meta": {"key": "mark"}}, {"ct": {"key": "state"}},
         {"meta": {"key": "iifname"}}, {"fib": {"result": "type", "flags": ["daddr"]}}, {"meta": {"key": "l4proto"}},
         {"concat": [{"meta": {"key": "iif"}}, {"payload": {"protocol": "tcp", "field": "sport"}}]},
         {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn"]]}, {"&": [{"meta": {"key": "mark"}}, 1]}]
    ),
    _values(),
)  # fmt: skip
EXPRESSIONS = st.one_of(
    st.builds(
        lambda left, right, op: {"match": {"left": left, "right": right, "op": op}},
        LEFTS, _values(), st.sampled_from(["==", "!=", "in", "<", ">=", "!", "odd"]),
    ),
    st.builds(lambda key, data: {"vmap": {"key": key, "data": data}}, LEFTS, _values()),
    st.builds(lambda kind, value: {kind: value}, st.sampled_from(
        ["accept", "drop", "reject", "jump", "goto", "mangle", "xt", "set", "limit", "notrack", "odd"]), _values()),
)  # fmt: skip
SOUND = {
    "nftables": [
        {"table": {"family": "inet", "name": "t"}},
        {"set": {"family": "inet", "table": "t", "name": "s", "elem": [22, {"range": [49152, 49215]}]}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "policy": "drop"}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"accept": None}]}},
    ]
}  # fmt: skip


@MANY
@given(st.lists(EXPRESSIONS, max_size=4))
def test_nft_rules(expressions: list[t.Any]) -> None:
    document = copy.deepcopy(SOUND)
    t.cast("t.Any", document["nftables"][3])["rule"]["expr"] = [*expressions, {"accept": None}]
    judge("nft rule", parse_nftables(json.dumps(document)))


@MANY
@given(_values(), st.integers(0, 3), st.data())
def test_nft_documents(value: t.Any, index: int, data: st.DataObject) -> None:
    """A sound one in which one value, however deep, is another one."""
    document: t.Any = copy.deepcopy(SOUND)
    at = document["nftables"]
    key: t.Any = index
    while isinstance(at[key], (dict, list)) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[key] = value
    text = json.dumps(document)
    judge("nft document", parse_nftables(text))
    tables_of_iptables(text + '"xt"')
    tables_of_iptables(text.replace("accept", "xt"))


@FEW
@given(st.text())
def test_texts(text: str) -> None:
    assert judge("nft text", parse_nftables(text)) == "unknown"
    said = [line for line in text.split("\n") if line.strip() and not line.startswith(("#", "*", "COMMIT"))]
    assert judge("iptables text", parse_iptables(text)) == ("unknown" if said else "open") or "*" in text
    dormant_tables(text)


TAGS = st.sampled_from(
    ["zone", "port", "service", "rule", "source", "destination", "accept", "drop", "reject", "log", "limit", "protocol",
     "interface", "source-port", "forward-port", "include", "policy", "ingress-zone", "egress-zone", "ipset", "entry"]
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["port", "protocol", "name", "address", "invert", "priority", "family", "value", "target", "ipset"]
    ),
    st.one_of(
        st.text("ab1-/.:é", max_size=9), st.sampled_from(["tcp", "49152-49215", "ANY", "HOST", "10.0.0.0/8", "ipv4"])
    ),
    max_size=4,
)


def _element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, attributes, inner: (
            f"<{tag}{''.join(f' {name}={value!r}' for name, value in attributes.items())}>{''.join(inner)}</{tag}>"
        ),
        TAGS, ATTRIBUTES, st.lists(children, max_size=4),
    )  # fmt: skip


ELEMENTS = st.recursive(st.just(""), _element, max_leaves=12)


@MANY
@given(ELEMENTS, ELEMENTS, st.text(max_size=20), st.integers(0, 200))
def test_firewalld(one: str, other: str, text: str, cut: int) -> None:
    for xml in (f"<zone>{one}</zone>", f"<zone>{one}</zone>"[:cut], one, text):
        config = Firewalld(
            {"public": xml, "other": f"<zone>{other}</zone>"},
            policies={"p": other, "q": f"<policy><ingress-zone name='ANY'/><egress-zone name='HOST'/>{one}</policy>"},
            services={"a": one, "b": xml, "1": "<service><include service='1'/></service>"}.get,
            ipsets={"a": other, "b": text}.get,
        )
        judge("firewalld", parse_firewalld(config, "eth1"))
        judge("zone", parse_zone(xml, lambda _name: text))
        zone_of("eth1", config.zones, "public")


def seconds(kind: str, parse: t.Callable[[str], RuleSet], text: str) -> float:
    began_s = time.process_time()
    judge(kind, parse(text))
    return time.process_time() - began_s


def _iptables(count: int) -> str:
    made = random.Random(count)
    rules = [
        f"-A c{made.randrange(count // 50)} -p tcp -s 10.{number % 250}.{number // 250 % 250}.0/24"
        f" --dport {made.randrange(65536)} -m time --x -j {made.choice(('DROP', 'ACCEPT', 'RETURN'))}"
        for number in range(count)
    ]
    jumps = [f"-A c{number} -m time --x -j c{number + 1 + made.randrange(3)}" for number in range(count // 50)]
    heads = [f":c{number} - [0:0]" for number in range(count // 50 + 4)]
    return "\n".join(["*filter", ":INPUT DROP [0:0]", *heads, *rules, *jumps, "-A INPUT -j c0"])


def _nft(count: int) -> str:
    document: t.Any = copy.deepcopy(SOUND)
    elements = [{"prefix": {"addr": f"10.{n // 250 % 250}.{n % 250}.0", "len": 24}} for n in range(count)]
    source = {
        "match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"set": elements}}
    }
    document["nftables"] += [{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [source, {"drop": None}]}}]
    return json.dumps(document)


def test_the_time_grows_with_the_text() -> None:
    """At most a millisecond for a rule, of many as of few: with the square of 12,000 it would be more than a minute."""
    for kind, make, parse in (("iptables", _iptables, parse_iptables), ("nft", _nft, parse_nftables)):
        for count in (3000, 12000):
            taken_s = seconds(kind, parse, make(count))
            print(f"{kind}: {count} rules in {taken_s:.2f} s")
            assert taken_s < 1 + 0.001 * count


def test_what_is_long_or_deep() -> None:
    long = {
        "quotes": "*filter\n-A INPUT -m comment --comment " + '"\\"' * 100_000,
        "words": "*filter\n-A INPUT " + "-m odd ! " * 100_000,
        "ports": "*filter\n-A INPUT -p tcp -m multiport --dports " + "1," * 200_000,
        "lines": "*filter\n" + "-A\n" * 200_000,
    }
    for name, text in long.items():
        assert seconds(f"long {name}", parse_iptables, text) < 20
    for text in ("[" * 1_000_000, '{"nftables": [' + '{"rule": ' * 5000, '{"nftables": ' + "1" * 5000 + "}"):
        assert judge("deep nft", parse_nftables(text)) == "unknown"
    for xml in (
        "<zone>" * 50_000,
        "<zone>" * 5000 + "</zone>" * 5000,
        "<zone>" + "<rule>" * 9000 + "</rule>" * 9000 + "</zone>",
    ):
        judge("deep firewalld", parse_zone(xml, lambda _name: None))
