# SPDX-License-Identifier: GPL-3.0-or-later

"""Rule sets of iptables, and what they make of migrations."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.ipset import IpSets
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.iptables import (
    parse_iptables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet_walk import (
    RuleSet,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import (
    Arrival,
    opening,
)

HERE = Arrival("10.231.1.12", "eth1", ["10.231.1.11"])


def iptables(*rules: str, policy: str = "DROP", tables: str = "", family: int = 4, sets: str = "") -> RuleSet:
    lines = ["*nat", ":INPUT DROP [0:0]", "COMMIT", tables, "*filter", f":INPUT {policy} [0:0]", ":own - [0:0]"]
    return parse_iptables("\n".join([*lines, *rules, "COMMIT"]), family, IpSets(sets) if sets else None)


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


MORE = ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",)
