# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Whether a firewall lets new TCP connections to a port in, as far as its rules tell.

A rule that depends on more than the port (a source network, an interface, a match that is not understood) may let a
peer in or not: then the answer is ``partly`` where the rest says closed, and ``unknown`` where it says open.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .host_network import PortOpening

OPEN, PARTLY, CLOSED, UNKNOWN = "open", "partly", "closed", "unknown"
ACCEPT, DROP, RETURN, JUMP, GOTO, PASS = "accept", "drop", "return", "jump", "goto", "pass"

Ports = t.Sequence[tuple[int, int]]
_DEEPEST = 16


@dataclass(frozen=True)
class Rule:
    """``ports``: None for all. ``condition``: what else must hold, in words; empty when nothing else."""

    action: str
    target: str = ""
    ports: t.Optional[Ports] = None
    condition: str = ""
    text: str = ""

    def concerns(self, port: int) -> bool:
        return self.ports is None or any(low <= port <= high for low, high in self.ports)


@dataclass(frozen=True)
class RuleSet:
    """``bases``: the chains that an arriving packet passes, each with what happens at its end."""

    bases: t.Mapping[str, str] = field(default_factory=dict)
    chains: t.Mapping[str, t.Sequence[Rule]] = field(default_factory=dict)


class _Walk:
    def __init__(self, rules: RuleSet, port: int) -> None:
        self.rules, self.port = rules, port
        self.maybe_accepted: t.Optional[Rule] = None
        self.maybe_dropped: t.Optional[Rule] = None

    def chain(self, name: str, sure: bool = True, depth: int = 0) -> t.Optional[str]:
        """ACCEPT or DROP when that is certain, GOTO when a chain ended in place of its caller, else None."""
        if depth > _DEEPEST:
            return None
        for rule in self.rules.chains.get(name, ()):
            if not rule.concerns(self.port):
                continue
            certain = sure and not rule.condition
            if rule.action in (JUMP, GOTO):
                found = self.chain(rule.target, certain, depth + 1)
                if found or (rule.action == GOTO and certain):
                    return found or GOTO
            elif rule.action == RETURN:
                if not rule.condition:
                    return None
            elif rule.action in (ACCEPT, DROP):
                if certain:
                    return rule.action
                if rule.action == ACCEPT:
                    self.maybe_accepted = self.maybe_accepted or rule
                else:
                    self.maybe_dropped = self.maybe_dropped or rule
                if not rule.condition:  # the chain ends here for whoever came into it
                    return None
        return None


def _verdict(rules: RuleSet, port: int) -> tuple[str, str]:
    """Every base chain must let the packet pass."""
    worst, why = OPEN, ""
    for name, policy in rules.bases.items():
        walk = _Walk(rules, port)
        found = walk.chain(name)
        accepted = (found or policy) != DROP if found != GOTO else policy != DROP
        if not accepted and walk.maybe_accepted is not None:
            one, reason = PARTLY, f"only where {walk.maybe_accepted.condition or 'a chain above'} holds"
        elif not accepted:
            one, reason = CLOSED, f"{name} drops it"
        elif walk.maybe_dropped is not None:
            one, reason = UNKNOWN, f"dropped where {walk.maybe_dropped.condition or 'a chain above'} holds"
        else:
            one, reason = OPEN, ""
        if _ORDER.index(one) > _ORDER.index(worst):
            worst, why = one, reason
    return worst, why


_ORDER = (OPEN, UNKNOWN, PARTLY, CLOSED)


def opening(rules: RuleSet, purpose: str, port_min: int, port_max: int) -> PortOpening:
    """The verdict for a range: that of its ports if they agree."""
    found = [_verdict(rules, port) for port in _samples(rules, port_min, port_max)]
    verdicts, reasons = {one[0] for one in found}, [one[1] for one in found if one[1]]
    reason = reasons[0] if reasons else ""
    if len(verdicts) == 1:
        return PortOpening(purpose, port_min, port_max, verdicts.pop(), reason)
    reason = "not all of its ports are let in" if CLOSED in verdicts else reason
    return PortOpening(purpose, port_min, port_max, PARTLY if CLOSED in verdicts else UNKNOWN, reason)


def _samples(rules: RuleSet, port_min: int, port_max: int) -> list[int]:
    """One port between any two edges of the rules stands for all of them."""
    edges = {port_min}
    for chain in rules.chains.values():
        for rule in chain:
            for low, high in rule.ports or ():
                edges |= {low, high + 1}
    return sorted(edge for edge in edges if port_min <= edge <= port_max)
