# SPDX-License-Identifier: GPL-3.0-or-later
"""How a strategy did: what was measured, or what follows from it, against a contract."""

from __future__ import annotations

import statistics
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, TOLERANCE, WORKLOADS

from .candidates import BY_NAME, OURS, PEERS, SHIPPED, admits, follows_from
from .results import Results, Run

T = t.TypeVar("T")


def runs_of(results: Results, workload: str, strategy: str, contract: str = "") -> list[Run]:
    """The runs of a strategy; those of the one that it is like, where they say what would have come of it."""
    asked = contract if strategy == OURS else ""
    own = [run for run in results.runs if (run.workload, run.strategy, run.contract) == (workload, strategy, asked)]
    if own or strategy == OURS or strategy in SHIPPED:
        return own
    candidate = BY_NAME[strategy]
    others = runs_of(results, workload, candidate.like) if candidate.like else []
    why = follows_from(candidate, [run.elapsed_s if run.finished else None for run in others])
    if why is None:
        return []
    return [_derived(run, strategy, candidate.differs_after_s, candidate.gives_up, why) for run in others]


def _derived(run: Run, strategy: str, later_s: float, gives_up: bool, why: str) -> Run:
    run = replace(run, strategy=strategy, derived=why)
    if gives_up and not (run.finished and run.elapsed_s < later_s):
        share = later_s / run.elapsed_s if run.elapsed_s > later_s else 1.0
        sent, later_ms = int(run.sent_bytes * share), int(later_s * 1000)
        run = replace(run, outcome="gave up", elapsed_ms=later_ms, order_s=0.0, sent_bytes=sent, downtime_ms=None)
    return run


def broken_rules(run: Run, contract: str) -> list[str]:
    """What of the contract a run did not keep; nothing: it kept it. A tenth of tolerance, as no clock is that exact."""
    terms = CONTRACTS[contract]
    if not run.finished:
        return [run.outcome]
    broken = []
    if run.downtime_ms is None or run.downtime_ms > terms.max_downtime_ms * TOLERANCE:
        broken.append("downtime")
    if terms.postcopy == "never" and run.split_s > 0:
        broken.append("post-copy")
    return broken


@dataclass(frozen=True)
class Score:
    """A strategy on a workload under a contract; medians are over the runs that kept the contract."""

    workload: str
    contract: str
    strategy: str
    runs: t.Sequence[Run]

    @property
    def good(self) -> list[Run]:
        return [run for run in self.runs if not broken_rules(run, self.contract)]

    @property
    def kept(self) -> bool:
        """More often than not."""
        return bool(self.runs) and 2 * len(self.good) > len(self.runs)

    def median(self, of: t.Callable[[Run], t.Optional[float]]) -> t.Optional[float]:
        found = [value for run in self.good if (value := of(run)) is not None]
        return statistics.median(found) if found else None

    @property
    def total_s(self) -> t.Optional[float]:
        return self.median(lambda run: run.total_s)

    @property
    def job_s(self) -> t.Optional[float]:
        return self.median(lambda run: run.elapsed_s)

    @property
    def lost_share(self) -> t.Optional[float]:
        return self.median(lambda run: run.lost_share)

    @property
    def lost_s(self) -> t.Optional[float]:
        return self.median(lambda run: run.lost_s)

    @property
    def why_not(self) -> str:
        reasons = [reason for run in self.runs for reason in broken_rules(run, self.contract)]
        return ", ".join(sorted(set(reasons)))


@dataclass(frozen=True)
class Cell:
    """All that was measured on one workload under one contract."""

    workload: str
    contract: str
    ours: Score
    peers: t.Sequence[Score]
    shipped: t.Sequence[Score] = ()

    def of(self, strategy: str) -> list[Score]:
        """Its score here; nothing when it was not run."""
        scores = [self.ours, *self.peers, *self.shipped]
        return [score for score in scores if score.strategy == strategy and score.runs]

    @property
    def keepers(self) -> list[Score]:
        """Peers that kept the contract, the fastest first."""
        return sorted((peer for peer in self.peers if peer.kept), key=lambda peer: peer.total_s or 0.0)

    @property
    def best(self) -> t.Optional[Score]:
        return next(iter(self.keepers), None)

    @property
    def ratio(self) -> t.Optional[float]:
        """Our total time over that of the best peer, where both kept the contract."""
        return self._over_the_best(lambda score: score.total_s)

    @property
    def job_ratio(self) -> t.Optional[float]:
        """The same of the jobs alone."""
        return self._over_the_best(lambda score: score.job_s)

    def _over_the_best(self, of: t.Callable[[Score], t.Optional[float]]) -> t.Optional[float]:
        mine, theirs = of(self.ours), [found for peer in self.keepers if (found := of(peer))]
        return mine / min(theirs) if self.ours.kept and theirs and mine is not None else None


def cell(results: Results, workload: str, contract: str) -> Cell:
    def score(strategy: str) -> Score:
        return Score(workload, contract, strategy, runs_of(results, workload, strategy, contract))

    peers = [score(each.name) for each in PEERS if admits(contract, each.name)]
    shipped = [score(name) for name in SHIPPED if admits(contract, name)]
    run = [peer for peer in peers if peer.runs], [one for one in shipped if one.runs]
    return Cell(workload, contract, score(OURS), *run)


def cells(results: Results) -> list[Cell]:
    """Those of which something was measured, contract by contract."""
    found = [cell(results, workload, contract) for contract in CONTRACTS for workload in WORKLOADS]
    return [each for each in found if each.ours.runs or each.peers or each.shipped]
