# SPDX-License-Identifier: GPL-3.0-or-later

"""Zones of firewalld, and what they make of migrations."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.firewalld import (
    Firewalld,
    parse_firewalld,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet_walk import RuleSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import (
    Arrival,
    opening,
)

PORTS = "<port port='49152-49215' protocol='tcp'/>"


ZONE = """<zone target='{target}'>
  <interface name='eth1'/>
  <service name='ssh'/><service name='libvirt-tls'/><service name='unknown'/>
  <port port='49152-49215' protocol='tcp'/><port port='53' protocol='udp'/>
  <rule family='ipv4'><source address='10.0.0.0/8'/><port port='16509' protocol='tcp'/><accept/></rule>
</zone>"""


SERVICES = {
    "ssh": "<service><port port='22' protocol='tcp'/></service>",
    "libvirt-tls": "<service><port port='16514' protocol='tcp'/></service>",
    "movers": "<service><include service='ports'/><include service='none'/></service>",
    "ports": f"<service>{PORTS}</service>",
    "loop": "<service><include service='loop'/></service>",
    "odd": "<service>",
    "there": f"<service>{PORTS}<destination ipv4='10.231.1.12'/></service>",
    "elsewhere": f"<service>{PORTS}<destination ipv4='192.0.2.1'/></service>",
}


IPSETS = {
    "hosts": "<ipset type='hash:net'><entry>10.231.1.0/24</entry></ipset>",
    "six": "<ipset type='hash:net'><option name='family' value='inet6'/><entry>fd00::/8</entry></ipset>",
    "soon": "<ipset type='hash:ip'><option name='timeout' value='60'/></ipset>",
    "cards": "<ipset type='hash:mac'/>",
    "wrong": "<ipset type='hash:ip'><entry>fd00::1</entry></ipset>",
    "odd": "<ipset",
}


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


def zone(content: str, target: str = "default") -> str:
    return f"<zone target='{target}'>{content}</zone>"


def firewalld(zones: dict[str, str], interface: str = "eth1", **values: t.Any) -> RuleSet:
    return parse_firewalld(Firewalld(zones, services=SERVICES.get, ipsets=IPSETS.get, **values), interface)
