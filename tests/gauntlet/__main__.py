# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make gauntlet``: runs what is not yet in the results file, and writes the report from it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from bench.runs import Ansible
from virtlab.errors import LabError
from virtlab.lab import Lab

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import libvirt
from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, WORKLOADS

from .bout import calibrate, fight
from .candidates import BY_NAME, OURS
from .drive import Account
from .machine import commit_of, facts
from .order import Wanted, estimate, expected_s, to_do
from .ours import by_engine, by_module, module_is_there
from .report import text
from .results import Calibration, Key, Run, Store
from .score import broken_rules
from .stage import LINK_MBIT, Actor, Stage
from .watch import BrokenRunError
from .workloads import OPTIONS

_TROUBLES = 3


class HarmedError(Exception):
    """A guest lost memory, or runs twice: the one thing that must never happen."""


class Gauntlet:
    def __init__(self, lab: Lab, store: Store, ansible: Ansible, way: str, records: Path) -> None:
        self.lab, self.store, self.ansible, self.way, self.records = lab, store, ansible, way, records
        self.stage = Stage(lab, OPTIONS)
        self._known: dict[str, Calibration] = {}

    def run(self, key: Key) -> Run:
        actor, new = self.stage.enter(key.workload)
        try:
            if new or key.workload not in self._known:
                self._known[key.workload] = calibrate(actor)
                self.store.add(self._known[key.workload])
            run, account = fight(key, actor, self._known[key.workload], self._ours)
        except BaseException:
            self.stage.discard(actor)
            raise
        self.store.add(run)
        self._keep(key, account)
        if not run.intact:
            self.stage.discard(actor)
            raise HarmedError(f"{key}: the guest is not as it should be: {run}")
        return run

    def _ours(self, actor: Actor, contract: str, known: Calibration) -> Account:
        terms = CONTRACTS[contract]
        if self.way == "module":
            return by_module(self.ansible, actor.source, actor.uuid, actor.destination_uri, terms, known)
        return by_engine(actor.uri(actor.source), actor.uuid, actor.destination_uri, terms, known)

    def _keep(self, key: Key, account: Account) -> None:
        """The whole record of a run of ours, which can be replayed."""
        if account.record is not None:
            self.records.mkdir(parents=True, exist_ok=True)
            name = "-".join([key.workload.replace(" ", "_"), key.contract, str(key.repeat)])
            (self.records / f"{name}.json").write_text(json.dumps(account.record), encoding="utf-8")


def told(run: Run) -> str:
    contracts = [run.contract] if run.contract else list(CONTRACTS)
    kept = [contract for contract in contracts if not broken_rules(run, contract)]
    downtime = "-" if run.downtime_ms is None else f"{run.downtime_ms} ms"
    lost = "-" if run.lost_share is None else f"{run.lost_share:.0%}"
    return (
        f"{run.outcome:9} {run.total_s:6.1f} s  {run.sent_bytes >> 20:5d} MiB  down {downtime:>8}"
        f"  gap {run.longest_gap_ms:5.0f} ms  lost {lost:>4}  keeps: {', '.join(kept) or 'none'}  {run.message[:120]}"
    )


def go(gauntlet: Gauntlet, wanted: Wanted, minutes: float) -> int:
    """Make the runs that are left; 0 when all are made or the time is up, 1 after too much trouble."""
    end_s = time.monotonic() + minutes * 60 if minutes else float("inf")
    troubles = 0
    while keys := to_do(gauntlet.store.results, wanted):
        key = keys[0]
        if time.monotonic() + expected_s(key, gauntlet.store.results) > end_s and minutes:
            print(f"The time is up; {len(keys)} runs are left.")
            return 0
        label = f"{key.workload:15} {key.strategy:34} {key.contract:9} {key.repeat + 1}"
        try:
            print(f"{label}  {told(gauntlet.run(key))}", flush=True)
            troubles = 0
        except (BrokenRunError, LabError, MigrationError, libvirt.libvirtError) as exc:
            troubles += 1
            print(f"{label}  no result: {exc}", flush=True)
            if troubles == _TROUBLES:
                return 1
    return 0


def wanted_from(words: t.Sequence[str]) -> Wanted:
    """From ``workload=extreme,strategy=ours`` and more of the kind."""
    known = {"workload": list(WORKLOADS), "contract": list(CONTRACTS), "strategy": [OURS, *BY_NAME]}
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
    parser.add_argument("--results", type=Path, default=Path(root, "build/gauntlet/results.jsonl"))
    parser.add_argument("--page", type=Path, help="where the report goes (beside the results)")
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
            store.add_machine(facts(lab, LINK_MBIT, commit_of(given.root)))
            ansible = Ansible(Path(directory), lab.inventory())
            gauntlet = Gauntlet(lab, store, ansible, given.ours, given.results.with_name("records"))
            try:
                code = go(gauntlet, wanted, given.minutes)
            except HarmedError as exc:
                print(f"\n*** A GUEST WAS HARMED ***\n{exc}", file=sys.stderr)
                code = 2
            except KeyboardInterrupt:
                print("Interrupted; what was measured is kept.")
                code = 130
    if store.results.runs and not given.estimate:
        page = given.page or given.results.with_suffix(".rst")
        page.write_text(text(store.results), encoding="utf-8")
        print(f"The report is in {page}.")
    return code


if __name__ == "__main__":
    sys.exit(main())
