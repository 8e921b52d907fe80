# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of runs: contracts kept, what follows from another run, the figures, the page."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.tests.gauntlet.figures import figures
from ansible_collections.virtops.live_migration.tests.gauntlet.made import made, results_of
from ansible_collections.virtops.live_migration.tests.gauntlet.reasons import reasons
from ansible_collections.virtops.live_migration.tests.gauntlet.report import text
from ansible_collections.virtops.live_migration.tests.gauntlet.results import Calibration, Results, Store, read
from ansible_collections.virtops.live_migration.tests.gauntlet.score import broken_rules, cell, cells, runs_of
from ansible_collections.virtops.live_migration.tests.gauntlet.workloads import OPTIONS

pytestmark = pytest.mark.fast

CUT: dict[str, t.Any] = {"outcome": "cut", "elapsed_ms": 120_000, "downtime_ms": None}


def reached(results: Results) -> dict[str, object]:
    return {each.number: each.reached for each in figures(results)}


def test_a_contract_is_kept_with_a_tenth_of_tolerance() -> None:
    assert broken_rules(made("light", "virsh", downtime_ms=550), "strict") == []
    assert broken_rules(made("light", "virsh", downtime_ms=551), "strict") == ["downtime"]
    assert broken_rules(made("light", "virsh", downtime_ms=551), "relaxed") == []
    assert broken_rules(made("light", "virsh", split_s=2.0), "relaxed") == ["post-copy"]
    assert broken_rules(made("light", "virsh", split_s=2.0), "postcopy") == []
    assert broken_rules(made("light", "virsh", **CUT), "relaxed") == ["cut"]
    assert broken_rules(made("light", "virsh", downtime_ms=None), "relaxed") == ["downtime"]


def test_a_guest_is_intact_only_when_it_was_checked_and_runs_once() -> None:
    assert made("light", "virsh").intact
    assert not made("light", "virsh", bad_pages=1).intact
    assert not made("light", "virsh", checked_pages=0).intact
    assert not made("light", "virsh", running_on=[]).intact
    assert not made("light", "virsh", running_on=["kvm01", "kvm02"]).intact
    assert not made("light", "virsh", split_brain_beats=1).intact


def test_lost_work_is_what_it_would_have_done_meanwhile() -> None:
    run = made("light", "virsh", busy_s=10.0, work_pages=7500)
    assert run.lost_s == pytest.approx(2.5)
    assert run.lost_share == pytest.approx(0.25)
    assert made("light", "virsh", work_pages=20_000).lost_s == 0.0
    assert made("light", "virsh", rate_before_pages_per_s=0.0).lost_share is None


def test_what_is_not_reached_is_told_with_what_others_show_of_it() -> None:
    quick: dict[str, t.Any] = {"elapsed_ms": 8000, "order_s": 8.5}
    ours = made("light", "ours", "postcopy", split_s=2.0, longest_gap_ms=700.0, **quick)
    peer = made("light", "virsh postcopy-after-precopy", split_s=2.0, longest_gap_ms=650.0)
    (told,) = reasons(results_of(ours, peer))
    assert told.startswith("- *4b*: ")
    assert "of 650 to 650 ms in post-copy; ours had none and 700 to 700 ms." in told
    good = made("light", "ours", "postcopy", longest_gap_ms=90.0, **quick)
    assert reasons(results_of(good, made("light", "virsh"))) == []


def test_the_job_alone_is_compared_too() -> None:
    """Here by the play ours is slower than its peer, and by the job it is the faster one."""
    ours = made("light", "ours", "postcopy", elapsed_ms=8000, order_s=12.0)
    results = results_of(ours, made("light", "virsh", elapsed_ms=9500, order_s=9.8))
    assert [reached(results)[number] for number in ("2a", "2b", "2c", "2d")] == [False, False, True, True]
    told = reasons(results)
    assert told[0].startswith("- *2a*: Ours is a whole play. 4 to 4 s of it are Ansible")


def test_what_follows_from_a_run_of_another_strategy() -> None:
    quick = results_of(made("light", "virsh"))
    for name in ("virsh timeout-suspend", "KubeVirt stall detector", "KubeVirt timers"):
        (run,) = runs_of(quick, "light", name)
        assert (run.strategy, run.total_s, run.derived) == (name, 10.0, "as virsh")
    assert runs_of(quick, "light", "Nova") == []  # its lower limit may take longer
    assert runs_of(quick, "light", "Proxmox") == []

    never = results_of(made("extreme", "virsh", **CUT, sent_bytes=1600))
    assert runs_of(never, "extreme", "virsh timeout-suspend") == []
    (timers,) = runs_of(never, "extreme", "KubeVirt timers")
    assert (timers.outcome, timers.total_s, timers.sent_bytes) == ("gave up", 75.0, 1000)
    assert [run.outcome for run in runs_of(never, "extreme", "Nova")] == ["cut"]
    assert [run.outcome for run in runs_of(never, "extreme", "Nova post-copy")] == ["cut"]


