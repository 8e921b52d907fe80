# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults and cases of one kind each, and the comparison with the rules of other tools."""

from __future__ import annotations

import statistics
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import adopted_plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import PRESETS, Policy, preset
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import Kind
from ansible_collections.virtops.live_migration.tests.sim.cases import (
    CONTRACTS,
    LINK,
    TOLERANCE,
    WORKLOADS,
    Cell,
    all_cells,
    kept,
)
from ansible_collections.virtops.live_migration.tests.sim.driver import Run, run
from ansible_collections.virtops.live_migration.tests.sim.guest import Link
from ansible_collections.virtops.live_migration.tests.sim.ours import Ours
from ansible_collections.virtops.live_migration.tests.sim.qemu import Job, Start

RATE = LINK.bytes_per_s
LARGE = WORKLOADS["large hot set"]


def did(result: Run) -> list[str]:
    return [action.reason for _at_s, action in result.actions if action.apply]


def adopt(contract: Policy, start: Start, *flags: t.Optional[bool], after_s: float = 100) -> Run:
    job = Job(LARGE, LINK, start)
    while job.now_s < after_s:
        job.step()
    return run(Ours(contract, plan=adopted_plan(*flags)), LARGE, LINK, 300, job)


# --- the comparison

CELLS = all_cells()


@pytest.mark.parametrize("cell", CELLS, ids=[f"{cell.contract}, {cell.workload}" for cell in CELLS])
def test_ours_keeps_every_contract_and_is_no_slower_than_the_best_peer(cell: Cell) -> None:
    assert kept(CONTRACTS[cell.contract], cell.ours)
    assert cell.best is None or cell.ours.total_s <= 1.06 * cell.best.total_s


def test_overall_ours_is_faster() -> None:
    ratios = [cell.ours.total_s / cell.best.total_s for cell in CELLS if cell.best]
    assert statistics.median(ratios) <= 0.9


@pytest.mark.parametrize("cell", [c for c in CELLS if c.contract == "postcopy"], ids=lambda cell: cell.workload)
def test_with_post_copy_it_takes_little_more_than_it_must(cell: Cell) -> None:
    guest = WORKLOADS[cell.workload]
    assert cell.ours.total_s <= 1.3 * guest.touched_bytes / RATE
    assert cell.ours.sent_bytes <= 1.3 * guest.touched_bytes


@pytest.mark.parametrize("cell", CELLS, ids=[f"{cell.contract}, {cell.workload}" for cell in CELLS])
def test_the_guest_does_not_lose_more_work_than_with_the_worst_peer(cell: Cell) -> None:
    """In seconds of work, all in all. As a share of a migration that is over sooner it can be more."""
    others = [one.slow_s for one in cell.peers if kept(CONTRACTS[cell.contract], one)]
    assert not others or cell.ours.slow_s <= 1.1 * max(others) + 0.05


def test_forecasts_are_near() -> None:
    errors = [abs(cell.forecast_s - cell.ours.total_s) / cell.ours.total_s for cell in CELLS if cell.forecast_s]
    assert statistics.median(errors) <= 0.15


# --- jobs of somebody else


def test_a_stuck_job_is_freed_within_one_pass() -> None:
    result = adopt(Policy(max_downtime_ms=8000, postcopy="never"), Start())
    assert (result.outcome, did(result)) == ("completed", ["NEEDED_DOWNTIME"])
    assert result.total_s < 8


def test_a_stuck_job_with_the_flag_is_switched() -> None:
    result = adopt(Policy(max_downtime_ms=500), Start(postcopy=True), True, False)
    assert (result.outcome, did(result)) == ("completed", ["POSTCOPY_NEEDED"])


def test_a_stuck_job_of_which_nothing_is_known_is_tried_once() -> None:
    result = adopt(Policy(max_downtime_ms=500), Start())
    assert did(result).count("POSTCOPY_NEEDED") == 1
    assert result.outcome == "cancelled"


def test_a_pause_where_the_contract_has_one() -> None:
    result = adopt(Policy(max_downtime_ms=500, postcopy="never", max_pause_s=10), Start(), False, False)
    assert (result.outcome, did(result)) == ("completed", ["NEEDED_PAUSE"])
    assert result.stood_ms <= 10_000


