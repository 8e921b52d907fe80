# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m ansible_collections.virtops.live_migration.tests.sim``: the comparison as a table; ``--all`` in full."""

from __future__ import annotations

import argparse
import statistics
import typing as t

from .cases import CONTRACTS, LINK, WORKLOADS, Cell, all_cells, kept
from .driver import Run


def row(cell: Cell, one: Run) -> str:
    guest = WORKLOADS[cell.workload]
    good = "yes" if kept(CONTRACTS[cell.contract], one) else ("broken" if one.finished else one.outcome)
    least_s = guest.touched_bytes / LINK.bytes_per_s
    return (
        f"{cell.contract:9} {cell.workload:15} {one.strategy:34} {good:9} {one.total_s:6.1f} s"
        f" {one.total_s / least_s:5.2f}x"
        f" {one.sent_bytes / guest.touched_bytes:5.2f}x {one.stood_ms:6d} ms {one.slow_s:5.1f} s {one.split_s:5.1f} s"
    )


def summary(cells: t.Sequence[Cell]) -> t.Iterator[str]:
    done = sum(kept(CONTRACTS[cell.contract], cell.ours) for cell in cells)
    yield f"ours: {done} of {len(cells)} within the contract"
    by_peer: dict[str, list[bool]] = {}
    for cell in cells:
        for one in cell.peers:
            by_peer.setdefault(one.strategy, []).append(kept(CONTRACTS[cell.contract], one))
    for name, results in sorted(by_peer.items(), key=lambda item: -sum(item[1])):
        yield f"{name}: {sum(results)} of {len(results)}"
    pairs = [(cell, cell.best) for cell in cells if kept(CONTRACTS[cell.contract], cell.ours)]
    ratios = [cell.ours.total_s / best.total_s for cell, best in pairs if best is not None]
    if ratios:
        yield f"total time, ours over the best peer: median {statistics.median(ratios):.2f}, worst {max(ratios):.2f}"
    errors = [
        abs(cell.forecast_s - cell.ours.total_s) / cell.ours.total_s
        for cell in cells
        if cell.forecast_s and cell.ours.finished
    ]
    if errors:
        yield f"error of the forecast: median {statistics.median(errors):.0%}, worst {max(errors):.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description="A simulation: it ranks rules, it measures no hypervisor.")
    parser.add_argument("--all", action="store_true", help="every peer, not only the best one")
    arguments = parser.parse_args()
    print("SIMULATION in virtual time, 512 MiB guest of which 296 MiB are touched, 45.6 MiB/s")
    print(
        f"{'contract':9} {'workload':15} {'strategy':34} {'kept':9} {'total':>8} {'/least':>6} {'data':>6} {'stood':>9}"
        f" {'slowed':>7} {'split':>7}"
    )
    cells = all_cells()
    for cell in cells:
        best = cell.best
        peers = sorted(cell.peers, key=lambda one: (not kept(CONTRACTS[cell.contract], one), one.total_s))
        for one in [cell.ours, *(peers if arguments.all else [best] if best else [])]:
            print(row(cell, one))
    for line in summary(cells):
        print(line)


if __name__ == "__main__":
    main()
