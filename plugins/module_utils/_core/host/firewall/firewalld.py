# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld's permanent configuration as rules of :mod:`firewall`, in the order in which firewalld makes its own.

A packet goes to the zone of its source, else to that of its interface, else to the default one. Within a zone: rich
rules of a negative priority, then what logs, denies and allows, then those of a positive one; then the target. Policies
to the host come before and after by their priority. Order: firewalld.richlanguage(5), firewalld.policies(5).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from xml.etree import ElementTree

from .conditions import Condition, Connection, Unsure, Within
from .firewalld_rules import Section, address_condition
from .packet_walk import ACCEPT, DROP, GOTO, JUMP, RETURN, Base, Rule, RuleSet

Element = ElementTree.Element
_TARGETS = {"ACCEPT": ACCEPT, "%%REJECT%%": DROP, "REJECT": DROP, "DROP": DROP}
# Connections that were let in, and what IPv6's neighbours ask: the latter by a policy that it comes with.
_ALWAYS = [
    Rule(ACCEPT, conditions=(Connection(frozenset({"established", "related"})),)),
    Rule(ACCEPT, conditions=(Within("type", [(133, 137)], 6),)),
]
_NOT_UNDERSTOOD = "firewalld's configuration is not understood"


@dataclass(frozen=True)
class Firewalld:
    """The texts of its files, by name. ``services`` and ``ipsets`` give one by its name, or None when there is none.

    ``has_direct_rules``: whether it was told rules of iptables, which are not looked at. ``drifts``: the setting
    AllowZoneDrifting, with which a zone by source without a target of its own leaves the rest to that of the interface.
    """

    zones: t.Mapping[str, str]
    default: str = "public"
    policies: t.Mapping[str, str] = field(default_factory=dict)
    services: t.Callable[[str], t.Optional[str]] = lambda _name: None
    ipsets: t.Callable[[str], t.Optional[str]] = lambda _name: None
    has_direct_rules: bool = False
    drifts: bool = False


def parse_firewalld(config: Firewalld, interface: str = "") -> RuleSet:
    """All zones that connections may come to. ``problems`` where a file is not understood."""
    roots = {name: _root(text) for name, text in config.zones.items()}
    if any(root is None for root in roots.values()):
        return RuleSet.unreadable(_NOT_UNDERSTOOD)
    zones = {name: root for name, root in roots.items() if root is not None}
    found = _Config(config, zones).read(interface)
    if config.has_direct_rules:
        found.problems = dict.fromkeys((4, 6), "firewalld has direct rules")
    return found


def parse_zone(xml: str, services: t.Callable[[str], t.Optional[str]]) -> RuleSet:
    """One zone, as if all came to it. ``services`` gives the XML of a service by its name, or None."""
    root = _root(xml)
    if root is None:
        return RuleSet.unreadable(_NOT_UNDERSTOOD)
    rules = _zone_rules(Section(root, services, lambda _name: None), root)
    return RuleSet([Base("zone", policy=DROP)], {"zone": [*_ALWAYS, *rules]})


def zone_of(interface: str, zones: t.Mapping[str, str], default: str) -> str:
    """The zone that names the interface, or the default one."""
    for name, xml in sorted(zones.items()):
        root = _root(xml)
        if root is not None and any(one.get("name") == interface for one in root.iterfind("interface")):
            return name
    return default


def _root(xml: str) -> t.Optional[Element]:
    """None for what is not well-formed, and for documents that define entities, which firewalld's never do."""
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        return None
    try:
        return ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None


def _zone_rules(section: Section, root: Element) -> list[Rule]:
    """``default`` rejects, as %%REJECT%% does."""
    return [*section.rules(), Rule(_TARGETS.get(root.get("target", ""), DROP), text="the zone's target")]


