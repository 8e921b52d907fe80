# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up runs for the tests of the scoring."""

from __future__ import annotations

import typing as t

from .results import Calibration, Results, Run

MIB = 1 << 20


def made(workload: str, strategy: str, contract: str = "", repeat: int = 0, **changes: t.Any) -> Run:
    """A run of 10 s that went well."""
    usual: dict[str, t.Any] = {
        "outcome": "completed",
        "elapsed_ms": 10_000,
        "sent_bytes": 400 * MIB,
        "downtime_ms": 100,
        "longest_gap_ms": 150.0,
        "rate_before_pages_per_s": 1000.0,
        "busy_s": 10.0,
        "work_pages": 9000,
        "checked_pages": 1000,
        "running_on": ["kvm02"],
    }
    return Run(workload, strategy, contract, repeat, **{**usual, **changes})


def results_of(*runs: Run) -> Results:
    known = [Calibration(name, "", 320 * MIB, 40 * MIB) for name in {run.workload for run in runs}]
    return Results(list(runs), known)
