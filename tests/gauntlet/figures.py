# SPDX-License-Identifier: GPL-3.0-or-later
"""The six figures that the gauntlet is to show, each with what was measured and whether that is reached."""

from __future__ import annotations

import statistics
import typing as t
from dataclasses import dataclass

from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, TOLERANCE, WORKLOADS

from .candidates import PEERS, admits
from .results import Results, Run
from .score import Cell, Score, cells

_NO_SLOWER = 1.05
_FASTER_IN_ALL = 0.9
_OVER_LIMIT = 1.3
_TIME_OVER_LIMIT, _START_S = 1.4, 5.0  # from the order: Ansible, SSH and the verified end take the seconds
_HALF = 0.5
_ERROR_MEDIAN, _ERROR_MOST = 0.15, 0.30
_FIRST = PEERS[0].name  # virsh with its defaults


@dataclass(frozen=True)
class Figure:
    """``reached``: None when too little was measured to tell."""

    number: str
    what: str
    reached: t.Optional[bool]
    measured: str


def figures(results: Results) -> list[Figure]:
    found = cells(results)
    mine = [(each, run) for each in found for run in each.ours.runs]
    return [
        _finished(found),
        _more_than_any(found),
        *_total_time(found),
        *_limit(results, found),
        *_downtime(mine),
        _gentle(found),
        *_work(found),
        *_forecast([run for _each, run in mine]),
    ]


def _told(each: Cell) -> str:
    return f"{each.workload}/{each.contract}"


def _finished(found: t.Sequence[Cell]) -> Figure:
    asked = [each for each in found if each.ours.runs and each.best]
    missed = [f"{_told(each)} ({each.ours.why_not})" for each in asked if not each.ours.kept]
    what = "Finishes within the contract wherever any peer does"
    return Figure("1a", what, _all(asked, missed), f"{len(asked) - len(missed)} of {len(asked)}{_but(missed)}")


def _more_than_any(found: t.Sequence[Cell]) -> Figure:
    """Compared over the cells in which both took part; a contract that does not admit a peer is lost to it."""
    asked = [each for each in found if each.ours.runs and each.peers]
    ours = sum(each.ours.kept for each in asked)
    kept = {
        peer.name: sum(score.kept for each in asked for score in each.peers if score.strategy == peer.name)
        for peer in PEERS
        if any(admits(contract, peer.name) for contract in CONTRACTS)
    }
    most = max(kept.values(), default=0)
    names = ", ".join(name for name, count in kept.items() if count == most)
    measured = f"ours {ours} of {len(asked)}, the best single peer {most} ({names})"
    return Figure("1b", "Finishes more than any single peer", ours > most if asked else None, measured)


def _total_time(found: t.Sequence[Cell]) -> t.Iterator[Figure]:
    ways: t.Sequence[tuple[str, str, t.Callable[[Cell], t.Optional[float]]]] = (
        ("2a 2b", "Total time", lambda each: each.ratio),
        ("2c 2d", "Time of the job alone", lambda each: each.job_ratio),
    )
    for numbers, time, of in ways:
        in_all, by_median = numbers.split()
        ratios = {_told(each): ratio for each in found if (ratio := of(each)) is not None}
        over = [f"{name} {ratio:.2f}" for name, ratio in ratios.items() if ratio > _NO_SLOWER]
        measured = f"worst {max(ratios.values(), default=0.0):.2f} in {len(ratios)} cells{_but(over)}"
        what = f"{time} at most {_NO_SLOWER:g} of the best peer that keeps the contract, in every cell"
        yield Figure(in_all, what, _all(ratios, over), measured)
        middle = statistics.median(ratios.values()) if ratios else 0.0
        what = f"The same, median over all cells, at most {_FASTER_IN_ALL:g}"
        yield Figure(by_median, what, middle <= _FASTER_IN_ALL if ratios else None, f"{middle:.2f}")


def most_total_s(results: Results, workload: str) -> t.Optional[float]:
    """What ours may take with post-copy, from the order; None: the limit is not known."""
    least_s = results.least_s(workload)
    return _TIME_OVER_LIMIT * least_s + _START_S if least_s else None


def _limit(results: Results, found: t.Sequence[Cell]) -> t.Iterator[Figure]:
    """Where post-copy is allowed."""
    asked = [each for each in found if CONTRACTS[each.contract].postcopy != "never" and each.ours.runs]
    times: dict[str, tuple[float, float]] = {}
    data: dict[str, float] = {}
    for each in asked:
        touched = results.touched_bytes(each.workload)
        total_s, sent = each.ours.total_s, each.ours.median(lambda run: run.sent_bytes)
        never = float("inf")
        most_s = most_total_s(results, each.workload)
        if most_s and touched:
            times[each.workload] = (never if total_s is None else total_s, most_s)
            data[each.workload] = sent / touched if sent is not None else never
    shares = {name: total_s / most_s for name, (total_s, most_s) in times.items()}
    late = [f"{name} {times[name][0]:.1f} s of {times[name][1]:.1f} s" for name, share in shares.items() if share > 1]
    nearest = max(shares.values(), default=0.0)
    measured = f"at most {nearest:.2f} of that on {len(times)} workloads{_but(late)}"
    title = f"Total time at most {_TIME_OVER_LIMIT:g} of the physical limit and {_START_S:g} s, with post-copy allowed"
    yield Figure("3a", title, _all(times, late), measured)
    over = [f"{name} {ratio:.2f}" for name, ratio in data.items() if ratio > _OVER_LIMIT]
    measured = f"worst {max(data.values(), default=0.0):.2f} on {len(data)} workloads{_but(over)}"
    title = f"Data sent at most {_OVER_LIMIT:g} of the touched memory, with post-copy allowed"
    yield Figure("3b", title, _all(data, over), measured)


