# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation: what was seen of each kind of fault in each phase, from ``seen.jsonl`` alone.

A row of the results is one test that has passed: the guest came back whole and alone, or was told to be lost, and the
message was the expected one.
"""

from __future__ import annotations

import json
import os
import typing as t
from collections import Counter
from pathlib import Path

from ..gauntlet.table import head, rows, span, title

SEEN = "tests/faults/seen.jsonl"
PAGE = "docs/docsite/rst/faults.rst"

Row = t.Mapping[str, t.Any]
Key = tuple[str, str, str]  # kind, phase, module

# As the tests name them, and as people do; in the order in which a migration comes to them.
PHASES = {
    "before": "measuring",
    "setup": "set-up",
    "disk copied": "disks copied",
    "precopy": "first pass",
    "later pass": "later pass",
    "switch-over": "switch-over",
    "postcopy": "post-copy",
    "paused": "post-copy broken",
    "during recovery": "being joined again",
}
EACH_CALL = "each call"  # the phase of harm that was done before and after each call of a module
_POINTS = """
Before and after each call into libvirt and each write of a file that a module makes, it is killed, its connections to
the daemons are cut, or the controller is killed: of each kind of call at the first, the second and the last. The calls
are counted in a run that nothing disturbs. Then it is run again, and the end has to be the same: where guests are and
with which memory, what is noted of their homes, what is in the files. *Not reached* is a call that was not made in that
run. A module whose connection was cut may also end well by itself, or fail with a reason that is true.
"""
_HOW = """
Each test brings a guest, which rewrites its memory all the time, into a phase of its migration on real libvirtd and
QEMU (``tests/lab``), does the harm, and looks at what the module tells and at what is left. Then the same task is run
again, as everybody is told to. In the end the guest has to run on one host only, its memory is compared with what it
must be, and no second copy of it may have written a heartbeat. Here is only what was seen in this way; a test that did
not pass is not in the table.

To repeat it, all of it or a part:

.. code-block:: console

    $ make faults
    $ tests/run/faults -k "stream and postcopy"
    $ tests/run/faults --page
"""
_PROMISED = """
- No guest is lost, and none runs twice, by anything that a module of this collection does, or leaves undone, after
  a fault of the table.
- What is told is true: where the guest is, whether its migration goes on, and what is to be done next. The reason
  codes in the table are those of the results.
- The same task, run again, is the way on from every one of them, unless the guest itself has ended; then it says so,
  and touches nothing of what is left.
"""
_NOT_PROMISED = """
- **In post-copy a host that dies takes the guest with it.** Each of the two has a part of its memory. So does QEMU that
  is killed, or a guest that is destroyed, on either side. It is told as ``HALF_ENDED``; the other half is not touched,
  and the guest can be started anew from its disks. Where that is not acceptable, ``postcopy: never`` is the policy.
- A guest whose source dies in pre-copy has died with its host, like any guest that is not migrated.
- **A migration that nobody looks after** (``wait: false``, or plain ``virsh``): when the network between the daemons is
  away just as the guest changes hosts, libvirt may let it run on both. Only a lock manager of libvirt excludes that
  then. A module that supervises ends the migration before, but for a change of hosts by itself in the first 10 seconds.
- libvirt 11.2 and 11.3 crash on the destination when a broken post-copy is resumed, so that it is refused there, and
  both halves are kept. The playbook ``recover`` joins them without libvirt, for which its daemon has to be stopped.
