# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests of the lab on each pair of systems, keep what came of them, and write the page of the documentation."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

from bench.lab_versions import versions_of_hosts
from virtlab.lab import Lab

from ..gauntlet.machine import commit_of
from . import page, results
from .pairs import FAST, FAST_PAIR, OWN_LAB, PAIRS, SLICE, Pair

ROOT = Path(os.environ["VERSIONS_ROOT"])
KEPT = ROOT / "build" / "versions"
SEEN = ROOT / "tests" / "versions" / "seen"
PAGE = ROOT / "docs" / "docsite" / "rst" / "versions.rst"


def files_of(pair: Pair) -> list[str]:
    """Paths of the tests for a pair, relative to the project."""
    if not pair.whole:
        return [f"tests/integration/{name}" for name in SLICE]
    found = sorted(path.name for path in (ROOT / "tests/integration").glob("test_*.py"))
    return [*(f"tests/integration/{name}" for name in found if name not in OWN_LAB), "tests/faults"]


def seen_versions(pair: Pair) -> list[str]:
    """What libvirt and QEMU of each host say they are, such as `libvirt 11.3.0, QEMU 10.0.11`."""
    with Lab(f"it-{os.getpid()}") as lab:
        lab.up(host_count=2, on={"kvm01": pair.first, "kvm02": pair.second})
        return versions_of_hosts(lab)


def run_tests(pair: Pair, tests: t.Sequence[str], directory: Path, marked: str = "not wide") -> int:
    """pytest's exit code; its results are in the directory."""
    environment = {
        **os.environ,
        "LAB_SYSTEMS": f"kvm01={pair.first},kvm02={pair.second}",
        "RESULTS": str(directory),
        "COMMIT": commit_of(str(ROOT)),
        "FAULTS_KEPT": str(ROOT / "build" / "faults" / "results.jsonl"),
    }
    command = [str(ROOT / "tests/run/integration"), "-m", marked, *tests]
    return subprocess.run(command, env=environment, check=False).returncode


def run(pair: Pair, tests: t.Sequence[str]) -> None:
    directory = KEPT / pair.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    facts = {
        "at": datetime.date.today().isoformat(),
        "commit": commit_of(str(ROOT)),
        "hosts": seen_versions(pair),
    }
    run_tests(pair, tests or files_of(pair), directory)
    (directory / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    path = SEEN / f"{pair.name}.jsonl"
    results.keep(path, results.latest([*results.kept(path), *results.from_a_run(directory)]))


def main() -> int:
    names = [pair.name for pair in PAIRS]
    parser = argparse.ArgumentParser(prog="tests/run/versions", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, default=[], help="this pair; may be repeated")
    parser.add_argument(
        "--tests", nargs="+", default=[], help="these files only, as paths from the top of the checkout"
    )
    parser.add_argument(
        "--fast", action="store_true", help="what 'make test' runs: a few tests on one pair, of which nothing is kept"
    )
    parser.add_argument("--page", action="store_true", help="only write the page anew, from what was kept")
    args = parser.parse_args()
    if args.fast:
        files = [f"tests/integration/{name}" for name in FAST]
        return run_tests(FAST_PAIR, files, Path(os.environ["RESULTS"]), "fast")
    chosen: list[Pair] = [pair for pair in PAIRS if not args.only or pair.name in args.only]
    if not args.page:
        for pair in chosen:
            run(pair, args.tests)
    found = {pair.name: cases for pair in PAIRS if (cases := results.kept(SEEN / f"{pair.name}.jsonl"))}
    PAGE.write_text(page.text(found), encoding="utf-8")
    print(page.summary(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
