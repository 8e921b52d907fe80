# SPDX-License-Identifier: GPL-3.0-or-later
"""``make gauntlet``: runs what is not yet in the results file, and writes the report from it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import typing as t
from pathlib import Path

from bench.runs import Ansible
from virtlab.lab import Lab

from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, WORKLOADS

from .candidates import BY_NAME, OURS, SHIPPED
from .machine import commit_of, facts
from .order import Wanted, estimate
from .ours import module_is_there
from .report import text
from .results import Store
from .runner import Gauntlet, HarmedError, go
from .stage import LINK_MBIT, UNSENT_KIB
from .workloads import OPTIONS


def wanted_from(words: t.Sequence[str]) -> Wanted:
    """From ``workload=extreme,strategy=ours`` and more of the kind."""
    known = {"workload": list(WORKLOADS), "contract": list(CONTRACTS), "strategy": [OURS, *SHIPPED, *BY_NAME]}
    chosen: dict[str, list[str]] = {name: [] for name in known}
    for pair in ",".join(words).split(","):
        name, _equals, value = pair.partition("=")
        if pair and (name not in known or value not in known[name]):
            choices = "; ".join(f"{each}: {', '.join(values)}" for each, values in known.items())
            raise SystemExit(f"--only {pair!r} is none of these. {choices}")
        if pair:
            chosen[name].append(value)
    return Wanted(chosen["workload"], chosen["contract"], chosen["strategy"])


def arguments() -> argparse.Namespace:
    root = os.environ.get("GAUNTLET_ROOT", ".")
    parser = argparse.ArgumentParser(prog="gauntlet", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME=VALUE,...", help="workload, contract, strategy"
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="start no run that would end later")
    parser.add_argument("--estimate", action="store_true", help="say how long it will take, and run nothing")
    parser.add_argument("--report", action="store_true", help="write the report, and run nothing")
    parser.add_argument("--results", type=Path, default=Path(root, "tests/gauntlet/measured.jsonl"))
    parser.add_argument("--page", type=Path, help="where the report goes, from the top of the checkout")
    parser.add_argument("--ours", choices=("module", "engine"), default="module" if module_is_there() else "engine")
    parser.add_argument("--lab", default="gauntlet", help="name of the lab")
    parser.set_defaults(root=root)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    wanted, store = wanted_from(given.only), Store(given.results)
    count, seconds = estimate(store.results, wanted)
    print(f"{count} runs are left, about {seconds / 60:.0f} minutes.", flush=True)
    code = 0
    if count and not (given.estimate or given.report):
        # Terminated, it takes the lab down as it does when interrupted.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with tempfile.TemporaryDirectory(prefix="gauntlet.") as directory, Lab(given.lab) as lab:
            lab.down()
            lab.up(host_count=2, link_mbit=LINK_MBIT)
            for host in lab.hosts:  # as role prerequisites sets it up, and for all strategies alike
                lab.execute(host.name, "sysctl", "-qw", f"net.ipv4.tcp_notsent_lowat={UNSENT_KIB * 1024}")
            store.add_machine(facts(lab, LINK_MBIT, commit_of(given.root)))
            ansible = Ansible(Path(directory), lab.inventory())
            records = Path(given.root, "build/gauntlet/records")
            gauntlet = Gauntlet(lab, store, ansible, OPTIONS, way=given.ours, records=records)
            try:
                code = go(gauntlet, wanted, given.minutes)
            except HarmedError as exc:
                print(f"\n*** A GUEST WAS HARMED ***\n{exc}", file=sys.stderr)
                code = 2
            except KeyboardInterrupt:
                print("Interrupted; what was measured is kept.")
                code = 130
    if store.results.runs and not given.estimate:
        page = Path(given.root, given.page or "build/gauntlet/results.rst")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text(store.results), encoding="utf-8")
        print(f"The report is in {page}.")
    return code


if __name__ == "__main__":
    sys.exit(main())
