# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation, from the results file alone."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, CUT_S, WORKLOADS

from .appendix import appendix
from .candidates import OURS, PEERS, SHIPPED
from .figures import complete, figures
from .reasons import reasons
from .results import Results
from .score import Cell, Score, cells
from .shipped import shipped
from .stage import UNSENT_KIB
from .table import head, lost, middle, number, span, title
from .table import rows as table
from .workloads import OPTIONS

_HOW = """
Workloads, contracts and strategies side by side on real QEMU: the rules of other tools, each as a small driver of its
own written from its source or manual, and ours. All of them migrate the same guests, peer to peer, over the same link.
The other tools themselves were not run.

- The *total time* is from the order to the end that the strategy has verified. Of ours that is the whole play, with
  Ansible, SSH and measuring; of the others a program of the same kind that calls libvirt itself.
- Data and downtime are from libvirt's statistics of the job. The *gap* is the longest time between two
  heartbeats of the guest (one is due each 20 ms), *lost* the share of its work that it did not get done while it was
  migrated, against its rate just before, and the time in which it would have done it.
- The *limit* is what the guest uses over what the link carries, both measured by a plain migration while the guest
  writes nothing.
- The hosts are set up by ``prerequisites_unsent_kib: {unsent}`` of the role
  :ansplugin:`virtops.live_migration.prerequisites#role`, for all strategies alike.
- After each run all of the guest's memory was compared with what it must be, and it was seen to run on one host only.
- A run is cut after {cut:.0f} s and counts as not finished. A contract is kept with a tenth of tolerance. Each strategy
  ran once on all workloads in turn; then those again, in turns, that are close to each other or to a time that is to be
  kept: three runs there, one elsewhere, and medians of those that kept the contract. When each was made is in
  ``tests/gauntlet/measured.jsonl``. On the phasic workload the three begin at different moments of its period.
- The rules of a peer do not know the contract, so one run of it is held against each.
- Not run is what follows: a strategy that is still the same as another one when that one has finished; one that only
  aborts what another one shows not to finish; one with a lower downtime limit than one that does not finish.
- Ours takes {lead}, which is part of the total time.
"""


def text(results: Results) -> str:
    found = cells(results)
    parts = [
        head("tests/run/gauntlet", "gauntlet"),
        title("The gauntlet: measured against other tools", "="),
        ".. contents::\n   :local:\n   :depth: 1\n",
    ]
    parts += [
        title("How it was measured", "-"),
        _HOW.format(cut=CUT_S, lead=_lead(results), unsent=UNSENT_KIB).strip() + "\n",
    ]
    parts += [_where(results), _repeat(), title("What was to be shown", "-"), _figures(results)]
    parts += [title("By strategy", "-"), _strategies(results, found)]
    parts += [title("Ours and the best peer", "-"), _duels(results, found)]
    parts += [title("With the policies that are shipped", "-"), *shipped(results, found)]
    parts += [title("Workloads and contracts", "-"), _workloads(results), _contracts()]
    parts += [title("All runs", "-"), *appendix(results, found)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _lead(results: Results) -> str:
    leads = sorted(run.lead_s for run in results.runs if run.strategy == OURS and run.lead_s)
    if not leads:
        return "how long was not seen"
    how = {"module": "the module, with Ansible and SSH", "engine": "its engine alone, without module, Ansible and SSH"}
    ways = sorted({run.by for run in results.runs if run.strategy == OURS and run.by})
    by = ", and ".join(how.get(way, way) for way in ways)
    return f"{leads[0]:.0f} to {leads[-1]:.0f} s from the order to the start. What was run is {by}"


def _where(results: Results) -> str:
    if not results.machines:
        return ""
    first, last = results.machines[0], results.machines[-1]
    days = span(str(each["at"])[:10] for each in results.machines)
    links = [each.link_bytes_per_s / (1 << 20) for each in results.calibrations]
    carried = f", which carried {min(links):.1f} to {max(links):.1f} MiB/s" if links else ""
    return (
        f"Measured {days}, {complete(results)}, on {_machines(results)}: two hosts in namespaces (``tests/lab``),"
        f" libvirt {last['libvirt']}, QEMU {last['qemu']} without KVM, a link of {first['link_mbit']} Mbit/s{carried}."
        f" Commits: {', '.join(dict.fromkeys(str(each['commit']) for each in results.machines))}.\n"
    )


def _machines(results: Results) -> str:
    """Of each kind; all strategies of a workload ran on the same one."""
    kinds = dict.fromkeys((each["processors"], each["memory_mib"]) for each in results.machines)
    return " and on ".join(f"a machine with {processors} processors and {memory} MiB" for processors, memory in kinds)


def _repeat() -> str:
    return (
        "To repeat it (it goes on where it was left off; ``--help`` tells how to run a part):\n\n"
        ".. code-block:: console\n\n"
        "    $ make gauntlet\n"
    )


def _figures(results: Results) -> str:
    said = {True: "reached", False: "**not reached**", None: "not measured"}
    lines = [[each.number, each.what, said[each.reached], each.measured] for each in figures(results)]
    found = table(["", "Figure", "", "Measured"], lines, [5, 40, 12, 43])
    why = reasons(results)
    return found + "\n".join(["\nWhy some are not:\n", *why, ""]) if why else found


def _strategies(results: Results, found: t.Sequence[Cell]) -> str:
    lines = []
    for name in [OURS, *SHIPPED, *(peer.name for peer in PEERS)]:
        counts = []
        for contract in CONTRACTS:
            scores = [score for each in found if each.contract == contract for score in each.of(name)]
            counts.append(f"{sum(score.kept for score in scores)} of {len(scores)}" if scores else "-")
        good = [score for each in found for score in each.of(name) if score.kept]
        times = [
            score.total_s / least for score in good if score.total_s and (least := results.least_s(score.workload))
        ]
        lost = [score.lost_share for score in good if score.lost_share is not None]
        lines.append([name, *counts, middle(times, "{:.2f}"), middle(lost, "{:.0%}")])
    head = ["Strategy", *(f"keeps *{contract}*" for contract in CONTRACTS), "time / limit", "lost"]
    note = "The last two columns are medians over the cells that it keeps, so those of a strategy that keeps only easy"
    return table(head, lines) + f"\n{note} ones look good.\n"


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
                number(ours.median(lambda run: run.downtime_ms), "{:.0f} ms"),
                lost(ours.lost_share, ours.lost_s),
                best.strategy if best else "none",
                _time(best) if best else "-",
                number(best.median(lambda run: run.downtime_ms) if best else None, "{:.0f} ms"),
                lost(best.lost_share, best.lost_s) if best else "-",
                number(each.ratio, "{:.2f}"),
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
                number(touched and touched / (1 << 20), "{:.0f} MiB"),
                number(least_s, "{:.1f} s"),
            ]
        )
    return table(["Workload", "Rewrites", "wants", "Pages", "When", "Uses", "Limit"], lines)


def _contracts() -> str:
    lines = [
        [name, f"{terms.max_downtime_ms} ms", {"never": "no"}.get(terms.postcopy, "yes")]
        for name, terms in CONTRACTS.items()
    ]
    return table(["Contract", "Downtime at most", "Post-copy"], lines)
