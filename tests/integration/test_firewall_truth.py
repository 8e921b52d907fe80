# SPDX-License-Identifier: GPL-3.0-or-later
"""What the product reads out of a firewall, compared with connections that are really made.

Never "open" where a connection does not come about, never "closed" where one does. "Not known" is allowed, and counted.
"""

from __future__ import annotations

import typing as t
from collections import Counter

import pytest
from firewalls.managed import Zones, ufw
from firewalls.rule_sets import script
from firewalls.spaces import OF_UFW, PORTS, SOURCES, Spaces, spaces

MANY = 100
KNOWN = ("open", "closed")
# Of many; one of a few says nothing.
MOST_UNKNOWN, MOST_OF_FEW = 0.1, 0.3


@pytest.fixture(scope="module")
def two() -> t.Iterator[Spaces]:
    with spaces() as found:
        yield found


class Comparison:
    """``counts``: of verdicts for one port, source and family, by what they are."""

    def __init__(self, two: Spaces) -> None:
        self.two = two
        self.counts: Counter[str] = Counter()
        self.sets = 0
        self.sets_unknown = 0
        self.wrong: list[str] = []
        self.doubts: list[str] = []

    def look(self, name: str, files_only: bool = False) -> None:
        """At the rules that are there now."""
        reached = self.two.reached()
        asked = [(family, source) for family in (4, 6) for source in (*SOURCES[family], "")]
        doubts = []
        for (family, source), openings in zip(asked, self.two.verdicts(asked, files_only)):
            if source:
                doubts += self._compare(f"{name} from {source}", openings, reached[family][source])
            else:
                self._compare_all(f"{name} IPv{family}", openings["migration"], reached[family])
        self.sets += 1
        if doubts:
            self.sets_unknown += 1
            self.doubts.append(f"{name}: {doubts[0]}")

    def _compare(self, name: str, openings: dict[str, t.Any], reached: dict[int, bool]) -> list[str]:
        """Why some are not known."""
        for port in PORTS:
            opening = openings[str(port)]
            self.counts[opening["verdict"]] += 1
            if opening["verdict"] == ("closed" if reached[port] else "open"):
                self.wrong.append(f"{name} to {port}: {opening['verdict']} ({opening['reason']})")
        return [openings[str(port)]["reason"] for port in PORTS if openings[str(port)]["verdict"] not in KNOWN]

    def _compare_all(self, name: str, opening: dict[str, t.Any], reached: dict[str, dict[int, bool]]) -> None:
        answers = [answer for ports in reached.values() for answer in ports.values()]
        if (opening["verdict"] == "open" and not all(answers)) or (opening["verdict"] == "closed" and any(answers)):
            self.wrong.append(f"{name}: {opening['verdict']} ({opening['reason']})")

    def check(self, most_unknown: float) -> None:
        share = self.sets_unknown / self.sets
        print(f"{self.sets} rule sets, {dict(self.counts)}, {self.sets_unknown} with something not known: {share:.1%}")
        print("\n".join(self.doubts))
        assert self.wrong == []
        assert share < most_unknown


def compare(two: Spaces, scripts: t.Mapping[str, str], files_too: bool = False) -> None:
    """``files_too``: as well as what the kernel has, what firewalld's files say."""
    comparison = Comparison(two)
    for name, text in scripts.items():
        if not files_too:
            two.clear()
        two.host.shell(text)
        comparison.look(name)
        if files_too:
            comparison.look(f"{name} by its files", files_only=True)
    comparison.check(MOST_UNKNOWN if len(scripts) >= MANY else MOST_OF_FEW)


@pytest.mark.fast
def test_some_rule_sets(two: Spaces) -> None:
    compare(two, {f"seed {seed}": script(seed) for seed in range(16)})


@pytest.mark.wide
def test_many_rule_sets(two: Spaces) -> None:
    compare(two, {f"seed {seed}": script(seed) for seed in range(100, 460)})


@pytest.fixture(scope="module")
def managed() -> t.Iterator[Spaces]:
    """A host with files of ufw of its own."""
    with spaces() as found:
        found.own_files(OF_UFW)
        yield found


def test_ufw(managed: Spaces) -> None:
    compare(managed, {f"ufw {seed}": ufw(seed) for seed in range(2)})


@pytest.mark.wide
def test_ufw_at_length(managed: Spaces) -> None:
    compare(managed, {f"ufw {seed}": ufw(seed) for seed in range(10, 30)})


@pytest.fixture(scope="module")
def firewalld(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Spaces]:
    with spaces() as found:
        found.start_firewalld(tmp_path_factory.mktemp("firewalld"))
        yield found


def test_firewalld(firewalld: Spaces) -> None:
    compare(firewalld, {f"firewalld {seed}": Zones(seed).script() for seed in range(2)}, files_too=True)


@pytest.mark.wide
def test_firewalld_at_length(firewalld: Spaces) -> None:
    compare(firewalld, {f"firewalld {seed}": Zones(seed).script() for seed in range(10, 30)}, files_too=True)