def test_somebody_elses_limit_is_brought_within_the_contract() -> None:
    result = adopt(Policy(max_downtime_ms=500, postcopy="never"), Start(limit_ms=3000), False, False, after_s=9)
    assert did(result)[0] == "FIRST_LIMIT"
    assert result.stood_ms <= 550


# --- links


@pytest.mark.parametrize("begin_s", [3, 9])
@pytest.mark.parametrize("contract", ["strict", "postcopy"])
def test_a_short_break_costs_its_time_only(begin_s: float, contract: str) -> None:
    whole = run(Ours(CONTRACTS[contract]), LARGE, LINK, 300)
    broken = run(Ours(CONTRACTS[contract]), LARGE, Link(RATE, [(begin_s, 0), (begin_s + 3, RATE)]), 300)
    assert broken.finished
    assert broken.total_s <= whole.total_s + 3.5


def test_a_long_break_in_post_copy_is_recovered_from() -> None:
    result = run(Ours(CONTRACTS["postcopy"]), LARGE, Link(RATE, [(3, 0), (63, RATE)]), 300)
    assert result.finished
    assert "POSTCOPY_BROKEN" in did(result)
    assert not [action for _at_s, action in result.actions if action.kind is Kind.ABORT]


def test_a_long_break_in_pre_copy_leaves_the_guest_on_the_source() -> None:
    result = run(Ours(CONTRACTS["strict"]), LARGE, Link(RATE, [(3, 0)]), 300)
    assert result.outcome == "failed"
    assert did(result) == []


def test_a_link_that_dies_in_a_pause_brings_the_guest_back() -> None:
    contract = Policy(max_downtime_ms=8000, postcopy="never")
    result = run(Ours(contract, xbzrle=False), LARGE, Link(RATE, [(8, 0)]), 300)
    assert result.outcome == "cancelled"
    assert did(result)[-1] == "PAUSE_EXPIRED"
    assert result.stood_ms <= 8000 + 3000


# --- guests


def test_a_guest_busy_in_phases_finishes_in_a_calm_one_without_harm() -> None:
    contract = preset("minimal_downtime", {"max_throttle_percent": 0, "max_data_factor": 8})
    result = run(Ours(contract, xbzrle=False), WORKLOADS["phasic"], LINK, 300)
    assert result.finished
    assert (result.max_throttle, result.split_s) == (0, 0)
    assert result.stood_ms <= 550


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", PRESETS)
def test_the_shipped_policies_move_every_guest(name: str, workload: str) -> None:
    """Each within what it says itself. The one that writes the most needs the longest way: more than four times its
    memory, as a throttle of 60 % leaves it little slower than the link."""
    contract = preset(name)
    result = run(Ours(contract), WORKLOADS[workload], LINK, 300)
    assert result.finished
    longest_ms = max(contract.max_downtime_ms, contract.max_pause_s * 1000)
    assert result.stood_ms <= longest_ms * TOLERANCE
    assert result.max_throttle <= contract.max_throttle_percent
    assert contract.postcopy != "never" or result.split_s == 0


def test_hopeless_ends_as_the_contract_says() -> None:
    for choice, outcome in (("abort", "cancelled"), ("leave", "cut")):
        contract = preset("minimal_downtime", {"max_throttle_percent": 0, "on_hopeless": choice})
        result = run(Ours(contract, xbzrle=False), LARGE, LINK, 300)
        assert result.outcome == outcome
        assert result.stood_ms == 0


def test_without_events_it_still_keeps_the_contract() -> None:
    for name, contract in CONTRACTS.items():
        for workload, guest in WORKLOADS.items():
            result = run(Ours(contract, events=False), guest, LINK, 120)
            assert kept(contract, result), (name, workload, result.outcome)


def test_disks_come_first_and_have_their_own_time() -> None:
    job = Job(LARGE, LINK, Start(disk_bytes=int(RATE * 100)))
    contract = Policy(max_downtime_ms=8000, postcopy="never", deadline_s=60)
    result = run(Ours(contract, plan=adopted_plan(False, False)), LARGE, LINK, 300, job)
    assert result.finished
    slow = Policy(max_downtime_ms=8000, postcopy="never", storage_deadline_s=30)
    job = Job(LARGE, LINK, Start(disk_bytes=int(RATE * 100)))
    result = run(Ours(slow, plan=adopted_plan(False, False)), LARGE, LINK, 300, job)
    assert did(result) == ["STORAGE_DEADLINE"]
