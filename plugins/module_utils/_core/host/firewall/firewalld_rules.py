# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of a zone or policy of firewalld as rules of :mod:`firewall`: ports, services and rich rules."""

from __future__ import annotations

import ipaddress
import typing as t
from xml.etree import ElementTree

from .conditions import AnyOf, Condition, Every, Family, Sure, Unsure, Within, negated
from .packet import Interval
from .packet_walk import ACCEPT, DIVERT, DROP, PASS, Effect, Rule

Element = ElementTree.Element
Texts = t.Callable[[str], t.Optional[str]]

_ACTIONS = {"accept": ACCEPT, "reject": DROP, "drop": DROP, "mark": PASS}
_FAMILIES = {"ipv4": 4, "ipv6": 6}
_SIDES = {"source": "saddr", "destination": "daddr"}
_DEEPEST = 8  # services within services; a choice
# Elements of a rich rule that a TCP connection to this host does not meet, or that change nothing for it.
_OF_OTHERS = ("icmp-block", "icmp-type", "masquerade")
_WHAT = ("service", "port", "protocol", "source-port", "forward-port", "tcp-mss-clamp")


class Section:
    """``services`` and ``ipsets``: the XML of one by its name, or None when there is none."""

    def __init__(self, root: Element, services: Texts, ipsets: Texts) -> None:
        self.root, self.services, self.ipsets = root, services, ipsets

    def rules(self) -> list[Rule]:
        """All but the target."""
        rich = [(_priority(one), one) for one in self.root.iterfind("rule")]
        before = [one for _priority_of, one in sorted((p for p in rich if p[0] < 0), key=lambda pair: pair[0])]
        after = [one for _priority_of, one in sorted((p for p in rich if p[0] > 0), key=lambda pair: pair[0])]
        middle = [self._rich(one) for priority, one in rich if priority == 0]
        deny = [rule for rule in middle if rule.action != ACCEPT]
        allow = [rule for rule in middle if rule.action == ACCEPT]
        return [
            *(self._diverted()), *map(self._rich, before), *deny, *self._allowed(), *allow, *map(self._rich, after),
        ]  # fmt: skip

    def _diverted(self) -> list[Rule]:
        """Ports that are sent elsewhere, which happens before all else."""
        owners = [(self.root, ()), *((rule, tuple(self._where(rule))) for rule in self.root.iterfind("rule"))]
        return [
            Rule(DIVERT, conditions=(*where, _port(one, "dport")), text="a forward-port of firewalld")
            for owner, where in owners
            for one in owner.iterfind("forward-port")
        ]

    def _allowed(self) -> list[Rule]:
        conditions = [*self._of_ports(self.root)]
        conditions += [self._service(one.get("name", "")) for one in self.root.iterfind("service")]
        return [Rule(ACCEPT, conditions=(one,)) for one in conditions]

    def _of_ports(self, element: Element) -> list[Condition]:
        """Of ports, protocols and source ports that stand in a zone, a policy or a service."""
        found = [_port(one, "dport") for one in element.iterfind("port")]
        found += [_port(one, "sport") for one in element.iterfind("source-port")]
        found += [_protocol(one.get("value", "")) for one in element.iterfind("protocol")]
        return found

    def _service(self, name: str, depth: int = 0) -> Condition:
        """firewalld leaves a service out that it does not know."""
        text = self.services(name)
        if text is None:
            return Sure(False)
        try:
            root = ElementTree.fromstring(text) if "<!DOCTYPE" not in text else None
        except (ElementTree.ParseError, ValueError, RecursionError):
            root = None
        if root is None or depth > _DEEPEST:
            return Unsure(f"service {name}")
        own: Condition = AnyOf(tuple(self._of_ports(root)))
        destination = root.find("destination")
        if destination is not None:
            own = Every((own, _destinations(destination)))
        included = [self._service(one.get("service", ""), depth + 1) for one in root.iterfind("include")]
        return AnyOf((own, *included)) if included else own

    def _rich(self, rule: Element) -> Rule:
        """One without an action only logs."""
        conditions = [*self._where(rule), *self._what(rule)]
        for name, action in _ACTIONS.items():
            found = rule.find(name)
            if found is not None:
                if found.find("limit") is not None:
                    conditions.append(Unsure("a limit of a rich rule"))
                effects = (Effect("mark"),) if name == "mark" else ()
                return Rule(action, conditions=tuple(conditions), effects=effects, text=f"a rich rule with {name}")
        return Rule(PASS)

    def _where(self, rule: Element) -> list[Condition]:
        """Of the family and the addresses."""
        found: list[Condition] = []
        family = rule.get("family")
        if family is not None:
            found.append(Family(_FAMILIES[family]) if family in _FAMILIES else Unsure("family"))
        for side in _SIDES:
            element = rule.find(side)
            if element is not None:
                invert = element.get("invert", "no").lower() in ("yes", "true")
                condition = address_condition(element, side, self.ipsets)
                found.append(negated(condition, invert))
                if invert and isinstance(condition, Within):  # the other family is not the rest
                    found.append(Family(condition.family))
        return found

    def _what(self, rule: Element) -> list[Condition]:
        """None for all connections."""
        for element in rule:
            if element.tag in _OF_OTHERS:
                return [Sure(False)]
            if element.tag not in _WHAT:
                continue
            if element.tag == "service":
                return [self._service(element.get("name", ""))]
            if element.tag in ("port", "source-port"):
                return [_port(element, "dport" if element.tag == "port" else "sport")]
            if element.tag == "protocol":
                return [_protocol(element.get("value", ""))]
            return [Sure(False)]  # forward-port, which is looked at before, and what changes nothing
        return []


