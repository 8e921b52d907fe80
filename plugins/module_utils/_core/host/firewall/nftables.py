# SPDX-License-Identifier: GPL-3.0-or-later
"""The ruleset of ``nft -j list ruleset`` as rules of :mod:`firewall`.

What is not understood makes a rule's condition one that cannot be told; what is not in the shape of nft's JSON makes
the rule one of which anything may come. Shapes: libnftables-json(5).
"""

from __future__ import annotations

import json
import re
import typing as t

from .conditions import Condition, Family, Unsure
from .nftables_match import compared, matched
from .nftables_values import Sets
from .packet_walk import ACCEPT, DIVERT, DROP, GOTO, JUMP, PASS, RETURN, Base, Effect, Rule, RuleSet

# What strange input makes of reading it: a wrong type, a missing key, a number that is none, JSON nested too deep.
ODD = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError)

_FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6), "bridge": (4, 6), "netdev": (4, 6)}
_HOOKS = ("ingress", "prerouting", "input", "output", "postrouting")
_SILENT = {"counter", "log", "flow", "dup", "ct helper", "ct timeout", "ct expectation", "secmark", "last", "reset"}
_DIVERTING = {"dnat", "redirect", "tproxy", "queue", "synproxy", "fwd"}
_ENDINGS = {"accept": ACCEPT, "drop": DROP, "reject": DROP, "return": RETURN, "continue": PASS}
_ENDINGS.update({"snat": ACCEPT, "masquerade": ACCEPT})
_OF_FAMILY = {"icmp": 4, "icmpv6": 6}
# What may be set without making a difference to whether the packet is let in.
_HARMLESS = {("meta", "nftrace"), ("meta", "priority"), ("meta", "pkttype"), ("payload", "dscp"), ("payload", "ecn")}
_HARMLESS |= {("payload", "ttl"), ("payload", "hoplimit"), ("tcp option", "maxseg"), ("ct", "zone"), ("ct", "label")}

Json = t.Mapping[str, t.Any]


def parse_nftables(text: str, without: t.Collection[tuple[str, str]] = ()) -> RuleSet:
    """``without``: families and names of tables to leave out. ``problems`` where it is not what nft prints."""
    entries = _entries(text)
    return (
        RuleSet.unreadable("what nft prints is not understood") if entries is None else _Reader(entries, without).read()
    )


def tables_of_iptables(text: str) -> set[tuple[str, str]]:
    """Families and names of the tables in which nft does not tell a rule, since a module of iptables does the work."""
    found = set()
    for entry in (_entries(text) or []) if '"xt"' in text else []:
        rule = entry.get("rule") if isinstance(entry, dict) else None
        parts = rule.get("expr") if isinstance(rule, dict) else None
        is_xt = isinstance(parts, list) and any(isinstance(one, dict) and "xt" in one for one in parts)
        if isinstance(rule, dict) and is_xt:
            found.add((str(rule.get("family")), str(rule.get("table"))))
    return found


def dormant_tables(text: str) -> set[tuple[str, str]]:
    """Families and names of those tables of ``nft list ruleset`` that are not in force."""
    return set(re.findall(r"^table (\S+) (\S+) \{[^\n]*\n\s*flags [^\n]*\bdormant\b", text, re.MULTILINE))


def _entries(text: str) -> t.Optional[list[t.Any]]:
    try:
        entries = json.loads(text)["nftables"]
    except ODD:
        return None
    return entries if isinstance(entries, list) else None


class _Reader:
    def __init__(self, entries: list[t.Any], without: t.Collection[tuple[str, str]]) -> None:
        self.entries = entries
        self.without = set(without)  # of tables that are dormant, too
        self.rules = RuleSet()
        self.sets = Sets()

    def read(self) -> RuleSet:
        for kind in ("table", "set", "map", "change", "chain", "rule"):
            for entry in self.entries:
                value = entry.get("rule" if kind == "change" else kind) if isinstance(entry, dict) else None
                if value is None:
                    continue
                try:
                    if kind == "table" or (value["family"], value["table"]) not in self.without:
                        self._entry(kind, value)
                except ODD:
                    if kind != "change":  # the rule is odd, which shows later
                        self._odd(f"a {kind} that nft prints is not understood")
        return self.rules

    def _entry(self, kind: str, value: Json) -> None:
        if kind == "table":
            if "dormant" in (value.get("flags") or []):
                self.without.add((value["family"], value["name"]))
        elif kind in ("set", "map"):
            self.sets.add(value)
        elif kind == "change":
            self.sets.changed_by(value)
        elif kind == "chain":
            self._chain(value)
        elif value["family"] == "arp":
            if any("drop" in one for one in value["expr"]):
                self.rules.problems[4] = "nft filters ARP"
        elif value["family"] in _FAMILIES:
            reader = RuleReader(value, self.sets)
            self.rules.chains.setdefault(_name(value, value["chain"]), []).extend(reader.read())

    def _odd(self, problem: str) -> None:
        self.rules.problems = {4: problem, 6: problem}

    def _chain(self, chain: Json) -> None:
        families, hook = _FAMILIES.get(chain["family"]), chain.get("hook")
        self.rules.chains.setdefault(_name(chain, chain["name"]), [])
        if chain["family"] == "arp" and chain.get("policy") == "drop":
            self.rules.problems[4] = "nft filters ARP"
        if families is None or hook not in _HOOKS:
            return
        policy = _ENDINGS[chain.get("policy", "accept")]
        # Packets of a bridge's or a card's own hooks may be ours or not.
        is_certain = chain["family"] not in ("bridge", "netdev") and hook != "ingress"
        name, is_nat = _name(chain, chain["name"]), chain.get("type") == "nat"
        base = Base(name, hook, int(chain.get("prio", 0)), policy, families, is_certain, is_nat)
        self.rules.bases.append(base)


