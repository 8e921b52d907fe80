# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs are still to be made, in which order, and how long they will take.

Every strategy once, the most telling first and the workloads in turn, so that a table that is cut short says something
already. Then again where it is close: ours and the best peers of a cell in which they are near each other, ours where
it is near the time that it is to keep, and all on the phasic workload, where the moment of the start decides.
"""

from __future__ import annotations

import statistics
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, CUT_S, LINK, WORKLOADS
from ansible_collections.virtops.live_migration.tests.sim.driver import run as simulate
from ansible_collections.virtops.live_migration.tests.sim.ours import Ours

from .candidates import BY_NAME, OURS, PEERS, SHIPPED, admits, follows_from, policy_of
from .figures import most_total_s
from .results import Key, Results, Run
from .score import Cell, cells, runs_of
from .workloads import PHASIC

REPEATS = 3
_CLOSE = (0.6, 1.5)  # our total time over the best peer's; beyond that, noise changes no verdict
_NEXT_BEST = 1.1
_NEAR = (0.9, 1.1)  # ours over the time that it is to keep; likewise
_AROUND_S = 5.0  # the rate before, the memory check, the change of guests
_LEAD_S = 6.0  # Ansible starts, and ours measures the guest for a second


@dataclass(frozen=True)
class Wanted:
    """What was asked for; an empty set is everything."""

    workloads: t.Collection[str] = ()
    contracts: t.Collection[str] = ()
    strategies: t.Collection[str] = ()

    def has(self, key: Key) -> bool:
        if self.workloads and key.workload not in self.workloads:
            return False
        if self.strategies and key.strategy not in self.strategies:
            return False
        if not self.contracts:
            return True
        if key.contract:
            return key.contract in self.contracts
        return any(admits(contract, key.strategy) for contract in self.contracts)


def to_do(results: Results, wanted: Wanted) -> list[Key]:
    """In the order in which they are to be made."""
    done = {run.key for run in results.runs}
    keys = [*_once(), *_again(results)]
    return [key for key in dict.fromkeys(keys) if key not in done and wanted.has(key) and _needed(key, results)]


def _once() -> t.Iterator[Key]:
    ours = [*((OURS, contract) for contract in CONTRACTS), *((name, "") for name in SHIPPED)]
    for strategy, contract in [*ours, *((peer.name, "") for peer in PEERS)]:
        for workload in WORKLOADS:
            yield Key(workload, strategy, contract, 0)


def _again(results: Results) -> t.Iterator[Key]:
    close = {pair for each in cells(results) for pair in [*_close(each), *_near_its_limit(each, results)]}
    for repeat in range(1, REPEATS):
        for key in _once():
            if key.workload == PHASIC or (key.workload, key.strategy, key.contract) in close:
                yield key._replace(repeat=repeat)


def _close(cell: Cell) -> t.Iterator[tuple[str, str, str]]:
    """The strategies of a cell of which one run is not enough, each as it is run."""
    ratio, best = cell.ratio, cell.best
    if ratio is None or best is None or not _CLOSE[0] <= ratio <= _CLOSE[1]:
        return
    yield (cell.workload, OURS, cell.contract)
    for peer in cell.keepers:
        if (peer.total_s or 0.0) <= _NEXT_BEST * (best.total_s or 0.0):
            # One that only follows from another is repeated by repeating that one.
            name = BY_NAME[peer.strategy].like if peer.runs[0].derived else peer.strategy
            yield (cell.workload, name, "")


def _near_its_limit(cell: Cell, results: Results) -> t.Iterator[tuple[str, str, str]]:
    most_s, total_s = most_total_s(results, cell.workload), cell.ours.total_s
    allowed = CONTRACTS[cell.contract].postcopy != "never"
    if allowed and most_s and total_s and _NEAR[0] <= total_s / most_s <= _NEAR[1]:
        yield (cell.workload, OURS, cell.contract)


def _needed(key: Key, results: Results) -> bool:
    """Whether it does not follow from what is known. What may follow is asked for again when that is known."""
    if key.strategy not in BY_NAME:
        return True
    candidate = BY_NAME[key.strategy]
    others = runs_of(results, key.workload, candidate.like) if candidate.like else []
    return follows_from(candidate, [run.elapsed_s if run.finished else None for run in others]) is None


# --- how long


def expected_s(key: Key, results: Results) -> float:
    """By what it took before, else by the simulation."""
    around_s = _AROUND_S + (0.0 if key.strategy in BY_NAME else _LEAD_S)
    around_s += sum(spell.duration_s for spell in WORKLOADS[PHASIC].spells) / 2 if key.workload == PHASIC else 0.0
    known = [run for run in results.runs if run.key[:3] == key[:3]]
    if known:
        return statistics.median(run.elapsed_s for run in known) + around_s
    return _simulated(key).elapsed_s + around_s


def _simulated(key: Key) -> Run:
    peer = BY_NAME.get(key.strategy)
    strategy = peer.make() if peer else Ours(policy_of(key.strategy, key.contract))
    came = simulate(strategy, WORKLOADS[key.workload], LINK, CUT_S)
    return Run(
        *key,
        outcome="completed" if came.finished else "cut",
        elapsed_ms=round(came.total_s * 1000),
        downtime_ms=came.stood_ms,
        split_s=came.split_s,
    )


def estimate(results: Results, wanted: Wanted) -> tuple[int, float]:
    """Runs that are left and their seconds, with the repeats and omissions that the simulation lets expect."""
    imagined = replace(results, runs=list(results.runs))
    count, seconds = 0, 0.0
    while keys := to_do(imagined, wanted):
        for key in keys:
            if _needed(key, imagined):  # one may make another needless
                count, seconds = count + 1, seconds + expected_s(key, results)
                imagined.runs.append(_simulated(key))
    return count, seconds