def address_condition(element: Element, side: str, ipsets: Texts) -> Condition:
    """Of a ``source`` or ``destination``: an address, a set or a hardware address."""
    where, name, address = _SIDES[side], element.get("ipset"), element.get("address")
    if name:
        return _ipset(name, where, ipsets(name))
    if not address:
        return Unsure("hardware address")
    found = _network(address)
    return Unsure(f"{side} {address}") if found is None else Within(where, [found[1]], found[0], f"{side} {address}")


def _ipset(name: str, side: str, text: t.Optional[str]) -> Condition:
    """Only sets of addresses; what changes by time is not known."""
    try:
        root = ElementTree.fromstring(text) if text and "<!DOCTYPE" not in text else None
    except (ElementTree.ParseError, ValueError, RecursionError):
        root = None
    if root is None or root.get("type") not in ("hash:ip", "hash:net"):
        return Unsure(f"ipset {name}")
    options = {one.get("name"): one.get("value") for one in root.iterfind("option")}
    if "timeout" in options:
        return Unsure(f"ipset {name}")
    family = 6 if options.get("family") == "inet6" else 4
    found = [_network(one.text or "") for one in root.iterfind("entry")]
    if any(one is None or one[0] != family for one in found):
        return Unsure(f"ipset {name}")
    return Within(side, [one[1] for one in found if one is not None], family, f"ipset {name}")


def _destinations(element: Element) -> Condition:
    """Of a service: addresses by family; a family that is not named is not restricted by a later firewalld only."""
    found: list[Condition] = []
    for name, family in _FAMILIES.items():
        address = element.get(name)
        network = _network(address) if address else None
        if network is not None and network[0] == family:
            found.append(Within("daddr", [network[1]], family, f"destination {address}"))
        else:
            found.append(Every((Family(family), Unsure("destination of a service"))))
    return AnyOf(tuple(found))


def _network(text: str) -> t.Optional[tuple[int, Interval]]:
    """The family, and the first and last address."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    return network.version, (int(network.network_address), int(network.broadcast_address))


def _port(element: Element, where: str) -> Condition:
    """A port without a number is all of the protocol's; what is no number is not known."""
    protocol, text = element.get("protocol", ""), element.get("port", "")
    if protocol not in ("tcp", "6"):
        return Sure(False)
    if not text:
        return Sure(True)
    try:
        low, _dash, high = text.partition("-")
        return Within(where, [(int(low), int(high or low))])
    except ValueError:
        return Unsure(f"port {text}"[:60])


def _protocol(value: str) -> Condition:
    return Sure(value in ("tcp", "6"))


def _priority(rule: Element) -> int:
    try:
        return int(rule.get("priority", "0"))
    except ValueError:
        return 0
