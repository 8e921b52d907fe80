# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a step of "make test": how many tests passed and failed, and which."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path
from xml.etree import ElementTree

# In the log of a step that does not run pytest: with its place, or called an error.
FAULT = re.compile(r"(ERROR|FATAL)\b|In \S+ line \d+:|\S+:\d+: |\S+:\d+:\d+: |(.*\s|)error(:|\s\s)")
MOST_TOLD = 5  # of what failed, for each step


class Counts(t.NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    repeated: int = 0

    def add(self, other: Counts) -> Counts:
        return Counts(*(mine + its for mine, its in zip(self, other)))

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        if self.skipped:
            text += f", {self.skipped} skipped"
        return f"{text}, {self.repeated} run twice since libvirtd crashed" if self.repeated else text


def count_tests(directory: Path) -> Counts:
    total = Counts()
    for file in directory.glob("*.xml"):
        for case in ElementTree.parse(file).iter("testcase"):
            outcomes = {child.tag for child in case}
            if any(each.get("name") == "repeated" for each in case.iter("property")):
                total = total.add(Counts(repeated=1))
            if outcomes & {"failure", "error"}:
                total = total.add(Counts(failed=1))
            elif "skipped" in outcomes:
                total = total.add(Counts(skipped=1))
            else:
                total = total.add(Counts(passed=1))
    return total


def failures(junit: t.Optional[Path], log: Path) -> list[str]:
    """What failed in a step, for the end of the output, which is often all that is kept of it: the names of tests, or
    what its log calls an error, or how that ends."""
    found = []
    for file in junit.glob("*.xml") if junit else ():
        for case in ElementTree.parse(file).iter("testcase"):
            broken = next((child for child in case if child.tag in ("failure", "error")), None)
            if broken is not None:
                said = " ".join((broken.get("message") or "").split())
                found.append(f"{case.get('classname', '')}.{case.get('name', '')}: {said}")
    if not found:
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
        found = [line for line in lines if FAULT.match(line)] or [line for line in lines if line][-MOST_TOLD:]
    more = [f"... and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
    return [each[:300] for each in [*found[:MOST_TOLD], *more]]
