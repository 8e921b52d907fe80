# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``iptables-save`` prints as rules of :mod:`firewall`: all tables that a packet to this host passes.

An option that is not known makes a rule's condition one that cannot be told; so does a target that is not known for
all that may come of the packet. Options: iptables-extensions(8).
"""

from __future__ import annotations

import re
import shlex
import typing as t

from .conditions import Condition, Unsure, negated
from .ipset import IpSets
from .iptables_match import OPTIONS, TESTS, Options
from .packet_walk import ACCEPT, DIVERT, DROP, GOTO, JUMP, PASS, RETURN, Base, Effect, Rule, RuleSet

# The priorities of the tables in the hooks, from the kernel's netfilter_ipv4.h.
_TABLES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input", "OUTPUT": "output", "POSTROUTING": "postrouting"}
_TARGETS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": DROP, "RETURN": RETURN, "SNAT": ACCEPT, "MASQUERADE": ACCEPT}
_SILENT = (
    "LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "CLASSIFY", "TCPMSS", "TCPOPTSTRIP", "DSCP", "TOS", "ECN", "TTL", "HL",
    "CHECKSUM", "CONNSECMARK", "SECMARK", "RATEEST", "LED", "IDLETIMER", "TEE", "SET", "CONNMARK", "MARK", "CT",
    "NOTRACK",
)  # fmt: skip
_TARGETS.update(dict.fromkeys(_SILENT, PASS))
_QUOTING = frozenset("\"'\\")
_CHAIN = re.compile(r"^:(\S+) (\S+)")


def parse_iptables(text: str, family: int = 4, sets: t.Optional[IpSets] = None, prefix: str = "") -> RuleSet:
    """``sets``: those of ipset; ``prefix``: before the names of chains, which differ from those of other texts then."""
    reader = _Reader(family, sets or IpSets(None), prefix)
    for line in text.split("\n"):
        reader.line(line)
    return reader.rules


def tables_in(text: str) -> list[str]:
    """Names of the tables that are printed in full."""
    return re.findall(r"^\*(\w+)\s*$", text, re.MULTILINE)


class _Reader:
    def __init__(self, family: int, sets: IpSets, prefix: str) -> None:
        self.family, self.sets, self.prefix = family, sets, prefix
        self.rules = RuleSet()
        self.table = ""

    def line(self, line: str) -> None:
        if line.startswith("*"):
            self.table = line[1:].strip()
        elif line.startswith("COMMIT"):
            self.table = ""
        elif self.table and self.table not in _TABLES:
            return
        elif not self.table and line.strip() and not line.startswith("#"):
            self._odd("line")
        elif line.startswith(":"):
            self._chain(line)
        elif line.startswith(("-A", "[")):
            self._rule(line)
        elif line.strip() and not line.startswith("#"):
            self._odd("line")

    def _odd(self, what: str) -> None:
        self.rules.problems[self.family] = f"a {what} of iptables that is not understood"

    def _chain(self, line: str) -> None:
        found = _CHAIN.match(line)
        if found is None:
            self._odd("chain")
            return
        name, policy = found.groups()
        self.rules.chains.setdefault(self._name(name), [])
        hook = _HOOKS.get(name)
        if hook is not None:
            # No packet ends at the policy of nat, which only ever sees what it may write over.
            ends = ACCEPT if self.table == "nat" else _TARGETS.get(policy, ACCEPT)
            priority = 100 if (self.table, name) == ("nat", "INPUT") else _TABLES[self.table]
            is_nat = self.table == "nat"
            self.rules.bases.append(Base(self._name(name), hook, priority, ends, (self.family,), is_nat=is_nat))

    def _name(self, chain: str) -> str:
        return f"{self.prefix}{chain}" if self.table == "filter" else f"{self.prefix}{self.table} {chain}"

    def _rule(self, line: str) -> None:
        line = re.sub(r"^\[\d+:\d+\] ", "", line)
        try:
            words = shlex.split(line) if _QUOTING.intersection(line) else line.split()
            name, words = words[1], words[2:]
        except (ValueError, IndexError):
            self._odd("rule")
            return
        rule = RuleWords(words, self.family, self.sets, self._name, line).read()
        self.rules.chains.setdefault(self._name(name), []).append(rule)


class RuleWords:
    """The words of one rule."""

    def __init__(self, words: list[str], family: int, sets: IpSets, name: t.Callable[[str], str], text: str) -> None:
        self.words, self.name, self.text = words, name, text
        self.options = Options(family, sets)
        self.conditions: list[Condition] = []
        self.module = ""

    def read(self) -> Rule:
        try:
            return self._read()
        except ValueError:
            return Rule(DIVERT, text=f"{self.text}, which is not understood")

    def _read(self) -> Rule:
        at = 0
        while at < len(self.words):
            word = self.words[at]
            if word in ("-j", "-g", "--jump", "--goto"):
                return self._ending(word, self.words[at + 1 :])
            is_negated = word == "!"
            at += is_negated
            option = self.words[at] if at < len(self.words) else ""
            if not option.startswith("-") or option in ("-j", "-g"):
                raise ValueError(option)
            arguments = self._arguments(option, at + 1)
            self._option(option, arguments, is_negated)
            at += 1 + len(arguments)
        return Rule(PASS, "", tuple(self.conditions), text=self.text)

    def _arguments(self, option: str, at: int) -> list[str]:
        """As many as the option takes, or all up to the next one."""
        count = OPTIONS.get(option)
        if count is not None:
            found = self.words[at : at + count]
            if len(found) < count or (option != "--comment" and any(one.startswith("-") for one in found)):
                raise ValueError(option)
            return found
        end = at
        while end < len(self.words) and self.words[end] != "!" and not self.words[end].startswith("-"):
            end += 1
        return self.words[at:end]

    def _option(self, option: str, arguments: list[str], is_negated: bool) -> None:
        words = " ".join([option, *arguments])
        if option == "-m":
            self.module = "".join(arguments)
        # Both modules call their option so.
        test = TESTS.get("--connmark" if (option, self.module) == ("--mark", "connmark") else option)
        try:
            found = test(self.options, *arguments) if test is not None else Unsure(words)
        except (ValueError, TypeError, IndexError):
            found = Unsure(words)
        if found is not None:
            self.conditions.append(negated(found, is_negated))

    def _ending(self, word: str, rest: list[str]) -> Rule:
        target, options = (rest[0], rest[1:]) if rest else ("", [])
        if target in _TARGETS:
            return self._made(_TARGETS[target], effects=_effects(target, options))
        if not target or target in _DIVERTING:
            return self._made(DIVERT)
        return self._made(GOTO if word in ("-g", "--goto") else JUMP, self.name(target))

    def _made(self, action: str, target: str = "", effects: tuple[Effect, ...] = ()) -> Rule:
        return Rule(action, target, tuple(self.conditions), effects, self.text)


_DIVERTING = ("DNAT", "REDIRECT", "TPROXY", "NETMAP", "QUEUE", "NFQUEUE", "SYNPROXY", "CLUSTERIP", "TARPIT", "SAME")


def _effects(target: str, options: list[str]) -> tuple[Effect, ...]:
    """What MARK, CONNMARK and CT change."""
    if target == "NOTRACK" or (target == "CT" and "--notrack" in options):
        return (Effect("notrack"),)
    if target not in ("MARK", "CONNMARK"):
        return ()
    if "--restore-mark" in options or "--save-mark" in options:
        what = "restore" if "--restore-mark" in options else "save"
        plain = all(mask.lower() == "0xffffffff" for mask in options if mask.startswith("0x"))
        return (Effect(what, 0 if plain else None),)
    what = "mark" if target == "MARK" else "connmark"
    if len(options) == 2 and options[0] == "--set-xmark":
        try:
            value, _slash, mask = options[1].partition("/")
            return (Effect(what, int(value, 0), int(mask or "0xffffffff", 0)),)
        except ValueError:
            pass
    return (Effect(what),)