def _name(owner: Json, chain: str) -> str:
    return f"{owner['family']} {owner['table']} {chain}"


class RuleReader:
    """One rule, which a verdict map makes several of."""

    def __init__(self, rule: Json, sets: Sets) -> None:
        self.rule, self.sets = rule, sets
        self.conditions: list[Condition] = []
        self.effects: list[Effect] = []
        self.text = f"a rule of {_name(rule, rule['chain'])}"

    def read(self) -> list[Rule]:
        try:
            return self._rules()
        except ODD:
            return [Rule(DIVERT, text=f"{self.text} that is not understood")]

    def _rules(self) -> list[Rule]:
        for expression in self.rule.get("expr", []):
            ((kind, value),) = expression.items()
            if kind in _ENDINGS or kind in (JUMP, GOTO) or kind in _DIVERTING:
                return [self._ending(kind, value)]
            if kind == "vmap":
                return self._verdict_map(value)
            if kind == "xt" and not (isinstance(value, dict) and value.get("type") == "match"):
                return [self._made(DIVERT)]  # a target of iptables; nothing tells what it does
            self._statement(kind, value)
        return [self._made(PASS)]

    def _made(self, action: str, target: str = "", more: t.Sequence[Condition] = ()) -> Rule:
        return Rule(action, target, (*self.conditions, *more), tuple(self.effects), self.text)

    def _ending(self, kind: str, value: t.Any, more: t.Sequence[Condition] = ()) -> Rule:
        if kind in (JUMP, GOTO):
            return self._made(kind, _name(self.rule, value["target"]), more)
        answer = value.get("type") if kind == "reject" and isinstance(value, dict) else ""
        if answer in _OF_FAMILY:  # such an answer is only given in its own family, and the rule is one of that only
            more = [*more, Family(_OF_FAMILY[answer])]
        return self._made(DIVERT if kind in _DIVERTING else _ENDINGS[kind], more=more)

    def _verdict_map(self, value: Json) -> list[Rule]:
        found = []
        for key, verdict in self.sets.verdicts(value["data"], self.rule):
            condition = Unsure("a map that rules change") if key is None else compared(value["key"], key, self._sets())
            ((kind, data),) = verdict.items()
            found.append(self._ending(kind, data, [condition]))
        return found

    def _sets(self) -> t.Callable[[str], t.Any]:
        return lambda name: self.sets.named(name, self.rule)

    def _statement(self, kind: str, value: t.Any) -> None:
        if kind == "match":
            self.conditions.append(matched(value, self._sets()))
        elif kind == "mangle":
            self._mangle(value)
        elif kind == "notrack":
            self.effects.append(Effect("notrack"))
        elif kind in ("set", "map"):
            if value.get("stmt"):
                self.conditions.append(Unsure(f"{kind} that counts connections"))
        elif kind == "xt":
            self.conditions.append(Unsure(f"{value['name']} of iptables"))
        elif kind not in _SILENT:
            self.conditions.append(Unsure(str(kind)))

    def _mangle(self, value: Json) -> None:
        ((kind, left),) = value["key"].items()
        name = left.get("key") or left.get("field") or ""
        if (kind, name) in (("meta", "mark"), ("ct", "mark")):
            new = value["value"]
            what = "mark" if kind == "meta" else "connmark"
            if isinstance(new, dict) and new in ({"ct": {"key": "mark"}}, {"meta": {"key": "mark"}}):
                what = "restore" if what == "mark" else "save"
                self.effects.append(Effect(what, 0) if "meta" in new or kind == "meta" else Effect(what))
            else:
                self.effects.append(Effect(what, new if isinstance(new, int) else None))
        elif (kind, name) not in _HARMLESS:
            raise ValueError(kind)  # an address or a port that is written over: anything may come of it
