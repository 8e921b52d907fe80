# SPDX-License-Identifier: GPL-3.0-or-later
"""What may become of a packet in the chains of a firewall.

A chain's result is the set of all that may come of it: where a condition cannot be told, both ways are followed. It is
worked out once for each chain and state, so that the time grows with the number of rules and not with the number of
ways through them.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .conditions import Condition, Every, Seen, text_of
from .packet import Packet, State

ACCEPT, DROP, RETURN, JUMP, GOTO, PASS = "accept", "drop", "return", "jump", "goto", "pass"
DIVERT = "divert"  # to another address or port, or to a program that decides: anything may come of it

_CONNTRACK = -200  # its priority: NF_IP_PRI_CONNTRACK
_DEEPEST = 64  # nft and iptables-nft refuse more than 16
_MOST_STATES = 6  # of marks, followed apart through a chain; a choice


@dataclass(frozen=True)
class Effect:
    """What a rule changes: ``what`` is mark, connmark, restore (mark from connmark), save or notrack.

    ``value`` None: to something that is not known; ``mask``: the bits that are cleared first.
    """

    what: str
    value: t.Optional[int] = None
    mask: int = 0xFFFFFFFF

    def on(self, state: State) -> State:
        if self.what == "notrack":
            return replace(state, tracked=False)
        if self.what == "restore":
            return replace(state, mark=state.connmark if self.value is not None else None)
        if self.what == "save":
            return replace(state, connmark=state.mark if self.value is not None else None)
        old = state.mark if self.what == "mark" else state.connmark
        if self.mask == 0xFFFFFFFF or self.value is None:
            new = self.value
        else:
            new = None if old is None else (old & ~self.mask) ^ self.value
        return replace(state, mark=new) if self.what == "mark" else replace(state, connmark=new)


@dataclass(frozen=True)
class Rule:
    """``conditions``: all must hold. ``target``: the chain of a jump. ``text``: for a reason."""

    action: str
    target: str = ""
    conditions: tuple[Condition, ...] = ()
    effects: tuple[Effect, ...] = ()
    text: str = ""
    every: Every = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", Every(self.conditions))


@dataclass(frozen=True)
class Base:
    """A chain that the kernel passes packets to. ``families``: of 4 and 6.

    ``is_certain``: False where it may be that packets do not pass it, for example those of a bridge.
    """

    chain: str
    hook: str = "input"
    priority: int = 0
    policy: str = ACCEPT
    families: tuple[int, ...] = (4, 6)
    is_certain: bool = True
    is_nat: bool = False


@dataclass
class RuleSet:
    """``problems``: by family, why what is known of the rules is not all of them."""

    bases: list[Base] = field(default_factory=list)
    chains: dict[str, list[Rule]] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)

    @classmethod
    def unreadable(cls, problem: str) -> RuleSet:
        return cls(problems={4: problem, 6: problem})

    def passed_by(self, packet: Packet) -> list[Base]:
        """In the order in which the packet passes them."""
        bases = [one for one in self.bases if packet.family in one.families and one.hook in packet.hooks]
        if packet.is_reply:  # nat only ever sees the first packet
            bases = [one for one in bases if not one.is_nat]
        return sorted(bases, key=lambda one: (packet.hooks.index(one.hook), one.priority))

    @property
    def sets_marks(self) -> bool:
        return any(rule.effects for chain in self.chains.values() for rule in chain)

    def join(self, other: RuleSet) -> RuleSet:
        """Names of chains must differ."""
        chains, problems = {**self.chains, **other.chains}, {**other.problems, **self.problems}
        return RuleSet([*self.bases, *other.bases], chains, problems)


Outcome = tuple[str, State]  # ACCEPT, DROP or RETURN, and the state then
Outcomes = dict[Outcome, str]  # with the first reason for each


class ExhaustedError(Exception):
    """The steps that were allowed are used up."""


class Walk:
    """One packet through a rule set. ``if_unsure``: what to take for a condition that cannot be told; None: both."""

    def __init__(
        self, rules: RuleSet, packet: Packet, steps: t.Optional[list[int]] = None, if_unsure: t.Optional[bool] = None
    ) -> None:
        self.rules, self.packet = rules, packet
        self.steps, self.if_unsure = steps, if_unsure
        self.is_tracked = True  # whether conntrack surely knows the connection in the end
        self.doubts: list[str] = []
        self.diverted: t.Optional[str] = None
        self._known: dict[tuple[str, State], Outcomes] = {}
        self._open: set[tuple[str, State]] = set()

    def result(self) -> dict[str, str]:
        """ACCEPT and DROP, as far as they are possible, each with a reason."""
        states: dict[State, str] = {State(connmark=self.packet.connmark): ""}
        found: dict[str, str] = {}
        for base in self.rules.passed_by(self.packet):
            after: dict[State, str] = {}
            is_early = base.hook in ("prerouting", "output") and base.priority <= _CONNTRACK
            for state in dict.fromkeys(replace(one, is_early=is_early) for one in _few(states)):
                for (ending, then), why in self._chain(base.chain, state, 0).items():
                    ends, reason = (base.policy, f"policy of {base.chain}") if ending == RETURN else (ending, why)
                    if ends == DROP:
                        found.setdefault(DROP, reason)
                    if ends != DROP or not base.is_certain:
                        after.setdefault(then, reason)
            states = after
        self.is_tracked = all(state.tracked for state in states)
        if states:
            found[ACCEPT] = next(iter(states.values()))
        return found if self.diverted is None else {ACCEPT: self.diverted, DROP: self.diverted}

    def _chain(self, name: str, state: State, depth: int) -> Outcomes:
        key = (name, state)
        if key in self._known:
            return self._known[key]
        if key in self._open or depth > _DEEPEST:
            self.doubts.append(f"chain {name}, which is nested too deep")
            return _anything(state, name)
        self._open.add(key)
        found = self._rules(name, state, depth)
        self._open.discard(key)
        self._known[key] = found
        return found

    def _rules(self, name: str, first: State, depth: int) -> Outcomes:
        states: dict[State, str] = {first: ""}
        found: Outcomes = {}
        rules = self.rules.chains.get(name)
        if rules is None:  # a target of which nothing is known
            rules = [Rule(DIVERT, text=name)]
        for rule in rules:
            after: dict[State, str] = {}
            for state in states:
                held = self._holds(rule, state)
                if held is not True:
                    after[state] = ""
                if held is not False:
                    for (ending, then), why in self._applied(rule, state, depth).items():
                        if ending == PASS:
                            after[then] = ""
                        else:
                            found.setdefault((ending, then), why)
            states = _few(after)
            if not states:
                break
        for state in states:
            found.setdefault((RETURN, state), f"end of {name}")
        return found

    def _holds(self, rule: Rule, state: State) -> t.Optional[bool]:
        if self.steps is not None:
            self.steps[0] -= rule.every.cost
            if self.steps[0] < 0:
                raise ExhaustedError
        seen = Seen(self.packet, state)
        held = rule.every.holds(seen)
        if held is None:
            if self.if_unsure is not None:
                return self.if_unsure
            if rule.action != PASS or rule.effects:
                self.doubts.extend(text_of(one) for one in rule.conditions if one.holds(seen) is None)
        return held

    def _applied(self, rule: Rule, state: State, depth: int) -> Outcomes:
        for effect in rule.effects:
            state = effect.on(state)
        if rule.action in (JUMP, GOTO):
            below = self._chain(rule.target, state, depth + 1)
            back = PASS if rule.action == JUMP else RETURN
            return {(back if ending == RETURN else ending, then): why for (ending, then), why in below.items()}
        if rule.action == DIVERT:
            self.doubts.append(rule.text)
            self.diverted = rule.text
            return {(PASS, state): ""}
        return {(rule.action, state): rule.text}


def _anything(state: State, why: str) -> Outcomes:
    unknown = replace(state, mark=None, connmark=None)
    return {(ACCEPT, unknown): why, (DROP, unknown): why, (RETURN, unknown): why}


def _few(states: dict[State, str]) -> dict[State, str]:
    """Many states become the one of which the marks are not known, so that the work stays bounded."""
    if len(states) <= _MOST_STATES:
        return states
    tracked = {state.tracked for state in states}
    first = next(iter(states))
    return {State(None, None, tracked.pop() if len(tracked) == 1 else None, first.is_early): ""}
