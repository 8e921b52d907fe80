# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The host's own firewall, as far as it can be read."""

from __future__ import annotations

import os
import re
import typing as t

from .._core.firewall import RuleSet, opening
from .._core.firewall_firewalld import parse_zone, zone_of
from .._core.firewall_iptables import parse_iptables
from .._core.firewall_nft import parse_nftables
from .._core.host_network import Firewall, PortOpening
from .files import Programs, names_in, read, read_int

# What an administrator changed comes before what the distribution ships.
_FIREWALLD = ("/etc/firewalld", "/usr/lib/firewalld")

Ranges = t.Mapping[str, tuple[int, int]]


def read_firewall(programs: Programs, ranges: Ranges, interface: str) -> Firewall:
    """``ranges``: the ports by purpose. ``interface``: where migrations arrive, which decides over firewalld's zone."""
    kind, rules = _rules(programs, interface)
    if rules is None:
        return Firewall(kind, [PortOpening(name, *ports, reason="unreadable") for name, ports in ranges.items()])
    return Firewall(kind, [opening(rules, name, *ports) for name, ports in ranges.items()])


def _rules(programs: Programs, interface: str) -> tuple[str, t.Optional[RuleSet]]:
    if _firewalld_runs():
        return "firewalld", _zone(interface)
    kind = "ufw" if re.search(r"^ENABLED=yes", read("/etc/ufw/ufw.conf") or "", re.MULTILINE) else ""
    text = programs.output("nft", "-j", "list", "ruleset")
    if text is not None:
        try:
            rules = parse_nftables(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            return kind or "nftables", None
        return kind or ("nftables" if rules.bases else "none"), rules
    text = programs.output("iptables-save", "-t", "filter")
    if text is None:
        return kind or "unknown", None
    rules = parse_iptables(text)
    return kind or ("iptables" if rules.bases else "none"), rules


def _firewalld_runs() -> bool:
    pid = read_int("/run/firewalld.pid")
    return pid is not None and os.path.exists(f"/proc/{pid}")


def _zone(interface: str) -> t.Optional[RuleSet]:
    """Its files, not its program, which takes half a second for a question. What was set at run time only is missed."""
    zones = _all("zones")
    settings = read(f"{_FIREWALLD[0]}/firewalld.conf") or ""
    default = re.search(r"^DefaultZone=(\S+)", settings, re.MULTILINE)
    zone = zones.get(zone_of(interface, zones, default[1] if default else "public"))
    return parse_zone(zone, lambda name: _one("services", name)) if zone is not None else None


def _all(folder: str) -> dict[str, str]:
    names = {name for base in _FIREWALLD for name in names_in(f"{base}/{folder}") if name.endswith(".xml")}
    found = {name[: -len(".xml")]: _one(folder, name[: -len(".xml")]) for name in names}
    return {name: text for name, text in found.items() if text is not None}


def _one(folder: str, name: str) -> t.Optional[str]:
    texts = (read(f"{base}/{folder}/{name}.xml") for base in _FIREWALLD)
    return next((text for text in texts if text is not None), None)