- Not tried, as the kernel of the lab cannot do it: packets that are delayed or reordered.
"""
_CELLS = """
In a cell is what the modules returned: an outcome, a phase, or the reason of a failure. *Lost* is a guest that the
fault itself ends, and that was told so.
"""


def latest(lines: t.Iterable[str]) -> list[Row]:
    """The last of the runs of each test."""
    found: dict[tuple[str, ...], Row] = {}
    for line in lines:
        row = json.loads(line)
        found[tuple(row[key] for key in ("versions", "kind", "phase", "by"))] = row
    return list(found.values())


def cell(found: t.Sequence[Row]) -> str:
    """What was told in one phase, by whichever module; a guest that the fault itself ends is marked."""
    told = dict.fromkeys(("**lost**: " if row["lost"] else "") + f"``{row['end']}``" for row in found)
    return ", ".join(told)


def summary(found: t.Sequence[Row]) -> str:
    kinds, phases, versions = (len({row[key] for row in found}) for key in ("kind", "phase", "versions"))
    pairs = len({(row["kind"], row["phase"]) for row in found})
    return (
        f"{kinds} kinds of fault x {phases} phases x {versions} {'version' if versions == 1 else 'versions'}, as far as"
        f" they go together ({pairs} of kind and phase, {len(found)} with module and version): no guest lost or"
        " doubled by what was done about it, each told right."
    )


def not_seen(found: t.Sequence[Row], written: t.AbstractSet[Key]) -> str:
    """Of the tests of the matrix, how many no kept run has passed."""
    missing = written - {(row["kind"], row["phase"], row["by"]) for row in found}
    kinds = {kind for kind, _phase, _by in written} - {row["kind"] for row in found}
    if not missing:
        return "Every test of the matrix is among them."
    return (
        f"Not among them, as no run that was kept has passed them: {len(missing)} of the {len(written)} tests of the"
        f" matrix. Kinds of it without any test that has passed: {len(kinds)}. Nothing is promised of those."
    )


def text(lines: t.Iterable[str], written: t.AbstractSet[Key] = frozenset()) -> str:
    everything = latest(lines)
    points = [row for row in everything if row["phase"] == EACH_CALL]
    found = [row for row in everything if row["phase"] != EACH_CALL]
    phases = [phase for phase in PHASES if any(row["phase"] == phase for row in found)]
    table = []
    for kind in sorted({row["kind"] for row in found}):
        of_kind = [row for row in found if row["kind"] == kind]
        table.append([kind, *(cell([row for row in of_kind if row["phase"] == phase]) for phase in phases)])
    counts = Counter(row["versions"] for row in found)
    measured = []
    for versions, count in counts.items():
        of_version = [row for row in found if row["versions"] == versions]
        commits = dict.fromkeys(row["commit"] for row in of_version)
        measured.append([versions, str(count), span(row["at"] for row in of_version), ", ".join(commits)])
    parts = [
        head("tests/run/faults --page", "faults"),
        title("What is promised when something breaks", "="),
        f"{summary(found)} {not_seen(found, written)}\n",
        title("What is promised", "-"),
        _PROMISED.strip() + "\n",
        title("What cannot be promised", "-"),
        _NOT_PROMISED.strip() + "\n",
        title("How it was tried", "-"),
        _HOW.strip() + "\n",
        rows(["Versions", "Tests", "Measured", "Commits"], measured),
        title("What came of each", "-"),
        _CELLS.strip() + "\n",
        rows(["Fault", *(PHASES[phase] for phase in phases)], table),
    ]
    if points:
        listed = [
            [row["by"], row["kind"], row["end"], row["versions"], f"{row['at']}: {row['commit']}"] for row in points
        ]
        parts += [
            title("Harm at each call", "-"),
            _POINTS.strip() + "\n",
            rows(["Module", "Harm", "What came of it", "Versions", "Measured"], listed),
        ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def all_written() -> set[Key]:
    """The tests of the matrix."""
    from cases import CASES, phase_of  # a directory of tests, which is on the path where this is run

    return {(kind, phase_of(case), case.module) for kind, cases in CASES.items() for case in cases}


def main() -> None:
    """What this machine's runs have seen is added to what is kept with the tests, and the page is written from it."""
    root = Path(os.environ["FAULTS_ROOT"])
    seen, own = root / SEEN, Path(os.environ["FAULTS_KEPT"])
    lines = [line for path in (seen, own) if path.exists() for line in path.read_text(encoding="utf-8").splitlines()]
    found = latest(lines)
    order = sorted(found, key=lambda row: [row[key] for key in ("kind", "phase", "by", "versions")])
    seen.write_text("".join(json.dumps(row) + "\n" for row in order), encoding="utf-8")
    (root / PAGE).write_text(text(seen.read_text(encoding="utf-8").splitlines(), all_written()), encoding="utf-8")
    print(summary([row for row in found if row["phase"] != EACH_CALL]))


if __name__ == "__main__":
    main()
