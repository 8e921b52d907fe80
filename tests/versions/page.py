# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation: which test passes on which versions, from what is kept alone."""

from __future__ import annotations

import typing as t
from collections import Counter

from ..gauntlet.table import head, rows, span, title
from .pairs import PAIRS
from .results import CANNOT_BE, FAILED, PASSED, Case

_HOW = """
The tests of the lab, with real libvirtd and QEMU, on hosts that have other versions. A pair of two releases runs the
tests of migrations, rescue and readiness only. *Testing* is what Debian's testing was on the day.

To repeat it (the first run makes the systems, two minutes each; a whole pair takes an hour, and its faults two more):

.. code-block:: console

    $ make versions
    $ tests/run/versions --only trixie-trixie --tests tests/integration/test_postcopy.py
    $ tests/run/versions --page
"""
_CELLS = """
In a cell is how many of the tests of a file passed, of those that were run. Tests that skip themselves there, since
these versions cannot do what they show, are not counted; they are in the table below, with the reason.
"""

Results = t.Mapping[str, t.Sequence[Case]]


def count(cases: t.Iterable[Case], outcome: str) -> int:
    return sum(case.outcome == outcome for case in cases)


def summary(results: Results) -> str:
    counts = Counter(case.outcome for cases in results.values() for case in cases)
    return f"{len(results)} pairs: " + ", ".join(f"{counts[each]} {each}" for each in (PASSED, FAILED, CANNOT_BE))


def plain(text: str) -> str:
    """Without what reStructuredText would take for markup."""
    return text.replace("\\", "/").replace("`", "'").replace("*", "").replace("|", "/").replace("_", "\\_")


def cell(cases: t.Sequence[Case]) -> str:
    run = [case for case in cases if case.outcome != CANNOT_BE]
    return f"{count(run, PASSED)} of {len(run)}" if run else ""


def pair_line(name: str, cases: t.Sequence[Case]) -> list[str]:
    if not cases:
        return [name, "not run", "", "", "", ""]
    hosts = [" to ".join(dict.fromkeys(case.hosts)) for case in cases]
    measured = span(case.at for case in cases)
    commits = ", ".join(dict.fromkeys(case.commit for case in cases))
    counts = [str(count(cases, outcome)) for outcome in (PASSED, FAILED, CANNOT_BE)]
    return [name, "; ".join(dict.fromkeys(hosts)), *counts, f"{measured}: {commits}"]


def text(results: Results) -> str:
    found = {pair: results.get(pair.name, ()) for pair in PAIRS}
    run = {pair: cases for pair, cases in found.items() if cases}
    files = sorted({case.file for cases in run.values() for case in cases})
    table = [[file, *(cell([case for case in cases if case.file == file]) for cases in run.values())] for file in files]
    others = [
        [f"{case.file}: {plain(case.name)}", pair.title, case.outcome, plain(case.why)]
        for pair, cases in run.items()
        for case in cases
        if case.outcome != PASSED
    ]
    parts = [
        head("tests/run/versions", "versions"),
        title("Versions of libvirt and QEMU", "="),
        _HOW.strip() + "\n",
        rows(
            ["From and to", "Versions", "Passed", "Failed", "Cannot be", "Measured"],
            [pair_line(pair.title, cases) for pair, cases in found.items()],
        ),
    ]
    if run:
        parts += [title("Each file of tests", "-"), _CELLS.strip() + "\n"]
        parts.append(rows(["Tests", *(pair.title for pair in run)], table))
    if others:
        parts += [title("What did not pass, and why", "-"), rows(["Test", "Versions", "", "Why"], others)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)
