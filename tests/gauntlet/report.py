# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation, from the results file alone."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, CUT_S, WORKLOADS

from .candidates import OURS, PEERS
from .figures import complete, figures, forecast_error
from .results import Results, Run
from .score import Cell, Score, broken_rules, cells
from .table import rows as table
from .table import title
from .workloads import OPTIONS

_HEAD = """..
  Copyright (c) 2026, The virtops maintainers
  GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Written by tests/run/gauntlet. Do not edit.

.. _ansible_collections.virtops.live_migration.docsite.gauntlet:
"""

_HOW = """
Workloads, contracts and strategies side by side on real QEMU: the rules of other tools, each as a small driver of its
own written from its source or manual, and ours. All of them migrate the same guests, peer to peer, over the same link.
The other tools themselves were not run.

- Times, data and downtime are from libvirt's statistics of the job. The *gap* is the longest time between two
  heartbeats of the guest (one is due each 20 ms), *lost* the share of its work that it did not get done while it was
  migrated, against its rate just before.
- The *limit* is what the guest uses over what the link carries, both measured by a plain migration while the guest
  writes nothing.
- After each run all of the guest's memory was compared with what it must be, and it was seen to run on one host only.
- A run is cut after {cut:.0f} s and counts as not finished. A contract is kept with a tenth of tolerance. Runs were
  interleaved; three where strategies are close, one where they are not, and medians of those that kept the contract.
  On the phasic workload the three begin at different moments of its period.
- The rules of a peer do not know the contract, so one run of it is held against each.
- Not run is what follows: a strategy that is still the same as another one when that one has finished; one that only
  aborts what another one shows not to finish; one with a lower downtime limit than one that does not finish.
- Ours measures the guest before it starts ({lead}); that is no part of the total time.
"""


