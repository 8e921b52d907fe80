# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What firewalld's permanent configuration lets in, by the zone of the migration interface."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .firewall import ACCEPT, DROP, Ports, Rule, RuleSet

_TARGETS = {"ACCEPT": ACCEPT, "%%REJECT%%": DROP, "DROP": DROP}


def parse_zone(xml: str, services: t.Callable[[str], t.Optional[str]]) -> RuleSet:
    """``services`` gives the XML of a service by its name, or None when there is none."""
    root = ElementTree.fromstring(xml)
    rules = [Rule(ACCEPT, ports=_ports(root))]
    for service in root.iterfind("service"):
        text = services(service.get("name", ""))
        if text is not None:
            rules.append(Rule(ACCEPT, ports=_ports(ElementTree.fromstring(text))))
    rules += [_rich(rule, services) for rule in root.iterfind("rule")]
    return RuleSet({"zone": _TARGETS.get(root.get("target", ""), DROP)}, {"zone": rules})


def zone_of(interface: str, zones: t.Mapping[str, str], default: str) -> str:
    """The zone that names the interface, or the default one."""
    for name, xml in sorted(zones.items()):
        root = ElementTree.fromstring(xml)
        if any(one.get("name") == interface for one in root.iterfind("interface")):
            return name
    return default


def _ports(element: ElementTree.Element) -> Ports:
    found = []
    for port in element.iterfind("port"):
        if port.get("protocol", "tcp") == "tcp" and port.get("port"):
            low, _dash, high = port.get("port", "").partition("-")
            found.append((int(low), int(high or low)))
    return found


def _rich(rule: ElementTree.Element, services: t.Callable[[str], t.Optional[str]]) -> Rule:
    source, service = rule.find("source"), rule.find("service")
    condition = f"source {source.get('address', '')}" if source is not None else ""
    action = ACCEPT if rule.find("accept") is not None else DROP
    text = services(service.get("name", "")) if service is not None else None
    ports = _ports(ElementTree.fromstring(text)) if text is not None else _ports(rule)
    if service is None and rule.find("port") is None:
        return Rule(action, condition=condition or "a rich rule")
    return Rule(action, ports=ports, condition=condition)