def _downtime(mine: t.Sequence[tuple[Cell, Run]]) -> t.Iterator[Figure]:
    finished = [(each, run) for each, run in mine if run.finished]
    by_libvirt = [(each, float(run.downtime_ms or 0)) for each, run in finished]
    by_guest = [(each, run.longest_gap_ms) for each, run in finished]
    for number, by, stood in (("4a", "by libvirt", by_libvirt), ("4b", "by the guest's heartbeat", by_guest)):
        shares = [(each, ms, ms / CONTRACTS[each.contract].max_downtime_ms) for each, ms in stood]
        over = [f"{_told(each)} {ms:.0f} ms" for each, ms, share in shares if share > TOLERANCE]
        most = max((share for _each, _ms, share in shares), default=0.0)
        measured = f"at most {most:.2f} of it, {len(shares)} runs{_but(over)}"
        what = f"Downtime never above the contract by more than 10 %, {by}"
        yield Figure(number, what, _all(shares, over), measured)


def _gentle(found: t.Sequence[Cell]) -> Figure:
    shares: dict[str, float] = {}
    for each in found:
        if each.workload not in ("idle", "light"):
            continue
        # Of every run that finished, whether it kept the contract or not.
        stood = [run.downtime_ms or 0 for run in each.ours.runs if run.finished]
        ours = statistics.median(stood) if stood else None
        plain = next((peer for peer in each.peers if peer.strategy == _FIRST), None)
        theirs = plain.median(lambda run: run.downtime_ms) if plain else None
        if ours is not None and theirs:
            shares[_told(each)] = ours / theirs
    over = [f"{name} {share:.2f}" for name, share in shares.items() if share > _HALF]
    measured = f"worst {max(shares.values(), default=0.0):.2f} in {len(shares)} cells{_but(over)}"
    what = f"Downtime of idle and light guests at most {_HALF:g} of that of virsh with its defaults"
    return Figure("4c", what, _all(shares, over), measured)


def _work(found: t.Sequence[Cell]) -> t.Iterator[Figure]:
    """Among those that keep the contract, where there are others beside ours.

    The share of a short migration is of less time: what it stands for in seconds is shown beside it.
    """
    ways: t.Sequence[tuple[str, str, str, t.Callable[[Score], t.Optional[float]]]] = (
        ("5a", "Share of the guest's work lost: never the worst", "{:.0%}", lambda score: score.lost_share),
        ("5b", "The same as time in which it would have been done", "{:.1f} s", lambda score: score.lost_s),
    )
    for number, what, pattern, of in ways:
        asked, worst = 0, []
        for each in found:
            mine, theirs = of(each.ours), [lost for peer in each.keepers if (lost := of(peer)) is not None]
            if mine is None or not theirs:
                continue
            asked += 1
            if mine > max(theirs):
                against = f"{pattern.format(mine)} against {pattern.format(max(theirs))} at most"
                worst.append(f"{_told(each)} {against}")
        measured = f"worst in {len(worst)} of {asked} cells{_but(worst)}"
        yield Figure(number, what, _all(range(asked), worst), measured)


def _forecast(mine: t.Sequence[Run]) -> t.Iterator[Figure]:
    errors = sorted(error for run in mine if (error := forecast_error(run)) is not None)
    middle = statistics.median(errors) if errors else 0.0
    most = errors[min(len(errors) - 1, int(0.9 * len(errors)))] if errors else 0.0
    what = "Forecast of how long the job takes, made before the start:"
    for number, name, value, limit in (
        ("6a", "median error", middle, _ERROR_MEDIAN),
        ("6b", "90th percentile", most, _ERROR_MOST),
    ):
        reached = value <= limit if errors else None
        yield Figure(number, f"{what} {name} at most {limit:.0%}", reached, f"{value:.0%} of {len(errors)} runs")


def forecast_error(run: Run) -> t.Optional[float]:
    if not run.finished or run.expected_s is None or not run.elapsed_s:
        return None
    return abs(run.expected_s - run.elapsed_s) / run.elapsed_s


def complete(results: Results) -> str:
    """How much of the table there is."""
    found = cells(results)
    both = sum(bool(each.ours.runs and each.peers) for each in found)
    return f"{both} of {len(WORKLOADS) * len(CONTRACTS)} cells, {len(results.runs)} runs"


def _all(asked: t.Sized, missed: t.Sized) -> t.Optional[bool]:
    return not len(missed) if len(asked) else None


def _but(names: t.Sequence[str]) -> str:
    return f"; not: {'; '.join(names)}" if names else ""
