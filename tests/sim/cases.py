# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads x contracts x strategies, in virtual time. A simulation: it ranks rules, it measures no hypervisor."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

from .driver import Run, Strategy, run
from .guest import MIB, Guest, Link, Spell, steady
from .ours import Ours
from .peers import WITH_POSTCOPY, WITHOUT_POSTCOPY

LINK = Link(45.6 * MIB)  # what 400 Mbit/s carried in the lab
CUT_S = 120.0
TOLERANCE = 1.1

WORKLOADS: t.Mapping[str, Guest] = {
    "idle": steady(2, 0.5),
    "light": steady(64, 10),
    "near the limit": steady(256, 31.25),
    "small hot set": steady(32, 200),
    "large hot set": steady(256, 78.1),
    "extreme": steady(256, 234.4),
    "phasic": Guest(512 * MIB, 296 * MIB, [Spell(20, 256 * MIB, 78.1 * MIB), Spell(8, 16 * MIB, 2 * MIB)]),
    "whole pages": steady(256, 78.1, delta_share=1.0),
}

# No end but the cut: as much data as goes over the link until then.
_TERMS: t.Mapping[str, t.Any] = {"max_throttle_percent": 99, "deadline_s": CUT_S, "max_data_factor": 20}
CONTRACTS: t.Mapping[str, Policy] = {
    "strict": Policy(max_downtime_ms=500, postcopy="never", **_TERMS),
    "relaxed": Policy(max_downtime_ms=8000, postcopy="never", **_TERMS),
    "postcopy": Policy(max_downtime_ms=500, postcopy="prefer", **_TERMS),
}


def kept(contract: Policy, one: Run) -> bool:
    """Whether it finished, and within the contract; a tenth of tolerance, as no clock is that exact."""
    stood = one.stood_ms <= contract.max_downtime_ms * TOLERANCE
    return one.finished and stood and (contract.postcopy != "never" or one.split_s == 0)


@dataclass(frozen=True)
class Cell:
    """All strategies on one workload under one contract."""

    workload: str
    contract: str
    ours: Run
    peers: t.Sequence[Run]
    forecast_s: t.Optional[float]

    @property
    def best(self) -> t.Optional[Run]:
        """The fastest peer that kept the contract."""
        good = [one for one in self.peers if kept(CONTRACTS[self.contract], one)]
        return min(good, key=lambda one: one.total_s) if good else None


def cell(workload: str, contract: str) -> Cell:
    guest, terms = WORKLOADS[workload], CONTRACTS[contract]
    ours = Ours(terms)
    result = run(ours, guest, LINK, CUT_S)
    makers = WITHOUT_POSTCOPY if terms.postcopy == "never" else WITH_POSTCOPY
    peers: list[Strategy] = [make() for make in makers]
    expected = ours.forecast.expected if ours.forecast else None
    return Cell(
        workload,
        contract,
        result,
        [run(peer, guest, LINK, CUT_S) for peer in peers],
        expected.total_s if expected else None,
    )


def all_cells() -> list[Cell]:
    return [cell(workload, contract) for contract in CONTRACTS for workload in WORKLOADS]