def test_the_best_peer_is_the_fastest_that_keeps_the_contract() -> None:
    found = cell(
        results_of(
            made("extreme", "ours", "strict", elapsed_ms=12_000),
            made("extreme", "virsh timeout-suspend", elapsed_ms=9_000, downtime_ms=7_000),
            made("extreme", "virsh auto-converge", elapsed_ms=60_000),
            made("extreme", "virsh postcopy-after-precopy", elapsed_ms=8_000, split_s=5.0),
        ),
        "extreme",
        "strict",
    )
    assert found.best is not None
    assert found.best.strategy == "virsh auto-converge"
    assert found.ratio == pytest.approx(0.2)
    assert "virsh postcopy-after-precopy" not in [peer.strategy for peer in found.peers]


def test_a_strategy_keeps_a_contract_more_often_than_not() -> None:
    runs = [made("phasic", "virsh", repeat=number) for number in range(2)]
    failed = made("phasic", "virsh", repeat=2, **CUT)
    assert cell(results_of(*runs, failed), "phasic", "strict").peers[0].kept
    assert not cell(results_of(runs[0], failed), "phasic", "strict").peers[0].kept


GOOD: dict[str, t.Any] = {
    "elapsed_ms": 8_000,
    "sent_bytes": 330 << 20,
    "downtime_ms": 40,
    "longest_gap_ms": 60.0,
    "work_pages": 9500,
}
EXPECTED_S = 8.4


def good_results() -> Results:
    ours = [
        made(name, "ours", contract, expected_s=EXPECTED_S, **GOOD)
        for contract in ("strict", "relaxed", "postcopy")
        for name in ("idle", "extreme")
    ]
    return results_of(*ours, made("idle", "virsh"), made("extreme", "virsh", **CUT))


def test_all_figures_are_reached_by_results_that_are_good() -> None:
    assert reached(good_results()) == dict.fromkeys(
        ["1a", "1b", "2a", "2b", "2c", "2d", "3a", "3b", "4a", "4b", "4c", "5a", "5b", "6a", "6b"], True
    )


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({**CUT}, {"1a"}),
        ({"order_s": 10.6}, {"2a"}),
        ({"order_s": 16.3}, {"2a", "3a"}),  # the limit is 8 s
        ({"sent_bytes": 420 << 20}, {"3b"}),
        ({"downtime_ms": 60}, {"4c"}),
        ({"downtime_ms": 600}, {"1a", "4a", "4c"}),
        ({"longest_gap_ms": 600.0}, {"4b"}),
        ({"work_pages": 8000}, {"5a", "5b"}),
        ({"elapsed_ms": 6_000}, {"6b"}),
    ],
)
def test_a_figure_is_missed_by_one_bad_run(changes: dict[str, t.Any], missed: set[str]) -> None:
    results = good_results()
    bad = next(run for run in results.runs if run.key == ("idle", "ours", "postcopy", 0))
    results.runs[results.runs.index(bad)] = dataclasses.replace(bad, **changes)
    assert missed <= {number for number, fine in reached(results).items() if fine is False}


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert set(reached(results_of(made("idle", "virsh"))).values()) == {None}


def test_the_page_has_every_run_and_every_figure() -> None:
    page = text(good_results())
    assert page.count("* - ours (") == 6
    assert "- cut" in page
    assert all(each.what in page for each in figures(good_results()))
    assert "8.4 s (5%)" in page


def test_results_are_kept_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "results.jsonl"
    store = Store(path)
    run, calibration = made("idle", "ours", "strict", expected_s=EXPECTED_S, actions=[]), Calibration("idle", "", 1, 2)
    store.add(calibration)
    store.add(run)
    store.add_machine({"qemu": "7.2"})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"kind": "run", "worklo')  # the machine went off here
    found = read(path)
    assert found == store.results
    assert found.runs == [run]
    Store(path).add(run)  # and the next line does not continue that one
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()][-1] == "run"


def test_guests_are_those_of_the_simulation() -> None:
    assert (OPTIONS["idle"].hot_mib, OPTIONS["idle"].cold_mib, OPTIONS["idle"].pages_per_s) == (2, 254, 128)
    assert OPTIONS["whole pages"].whole_pages and not OPTIONS["extreme"].whole_pages
    assert (OPTIONS["phasic"].busy_s, OPTIONS["phasic"].calm_s, OPTIONS["extreme"].calm_s) == (20, 8, 0)


def test_a_shipped_policy_is_held_against_what_admits_it() -> None:
    plain, split = "ours with minimal_downtime", "ours with post_copy"
    results = results_of(
        made("idle", plain, **GOOD),
        made("extreme", plain, outcome="declined", elapsed_ms=0, message="NO_WAY: It was not migrated."),
        made("idle", split, split_s=2.0, **GOOD),
        made("extreme", "ours", "strict", max_throttle_percent=95, **GOOD),
    )
    found = cells(results)
    kept = {(each.contract, each.workload): [one.strategy for one in each.shipped if one.kept] for each in found}
    assert kept["strict", "idle"] == [plain]
    assert kept["postcopy", "idle"] == [plain, split]
    assert kept["strict", "extreme"] == []
    page = text(results)
    assert "keeps 3 of 6. Not: extreme/strict (declined; a throttle of 95 % would do, and 60 % are allowed)" in page
    assert "extreme/relaxed (declined);" in page
    assert "declined: NO_WAY" in page
