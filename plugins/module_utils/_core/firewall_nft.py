# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The ruleset of ``nft -j list ruleset`` as rules of :mod:`firewall`."""

from __future__ import annotations

import json
import typing as t

from .firewall import ACCEPT, DROP, GOTO, JUMP, PASS, RETURN, Ports, Rule, RuleSet

_FAMILIES = ("ip", "ip6", "inet")
_SILENT = {"counter", "log", "notrack", "mangle"}
_STATEMENTS = {"accept": ACCEPT, "drop": DROP, "reject": DROP, "return": RETURN}


class _NeverError(Exception):
    """No new TCP connection from elsewhere meets the rule."""


def parse_nftables(text: str) -> RuleSet:
    """ValueError when it is not what nft prints."""
    entries = json.loads(text)["nftables"]
    bases: dict[str, str] = {}
    chains: dict[str, list[Rule]] = {}
    for entry in entries:
        chain = entry.get("chain")
        if chain and chain.get("hook") == "input" and chain.get("type") == "filter" and chain["family"] in _FAMILIES:
            bases[_name(chain, chain["name"])] = _STATEMENTS.get(chain.get("policy", "accept"), ACCEPT)
        rule = entry.get("rule")
        if rule and rule["family"] in _FAMILIES:
            try:
                chains.setdefault(_name(rule, rule["chain"]), []).extend(_rules(rule))
            except _NeverError:
                continue
    return RuleSet(bases, chains)


def _name(owner: t.Mapping[str, t.Any], chain: str) -> str:
    return f"{owner['family']} {owner['table']} {chain}"


def _rules(rule: t.Mapping[str, t.Any]) -> list[Rule]:
    action, target, ports, conditions = PASS, "", t.cast("t.Optional[Ports]", None), []
    for expression in rule.get("expr", []):
        ((kind, value),) = expression.items()
        if kind in _STATEMENTS:
            action = _STATEMENTS[kind]
        elif kind in (JUMP, GOTO):
            action, target = kind, _name(rule, value["target"])
        elif kind == "match":
            found = _match(value)
            if isinstance(found, str):
                conditions += [found] if found else []
            else:
                ports = found
        elif kind == "vmap":
            return _verdict_map(value)
        elif kind not in _SILENT:
            conditions.append(f"{kind} {json.dumps(value)}"[:60])
    return [Rule(action, target, ports, " and ".join(conditions))]


def _verdict_map(value: t.Mapping[str, t.Any]) -> list[Rule]:
    """What a map says of new connections is not worked out: it may accept or drop them."""
    if value["key"].get("ct", {}).get("key") == "state" and '"new"' not in json.dumps(value["data"]):
        raise _NeverError
    return [Rule(action, condition="what a verdict map says") for action in (ACCEPT, DROP)]


def _match(match: t.Mapping[str, t.Any]) -> t.Union[str, Ports]:
    """The ports that it asks for, or a condition in words; none when every connection meets it."""
    left, right, is_equal = match["left"], match["right"], match.get("op", "==") in ("==", "in")
    payload, meta = left.get("payload", {}), left.get("meta", {})
    values = right if isinstance(right, list) else right.get("set", [right]) if isinstance(right, dict) else [right]
    if is_equal and payload.get("protocol") in ("tcp", "th") and payload.get("field") == "dport":
        return [_range(value) for value in values]
    if is_equal and payload.get("protocol") in ("udp", "icmp", "icmpv6", "sctp"):
        raise _NeverError
    if is_equal and (meta.get("key") == "l4proto" or payload.get("field") in ("protocol", "nexthdr")):
        if "tcp" not in values and 6 not in values:
            raise _NeverError
        return ""
    if is_equal and left.get("ct", {}).get("key") == "state":
        if "new" not in values:
            raise _NeverError
        return ""
    if is_equal and meta.get("key") in ("iifname", "iif") and values == ["lo"]:
        raise _NeverError
    if is_equal and meta.get("key") == "nfproto":
        return ""
    return f"{json.dumps(left)} {match.get('op', '==')} {json.dumps(right)}"[:100]


def _range(value: t.Any) -> tuple[int, int]:
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return int(low), int(high)
    return int(value), int(value)
