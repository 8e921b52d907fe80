# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests of the lab on each pair of systems, keep what came of them, and write the page of the documentation."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
from pathlib import Path

from bench.lab_versions import versions_of_hosts
from virtlab.lab import Lab

from . import page
from .pairs import OWN_LAB, PAIRS, SLICE, Pair

ROOT = Path(os.environ["VERSIONS_ROOT"])
KEPT = ROOT / "build" / "versions"
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


def run(pair: Pair) -> None:
    directory = KEPT / pair.name
    directory.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    facts = {
        "at": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "hosts": seen_versions(pair),
    }
    environment = {
        **os.environ,
        "LAB_SYSTEMS": f"kvm01={pair.first},kvm02={pair.second}",
        "RESULTS": str(directory),
        "FAULTS_KEPT": str(ROOT / "build" / "faults" / "results.jsonl"),
        "COMMIT": commit.stdout.strip(),
    }
    subprocess.run(
        [str(ROOT / "tests/run/integration"), "-m", "not wide", *files_of(pair)], env=environment, check=False
    )
    (directory / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def main() -> None:
    names = [pair.name for pair in PAIRS]
    parser = argparse.ArgumentParser(prog="tests/run/versions", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, default=[], help="this pair; may be repeated")
    parser.add_argument("--page", action="store_true", help="only write the page anew, from what was kept")
    args = parser.parse_args()
    chosen: list[Pair] = [pair for pair in PAIRS if not args.only or pair.name in args.only]
    if not args.page:
        for pair in chosen:
            run(pair)
    results: dict[str, page.Result] = {pair.name: found for pair in PAIRS if (found := page.read(KEPT / pair.name))}
    PAGE.write_text(page.text(results), encoding="utf-8")
    print(page.summary(results))


if __name__ == "__main__":
    main()
