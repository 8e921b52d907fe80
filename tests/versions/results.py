# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of each test on each pair of versions: read from the files of a run, and kept with the tests, a file for
each pair, so that a pair need not be run at once nor on one machine."""

from __future__ import annotations

import json
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

PASSED, FAILED, CANNOT_BE = "passed", "failed", "cannot be"
_OUTCOMES = {"failure": FAILED, "error": FAILED, "skipped": CANNOT_BE}
_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Case:
    """The last run of one test: where it is, what came of it and why, and on what.

    ``hosts``: versions of both hosts, such as `libvirt 11.3.0, QEMU 10.0.11`; ``at``: a day, as in 2026-11-30.
    """

    file: str
    name: str
    outcome: str
    why: str
    hosts: tuple[str, ...]
    at: str
    commit: str


def first_line(text: str) -> str:
    return next((each.strip() for each in text.splitlines() if each.strip()), "")[:_MOST_CHARACTERS]


def from_a_run(directory: Path) -> list[Case]:
    """Of the tests that a run has ended with; none where it has not ended."""
    facts_file = directory / "facts.json"
    if not facts_file.exists():
        return []
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    run = {"hosts": tuple(facts["hosts"]), "at": facts["at"], "commit": facts["commit"]}
    found = []
    for path in sorted((directory / "integration").glob("*.xml")):
        for element in ElementTree.parse(path).iter("testcase"):
            file = (element.get("classname") or "").rsplit(".", 1)[-1]
            broken = next((child for child in element if child.tag in _OUTCOMES), None)
            outcome = PASSED if broken is None else _OUTCOMES[broken.tag]
            why = "" if broken is None else first_line(broken.get("message") or broken.text or "")
            found.append(Case(file, element.get("name") or "", outcome, why, **run))
    return found


def kept(path: Path) -> list[Case]:
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Case(**{**row, "hosts": tuple(row["hosts"])}) for row in rows]


def keep(path: Path, cases: t.Iterable[Case]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(case)) + "\n" for case in cases), encoding="utf-8")


def latest(cases: t.Iterable[Case]) -> list[Case]:
    """The last of the runs of each test, in the order of files and names."""
    found = {(case.file, case.name): case for case in cases}
    return [found[key] for key in sorted(found)]
