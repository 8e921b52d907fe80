# SPDX-License-Identifier: GPL-3.0-or-later
"""One seed played on a lab of its own, what was seen of it kept, and a schedule that breaks something made shorter."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import traceback
import typing as t
from pathlib import Path

from bench.house import HOSTS
from bench.lab_versions import versions_of
from bench.subject import LINK_MBIT
from virtlab.lab import Lab

from ..gauntlet.machine import commit_of
from .page import rows_of
from .schedule import Step, schedule, shrunk
from .stage import Stage

ROOT = Path(os.environ["SOAK_ROOT"])
KEPT = ROOT / "build" / "soak" / "results.jsonl"
STEPS = 40

Row = dict[str, t.Any]


def kept() -> list[Row]:
    """What runs on this machine have seen, a row for each seed that was played."""
    return rows_of(KEPT.read_text(encoding="utf-8").splitlines()) if KEPT.exists() else []


def play(steps: t.Sequence[Step], enough: int = 0) -> tuple[Row, str]:
    """What was seen on three new hosts, and how it broke; empty when it did not. ``enough``: end after so many guests
    have arrived; 0: never."""
    with tempfile.TemporaryDirectory() as directory, Lab(f"it-{os.getpid()}") as lab:
        lab.up(host_count=len(HOSTS), link_mbit=LINK_MBIT)
        stage = Stage(lab, Path(directory))
        problem = ""
        played = 0
        try:
            for step in steps:
                stage.perform(step)
                played += 1
                if enough and stage.arrivals >= enough:
                    break
        except Exception:  # whatever it is, the schedule has shown it
            problem = traceback.format_exc()
        seen = {"arrivals": stage.arrivals, "steps": played, "faults": dict(stage.harmed)}
        return {**seen, "versions": versions_of(lab)}, problem


def play_seed(seed: int, enough: int, tries: int) -> Row:
    """Play what follows from a seed, keep what was seen, and make the schedule shorter if it broke something."""
    print(f"seed {seed}", flush=True)
    steps = schedule(seed, STEPS)
    seen, problem = play(steps, enough)
    run = {"at": datetime.date.today().isoformat(), "commit": commit_of(str(ROOT))}
    row = {"seed": seed, **run, **seen, "problem": problem.splitlines()[-1:]}
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(f"seed {seed}: {seen['arrivals']} guests arrived in {seen['steps']} steps, {seen['faults']}", flush=True)
    if problem:
        print(problem)
        short = shrunk(steps[: seen["steps"] + 1], lambda part: bool(play(part)[1]), tries)
        print(f"seed {seed} breaks something; so do these steps:", *short, sep="\n  ", flush=True)
    return row
