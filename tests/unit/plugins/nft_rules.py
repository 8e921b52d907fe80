# SPDX-License-Identifier: GPL-3.0-or-later

"""Rule sets of nftables in nft's JSON, and what they make of migrations."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.nftables import (
    parse_nftables,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet_walk import RuleSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import (
    Arrival,
    opening,
)

HERE = Arrival("10.231.1.12", "eth1", ["10.231.1.11"])


DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}


MARK = {"meta": {"key": "mark"}}


IIF = {"meta": {"key": "iifname"}}


STATE = {"ct": {"key": "state"}}


ACCEPT: dict[str, t.Any] = {"accept": None}


DROP: dict[str, t.Any] = {"drop": None}


RANGE = {"range": [49152, 49215]}


Expression = list[dict[str, t.Any]]


def match(left: t.Any, right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def rule(expression: Expression, chain: str = "input", family: str = "inet", table: str = "filter") -> dict[str, t.Any]:
    return {"rule": {"family": family, "table": table, "chain": chain, "expr": expression}}


def chain(name: str = "input", **values: t.Any) -> dict[str, t.Any]:
    base = {"family": "inet", "table": "filter", "name": name, "type": "filter", "hook": "input", "prio": 0}
    return {"chain": {**base, "policy": "accept", **values}}


USUAL = rule([match(STATE, ["established", "related"], "in"), ACCEPT])


def nft(*expressions: Expression, policy: str = "drop", more: t.Sequence[t.Any] = ()) -> RuleSet:
    rules = [rule(one) for one in expressions]
    return parse_nftables(json.dumps({"nftables": [{"metainfo": {}}, chain(policy=policy), USUAL, *rules, *more]}))


def verdict(rules: RuleSet, low: int = 49152, high: int = 49215, arrival: t.Optional[Arrival] = None) -> str:
    return opening(rules, "migration", low, high, arrival).verdict


SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}


def prefix(address: str, length: int) -> dict[str, t.Any]:
    return {"prefix": {"addr": address, "len": length}}
