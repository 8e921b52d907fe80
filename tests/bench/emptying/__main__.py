# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-evacuation``: runs what is not yet in the results file, and writes the page from it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from bench.runs import Ansible
from virtlab.errors import LabError
from virtlab.lab import Lab

from ansible_collections.virtops.live_migration.tests.gauntlet.machine import commit_of, facts

from .compared import LINK_MBIT, NICE, REPEATS, STRATEGIES, Key, wanted
from .course import calibrate, run
from .kept import Run, Store
from .page import figures, text
from .yard import HarmedError, Yard

_A_RUN_S = 200.0
_TROUBLES = 2


def arguments() -> argparse.Namespace:
    root = os.environ.get("BENCH_ROOT", ".")
    parser = argparse.ArgumentParser(prog="evacuation", description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="how often each strategy runs")
    parser.add_argument("--only", action="append", default=[], choices=STRATEGIES, help="a strategy; may be repeated")
    parser.add_argument("--report", action="store_true", help="write the page, and run nothing")
    parser.add_argument("--results", type=Path, default=Path(root, "build/emptying/results.jsonl"))
    parser.add_argument("--page", type=Path, help="where the page goes, from the top of the checkout")
    parser.add_argument("--lab", default="emptying", help="name of the lab")
    parser.set_defaults(root=root)
    return parser.parse_args()


def told(one: Run) -> str:
    kept = sum(passenger.kept for passenger in one.passengers)
    time_s = "not empty" if one.empty_s is None else f"{one.empty_s:6.1f} s"
    downtimes = [passenger.downtime_ms or 0 for passenger in one.passengers]
    return (
        f"{one.strategy:14} {one.repeat + 1}  {time_s}  module {one.module_s:5.1f} s  {one.sent_bytes >> 20:5} MiB"
        f"  {kept} of {len(one.passengers)} within the contract, down {max(downtimes)} ms  {one.message}"
    ).rstrip()


def go(store: Store, keys: list[Key], given: argparse.Namespace) -> int:
    troubles = 0
    with tempfile.TemporaryDirectory(prefix="emptying.") as directory, Lab(given.lab) as lab:
        lab.down()
        lab.up(host_count=3, link_mbit=LINK_MBIT)
        store.add_machine(facts(lab, LINK_MBIT, commit_of(given.root)))
        ansible, yard = Ansible(Path(directory), lab.inventory()), Yard(lab)
        os.setpriority(os.PRIO_PROCESS, 0, NICE)  # from here on, as the daemons and guests are there
        for host in lab.hosts:
            lab.execute(host.name, "sh", "-c", f"renice -n {NICE} -p $(cat /run/sshd.pid)")
        known = calibrate(yard)
        store.add(known)
        print(f"The limit is {known.least_s:.1f} s: {known.wire_bytes >> 20} MiB over the link.", flush=True)
        for key in keys:
            try:
                found = run(key, yard, ansible, known)
            except LabError as exc:
                print(f"{key.strategy:14} {key.repeat + 1}  no result: {exc}", flush=True)
                troubles += 1
                if troubles > _TROUBLES:
                    break
                continue
            store.add(found)
            print(told(found), flush=True)
            if found.harmed:
                raise HarmedError(f"{key}: {', '.join(found.harmed)}")
    return int(troubles > 0)


def main() -> int:
    given = arguments()
    store, code = Store(given.results), 0
    done = {each.key for each in store.results.runs}
    keys = [key for key in wanted(given.repeats, given.only) if key not in done]
    print(f"{len(keys)} runs are left, about {len(keys) * _A_RUN_S / 60:.0f} minutes.", flush=True)
    if keys and not given.report:
        # Terminated, it takes the lab down as it does when interrupted.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            code = go(store, keys, given)
        except HarmedError as exc:
            print(f"\n*** A GUEST WAS HARMED ***\n{exc}", file=sys.stderr)
            code = 2
        except KeyboardInterrupt:
            print("Interrupted; what was measured is kept.")
            code = 130
    if store.results.runs:
        page = Path(given.root, given.page) if given.page else given.results.with_suffix(".rst")
        page.write_text(text(store.results), encoding="utf-8")
        for one in figures(store.results):
            print(f"{one.what}: {one.measured}")
        print(f"The page is in {page}.")
    return code


if __name__ == "__main__":
    sys.exit(main())