def text(results: Results) -> str:
    found = cells(results)
    parts = [
        _HEAD,
        title("The gauntlet: measured against other tools", "="),
        ".. contents::\n   :local:\n   :depth: 1\n",
    ]
    parts += [title("How it was measured", "-"), _HOW.format(cut=CUT_S, lead=_lead(results)).strip() + "\n"]
    parts += [_where(results), _repeat(), title("What was to be shown", "-"), _figures(results)]
    parts += [title("By strategy", "-"), _strategies(results, found)]
    parts += [title("Ours and the best peer", "-"), _duels(results, found)]
    parts += [title("Workloads and contracts", "-"), _workloads(results), _contracts()]
    parts += [title("All runs", "-"), *_appendix(results, found)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _lead(results: Results) -> str:
    leads = sorted(run.lead_s for run in results.runs if run.strategy == OURS and run.lead_s)
    ways = sorted({run.by for run in results.runs if run.strategy == OURS and run.by})
    by = f", run by: {' and '.join(ways)}" if ways else ""
    return f"{leads[0]:.0f} to {leads[-1]:.0f} s from the order to the start{by}" if leads else "not measured"


def _where(results: Results) -> str:
    if not results.machines:
        return ""
    first, last = results.machines[0], results.machines[-1]
    days = sorted({str(each["at"])[:10] for each in results.machines})
    links = [each.link_bytes_per_s / (1 << 20) for each in results.calibrations]
    carried = f", which carried {min(links):.1f} to {max(links):.1f} MiB/s" if links else ""
    return (
        f"Measured {' to '.join(dict.fromkeys([days[0], days[-1]]))}, {complete(results)}, on one machine with"
        f" {last['processors']} processors and {last['memory_mib']} MiB: two hosts in namespaces (``tests/lab``),"
        f" libvirt {last['libvirt']}, QEMU {last['qemu']} without KVM, a link of {first['link_mbit']} Mbit/s{carried}."
        f" Commits: {', '.join(dict.fromkeys(str(each['commit']) for each in results.machines))}.\n"
    )


def _repeat() -> str:
    return (
        "To repeat it (it goes on where it was left off; ``--help`` tells how to run a part):\n\n"
        ".. code-block:: console\n\n"
        "    $ make gauntlet\n"
    )


def _figures(results: Results) -> str:
    said = {True: "reached", False: "**not reached**", None: "not measured"}
    lines = [[each.number, each.what, said[each.reached], each.measured] for each in figures(results)]
    return table(["", "Figure", "", "Measured"], lines, [5, 40, 12, 43])


def _strategies(results: Results, found: t.Sequence[Cell]) -> str:
    lines = []
    for name in [OURS, *(peer.name for peer in PEERS)]:
        counts = []
        for contract in CONTRACTS:
            scores = [score for each in found if each.contract == contract for score in _scores(each, name)]
            counts.append(f"{sum(score.kept for score in scores)} of {len(scores)}" if scores else "-")
        good = [score for each in found for score in _scores(each, name) if score.kept]
        times = [
            score.total_s / least for score in good if score.total_s and (least := results.least_s(score.workload))
        ]
        lost = [score.lost_share for score in good if score.lost_share is not None]
        lines.append([name, *counts, _middle(times, "{:.2f}"), _middle(lost, "{:.0%}")])
    head = ["Strategy", *(f"keeps *{contract}*" for contract in CONTRACTS), "time / limit", "lost"]
    note = "The last two columns are medians over the cells that it keeps, so those of a strategy that keeps only easy"
    return table(head, lines) + f"\n{note} ones look good.\n"


def _scores(each: Cell, name: str) -> list[Score]:
    return [score for score in [each.ours, *each.peers] if score.strategy == name and score.runs]


def _duels(results: Results, found: t.Sequence[Cell]) -> str:
    lines = []
    for each in found:
        best, least_s = each.best, results.least_s(each.workload)
        ours = each.ours
        over = f"{ours.total_s / least_s:.2f}" if ours.total_s and least_s else "-"
        lines.append(
            [
                each.contract,
                each.workload,
                _time(ours),
                over,
                _number(ours.median(lambda run: run.downtime_ms), "{:.0f} ms"),
                _number(ours.lost_share, "{:.0%}"),
                best.strategy if best else "none",
                _time(best) if best else "-",
                _number(best.median(lambda run: run.downtime_ms) if best else None, "{:.0f} ms"),
                _number(best.lost_share if best else None, "{:.0%}"),
                _number(each.ratio, "{:.2f}"),
            ]
        )
    head = ["Contract", "Workload", "Ours", "/ limit", "down", "lost", "Best peer", "total", "down", "lost", "ratio"]
    return table(head, lines)


def _time(score: Score) -> str:
    if not score.runs:
        return "-"
    if not score.kept:
        return f"no: {score.why_not}"
    spread = f" ({len(score.good)}/{len(score.runs)})" if len(score.runs) > 1 else ""
    return f"{score.total_s:.1f} s{spread}"


def _workloads(results: Results) -> str:
    lines = []
    for name in WORKLOADS:
        options, touched, least_s = OPTIONS[name], results.touched_bytes(name), results.least_s(name)
        spells = f"{options.busy_s:g} s busy, {options.calm_s:g} s calm" if options.calm_s else "always"
        lines.append(
            [
                name,
                f"{options.hot_mib} MiB",
                f"{options.pages_per_s} pages/s",
                "whole" if options.whole_pages else "sparse",
                spells,
                _number(touched and touched / (1 << 20), "{:.0f} MiB"),
                _number(least_s, "{:.1f} s"),
            ]
        )
    return table(["Workload", "Rewrites", "wants", "Pages", "When", "Uses", "Limit"], lines)


def _contracts() -> str:
    lines = [
        [name, f"{terms.max_downtime_ms} ms", {"never": "no"}.get(terms.postcopy, "yes")]
        for name, terms in CONTRACTS.items()
    ]
    return table(["Contract", "Downtime at most", "Post-copy"], lines)


def _appendix(results: Results, found: t.Sequence[Cell]) -> t.Iterator[str]:
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
        for name in [OURS, *(peer.name for peer in PEERS)]:
            scores = [score for each in here for score in _scores(each, name)]
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
        _number(run.total_s / least_s if least_s else None, "{:.2f}"),
        f"{run.sent_bytes >> 20} MiB",
        _number(run.downtime_ms, "{:.0f} ms"),
        f"{run.longest_gap_ms:.0f} ms",
        f"{run.max_throttle_percent} %",
        f"{run.split_s:.1f} s",
        _number(run.lost_share, "{:.0%}"),
        f"{_expected_s(run):.1f} s ({error:.0%})" if error is not None else "-",
    ]


def _expected_s(run: Run) -> float:
    return float((run.forecast or {})["expected"]["total_s"])


def _number(value: t.Optional[float], pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def _middle(values: t.Sequence[float], pattern: str) -> str:
    ordered = sorted(values)
    return pattern.format(ordered[len(ordered) // 2]) if ordered else "-"
