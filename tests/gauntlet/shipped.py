# SPDX-License-Identifier: GPL-3.0-or-later
"""Ours with the policies as they are shipped: which cells a user keeps who changes nothing in them."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import DEFAULT_PRESET
from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, WORKLOADS

from .candidates import SHIPPED, admits, policy_of
from .results import Results, Run
from .score import Cell, Score, broken_rules
from .table import number
from .table import rows as table

_INTRO = """
Above, ours runs under a policy of the contract, with a throttle of up to 99 % and no limit but the time of the run.
Here it runs under the policies that are shipped, by their names and with nothing else. They do not know the contracts,
so one run is held against each that admits it.
"""


def shipped(results: Results, found: t.Sequence[Cell]) -> t.Iterator[str]:
    runs = [run for run in results.runs if run.strategy in SHIPPED]
    if not runs:
        yield "\nNot measured.\n"
        return
    yield f"{_INTRO.strip()}\n"
    yield f"\n{_default(found)}\n"
    yield table(
        ["Policy", "Workload", "Keeps", "Total", "/ limit", "Down", "Throttle", "Post-copy", "How it ended"],
        [_line(run, results) for name in SHIPPED for workload in WORKLOADS for run in _of(runs, name, workload)],
    )


def _of(runs: t.Sequence[Run], name: str, workload: str) -> list[Run]:
    return [run for run in runs if (run.strategy, run.workload) == (name, workload)]


def _default(found: t.Sequence[Cell]) -> str:
    """What the policy that is taken unasked keeps, and what not."""
    name = next(name for name, preset in SHIPPED.items() if preset == DEFAULT_PRESET)
    scores = [(each, score) for each in found for score in each.of(name)]
    missed = [f"{each.workload}/{each.contract} ({_why_not(each, score)})" for each, score in scores if not score.kept]
    but = f" Not: {'; '.join(missed)}." if missed else ""
    kept = f"{len(scores) - len(missed)} of {len(scores)}"
    return f"Whoever names no policy has ``{DEFAULT_PRESET}``, and keeps {kept}.{but}"


def _why_not(each: Cell, score: Score) -> str:
    """With what a policy of the contract takes there that this one does not allow."""
    allowed = policy_of(score.strategy, "").max_throttle_percent
    taken = max((run.max_throttle_percent for run in each.ours.good), default=0)
    more = f"; a throttle of {taken} % would do, and {allowed} % are allowed" if taken > allowed else ""
    return score.why_not + more


def _line(run: Run, results: Results) -> list[str]:
    least_s = results.least_s(run.workload)
    contracts = [each for each in CONTRACTS if admits(each, run.strategy)]
    kept = [each for each in contracts if not broken_rules(run, each)]
    within = policy_of(run.strategy, "").max_downtime_ms
    return [
        f"``{SHIPPED[run.strategy]}`` ({within} ms)",
        run.workload,
        ", ".join(kept) or "none",
        f"{run.total_s:.1f} s" if run.finished else "-",
        number(run.total_s / least_s if least_s and run.finished else None, "{:.2f}"),
        number(run.downtime_ms, "{:.0f} ms"),
        f"{run.max_throttle_percent} %",
        f"{run.split_s:.1f} s",
        run.outcome + (f": {run.message.split(':')[0]}" if run.message and not run.finished else ""),
    ]
