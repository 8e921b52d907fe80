# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The filter table of ``iptables-save`` as rules of :mod:`firewall`."""

from __future__ import annotations

import shlex
import typing as t

from .firewall import ACCEPT, DROP, GOTO, JUMP, PASS, RETURN, Ports, Rule, RuleSet

_TARGETS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": DROP, "RETURN": RETURN, "LOG": PASS, "NFLOG": PASS, "MARK": PASS}
_TARGETS.update({"CONNMARK": PASS, "TRACE": PASS, "AUDIT": PASS, "CT": PASS})
_MODULES = ("tcp", "multiport", "comment", "state", "conntrack", "addrtype")
_STATES = ("--state", "--ctstate")


def parse_iptables(text: str) -> RuleSet:
    bases: dict[str, str] = {}
    chains: dict[str, list[Rule]] = {}
    in_filter = False
    for line in text.splitlines():
        if line.startswith("*"):
            in_filter = line.strip() == "*filter"
        elif in_filter and line.startswith(":INPUT "):
            bases["INPUT"] = _TARGETS.get(line.split()[1], ACCEPT)
        elif in_filter and line.startswith("-A "):
            name, rule = _rule(line)
            if rule is not None:
                chains.setdefault(name, []).append(rule)
    return RuleSet(bases, chains)


def _rule(line: str) -> tuple[str, t.Optional[Rule]]:
    """None for a rule that no new TCP connection from elsewhere meets."""
    words = shlex.split(line)
    name, words = words[1], words[2:]
    action, target, ports, conditions = PASS, "", t.cast("t.Optional[Ports]", None), []
    while words:
        word = words.pop(0)
        negated = word == "!"
        if negated:
            word = words.pop(0)
        value = _arguments(words)
        first = value[0] if value else ""
        if word in ("-j", "-g"):
            action = _TARGETS.get(first, GOTO if word == "-g" else JUMP)
            target = first
            break  # the options of a target follow
        if word == "-p" and not negated:
            if first not in ("tcp", "6", "all"):
                return name, None
        elif word in ("--dport", "--dports", "--destination-port") and not negated:
            ports = _ports(first)
        elif word in _STATES and not negated:
            if "NEW" not in first.split(","):
                return name, None
        elif word == "-i" and first == "lo" and not negated:
            return name, None
        elif word in ("--comment", "--tcp-flags", "--syn") or (word == "-m" and first in _MODULES):
            continue
        else:
            conditions.append(" ".join((["!"] if negated else []) + [word, *value]))
    return name, Rule(action, target, ports, " ".join(conditions), line)


def _arguments(words: list[str]) -> list[str]:
    found = []
    while words and not words[0].startswith("-") and words[0] != "!":
        found.append(words.pop(0))
    return found


def _ports(text: str) -> Ports:
    found = []
    for part in text.split(","):
        low, _colon, high = part.partition(":")
        found.append((int(low or 0), int(high or (low if not _colon else 65535))))
    return found
