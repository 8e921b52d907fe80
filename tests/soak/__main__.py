# SPDX-License-Identifier: GPL-3.0-or-later
"""Play random schedules until so many guests have arrived; a schedule that breaks something is shrunk and printed."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import tempfile
import traceback
import typing as t
from pathlib import Path

from bench.house import HOSTS
from bench.lending import remove_labs_of_the_dead
from bench.subject import LINK_MBIT
from virtlab.lab import Lab

from . import page
from .schedule import Step, schedule, shrunk
from .stage import Stage

ROOT = Path(os.environ["SOAK_ROOT"])
KEPT = ROOT / "build" / "soak" / "results.jsonl"
PAGE = ROOT / "docs" / "docsite" / "rst" / "soak.rst"
STEPS = 40


def play(steps: t.Sequence[Step], enough: int = 0) -> tuple[dict[str, t.Any], str]:
    """What was seen on three new hosts, and how it broke; empty when it did not."""
    name = f"it-{os.getpid()}"
    with tempfile.TemporaryDirectory() as directory, Lab(name) as lab:
        lab.up(host_count=len(HOSTS), link_mbit=LINK_MBIT)
        stage = Stage(lab, Path(directory))
        problem = ""
        played = 0
        try:
            for step in steps:
                print(f"  {step}", flush=True)
                stage.perform(step)
                played += 1
                if enough and stage.arrivals >= enough:
                    break
        except Exception:  # whatever it is, the schedule has shown it
            problem = traceback.format_exc()
        return {"arrivals": stage.arrivals, "steps": played, "faults": dict(stage.harmed)}, problem


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run/soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one; without it the first that was not played yet")
    parser.add_argument("--arrivals", type=int, default=2000, help="end after so many guests have arrived")
    parser.add_argument("--tries", type=int, default=12, help="how often a failing schedule is played to shrink it")
    args = parser.parse_args()
    # A plain SIGTERM would end this without taking the lab down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    remove_labs_of_the_dead()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines()] if KEPT.exists() else []
    seed = args.seed if args.seed is not None else max((each["seed"] for each in known), default=0) + 1
    arrived = 0
    while arrived < args.arrivals:
        print(f"seed {seed}", flush=True)
        steps = schedule(seed, STEPS)
        seen, problem = play(steps, args.arrivals - arrived)
        arrived += seen["arrivals"]
        kept = {"seed": seed, "at": datetime.date.today().isoformat(), **seen, "problem": problem.splitlines()[-1:]}
        with KEPT.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
        print(f"seed {seed}: {seen['arrivals']} guests arrived in {seen['steps']} steps, {seen['faults']}", flush=True)
        if problem:
            print(problem)
            short = shrunk(steps[: seen["steps"] + 1], lambda part: bool(play(part)[1]), args.tries)
            print(f"seed {seed} breaks something; so do these steps:", *short, sep="\n  ")
            return 1
        if args.seed is not None:
            break
        seed += 1
    found = [json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines()]
    if args.seed is None:
        PAGE.write_text(page.text(found), encoding="utf-8")
    print(f"{sum(each['arrivals'] for each in found)} guests have arrived in all, from {len(found)} seeds")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
