# SPDX-License-Identifier: GPL-3.0-or-later
"""Every run, workload by workload."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.tests.sim.cases import WORKLOADS

from .candidates import OURS, PEERS, SHIPPED
from .figures import forecast_error
from .results import Results, Run
from .score import Cell, broken_rules
from .table import lost, number, title
from .table import rows as table


def appendix(results: Results, found: t.Sequence[Cell]) -> t.Iterator[str]:
    head = [
        "Strategy",
        "Run",
        "Kept",
        "total",
        "/ limit",
        "sent",
        "down",
        "gap",
        "throttle",
        "split",
        "lost",
        "forecast",
    ]
    yield "*Kept*: the contracts that the run keeps, of those that admit the strategy; else how it ended.\n"
    for workload in WORKLOADS:
        here = [each for each in found if each.workload == workload]
        if not here:
            continue
        lines: list[list[str]] = []
        for name in [OURS, *SHIPPED, *(peer.name for peer in PEERS)]:
            scores = [score for each in here for score in each.of(name)]
            seen: dict[tuple[str, int], tuple[Run, list[str]]] = {}
            for score in scores:
                for run in score.runs:
                    kept = seen.setdefault((run.contract, run.repeat), (run, []))[1]
                    if not broken_rules(run, score.contract):
                        kept.append(score.contract)
            lines += [_line(run, kept, results.least_s(workload)) for run, kept in seen.values()]
        yield title(workload.capitalize(), "~")
        yield table(head, lines)


def _line(run: Run, kept: t.Sequence[str], least_s: t.Optional[float]) -> list[str]:
    name = f"{run.strategy} ({run.contract})" if run.contract else run.strategy
    error = forecast_error(run)
    return [
        name,
        run.derived or str(run.repeat + 1),
        ", ".join(kept) or (run.outcome if not run.finished else "none"),
        f"{run.total_s:.1f} s",
        number(run.total_s / least_s if least_s else None, "{:.2f}"),
        f"{run.sent_bytes >> 20} MiB",
        number(run.downtime_ms, "{:.0f} ms"),
        f"{run.longest_gap_ms:.0f} ms",
        f"{run.max_throttle_percent} %",
        f"{run.split_s:.1f} s",
        lost(run.lost_share, run.lost_s),
        f"{run.expected_s:.1f} s ({error:.0%})" if error is not None else "-",
    ]