class _Config:
    def __init__(self, config: Firewalld, zones: dict[str, Element]) -> None:
        self.config, self.zones = config, zones
        self.rules = RuleSet([Base("firewalld", policy=DROP)])

    def read(self, interface: str) -> RuleSet:
        for name, root in self.zones.items():
            self._zone(name, root)
        self.rules.chains["firewalld"] = [*_ALWAYS, *self._by_source(), *self._by_interface(interface)]
        return self.rules

    def _zone(self, name: str, root: Element) -> None:
        before, after = self._policies(name)
        section = Section(root, self.config.services, self.config.ipsets)
        rules = _zone_rules(section, root)
        self.rules.chains[f"zone {name}"] = [*before, *rules[:-1], *after, rules[-1]]
        self.rules.chains[f"zone {name} without target"] = [*before, *rules[:-1], *after]

    def _policies(self, zone: str) -> tuple[list[Rule], list[Rule]]:
        """Jumps to the policies from the zone to the host, in the order of their priorities."""
        found: list[tuple[int, str, tuple[Condition, ...]]] = []
        for name, text in self.config.policies.items():
            root = _root(text)
            if root is None:
                self.rules.problems = dict.fromkeys((4, 6), _NOT_UNDERSTOOD)
                continue
            ingress = {one.get("name") for one in root.iterfind("ingress-zone")}
            egress = {one.get("name") for one in root.iterfind("egress-zone")}
            if "HOST" in egress and (zone in ingress or "ANY" in ingress):
                section = Section(root, self.config.services, self.config.ipsets)
                action = _TARGETS.get(root.get("target", ""))
                last = [Rule(action, text=f"the target of policy {name}")] if action else []
                self.rules.chains[f"policy {name}"] = [*section.rules(), *last]
                # Whether those of the default zone are in force where no interface is put in it differs by version.
                own = self.zones[zone]
                is_sure = "ANY" in ingress or own.find("interface") is not None or own.find("source") is not None
                found.append((_priority(root), name, () if is_sure else (Unsure(f"whether zone {zone} is active"),)))
        found.sort(key=lambda one: one[:2])
        jumps = [(priority, Rule(JUMP, f"policy {name}", conditions)) for priority, name, conditions in found]
        return [jump for priority, jump in jumps if priority < 0], [jump for priority, jump in jumps if priority >= 0]

    def _by_source(self) -> list[Rule]:
        """Where sources of two zones overlap, which of them counts is not known: it differs between versions."""
        found: list[tuple[str, Condition]] = []
        for name, root in sorted(self.zones.items()):
            sources = root.iterfind("source")
            found += [(name, address_condition(source, "source", self.config.ipsets)) for source in sources]
        rules = []
        for name, condition in found:
            rivals = [other for zone, other in found if zone != name and _overlap(condition, other)]
            conditions = (condition, Unsure("overlapping sources of zones")) if rivals else (condition,)
            if self.config.drifts and self.zones[name].get("target", "default") == "default":
                rules.append(Rule(JUMP, f"zone {name} without target", conditions))
            else:
                rules.append(Rule(GOTO, f"zone {name}", conditions))
        return rules

    def _by_interface(self, interface: str) -> list[Rule]:
        rules = []
        for name, root in sorted(self.zones.items()):
            names = [one.get("name", "") for one in root.iterfind("interface")]
            if interface and any(_is_of(interface, one) for one in names):
                rules.append(Rule(GOTO, f"zone {name}"))
            elif names and not interface:
                rules.append(Rule(GOTO, f"zone {name}", (Unsure(f"an interface of zone {name}"),)))
        default = self.config.default
        last = Rule(GOTO, f"zone {default}") if default in self.zones else Rule(RETURN)
        if default not in self.zones:
            self.rules.problems = dict.fromkeys((4, 6), f"firewalld's zone {default} is not known")
        return [*rules, last]


def _is_of(interface: str, name: str) -> bool:
    """Names of several interfaces end with a plus sign."""
    return interface.startswith(name[:-1]) if name.endswith("+") else interface == name


def _priority(root: Element) -> int:
    try:
        return int(root.get("priority", "-1"))
    except ValueError:
        return -1


def _overlap(one: Condition, other: Condition) -> bool:
    if not isinstance(one, Within) or not isinstance(other, Within):
        return True
    if one.family != other.family:
        return False
    return any(low <= last and first <= high for low, high in one.intervals for first, last in other.intervals)
