# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation: which test passes on which versions, from the files of results alone."""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..gauntlet.table import head, rows, title
from .pairs import PAIRS

_HOW = """
The tests of the lab, with real libvirtd and QEMU, on hosts that have other versions. A pair of two releases runs the
tests of migrations, rescue and readiness only. *Testing* is what Debian's testing was on the day.

To repeat it (the first run makes the systems, two minutes each; a whole pair takes about 40 minutes):

.. code-block:: console

    $ make versions
"""


@dataclass(frozen=True)
class Case:
    """One test on one pair: its file and name, `passed`, `failed` or `cannot be`, and why."""

    test: str
    outcome: str
    why: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one pair."""

    facts: dict[str, t.Any]
    cases: tuple[Case, ...]

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def first_line(text: str) -> str:
    """The message of a failure in one line, without what reStructuredText would take for markup."""
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return (
        line.replace("\\\\", "\\\\\\\\")
        .replace("`", "'")
        .replace("*", "")
        .replace("|", "/")
        .replace("_", "\\\\_")[:200]
    )


def case_of(element: ElementTree.Element) -> Case:
    name = f"{(element.get('classname') or '').rsplit('.', 1)[-1]}: {element.get('name')}"
    for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "cannot be")):
        found = element.find(tag)
        if found is not None:
            return Case(name, outcome, first_line(found.get("message") or found.text or ""))
    return Case(name, "passed")


def read(directory: Path) -> t.Optional[Result]:
    facts = directory / "facts.json"
    if not facts.exists():
        return None
    cases = [
        case_of(element)
        for path in sorted((directory / "integration").glob("*.xml"))
        for element in ElementTree.parse(path).iter("testcase")
    ]
    return Result(json.loads(facts.read_text(encoding="utf-8")), tuple(cases))


def summary(results: t.Mapping[str, Result]) -> str:
    counts = Counter(case.outcome for result in results.values() for case in result.cases)
    return f"{len(results)} pairs: " + ", ".join(f"{counts[each]} {each}" for each in ("passed", "failed", "cannot be"))


def text(results: t.Mapping[str, Result]) -> str:
    lines, others = [], []
    for pair in PAIRS:
        result = results.get(pair.name)
        if result is None:
            lines.append([pair.title, "not run", "", "", "", ""])
            continue
        facts = result.facts
        hosts = "; ".join(dict.fromkeys(facts["hosts"]))
        counts = [str(result.count(outcome)) for outcome in ("passed", "failed", "cannot be")]
        lines.append([pair.title, hosts, *counts, f"{facts['at']}, {facts['commit']}"])
        others += [[case.test, pair.title, case.outcome, case.why] for case in result.cases if case.outcome != "passed"]
    parts = [head("tests/run/versions", "versions"), title("Versions of libvirt and QEMU", "="), _HOW.strip() + "\n"]
    parts.append(rows(["From and to", "Versions", "Passed", "Failed", "Cannot be", "Measured"], lines))
    if others:
        parts += [title("What did not pass, and why", "-"), rows(["Test", "Versions", "", "Why"], others)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)
