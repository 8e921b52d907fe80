# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.observation import (
    Boundary,
    Observation,
    copy_pause_s,
    stall_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import GIB, MIB, MIGRATING

LOOK = sample_from_stats(MIGRATING)


def at(at_s: float, sent: int = 0, remaining: int = 0, number: int | None = 5, **changes: object) -> JobSample:
    """A look after ``at_s`` seconds, with so many MiB sent since the first one and left in the pass."""
    memory = Progress(4 * GIB, 5 * GIB + sent * MIB, remaining * MIB)
    return replace(LOOK, at_s=at_s, memory=memory, pass_number=number, **changes)  # type: ignore[arg-type]


def test_one_look() -> None:
    seen = Observation([LOOK])
    assert (seen.observed_s, seen.silent_s, seen.boundaries) == (0, 0, [])
    assert seen.bandwidth_bytes_per_s == 100 * MIB
    assert (seen.dirty_to_bandwidth, seen.sent_over_memory) == (1.0, 1.25)


def test_boundaries_are_the_passes_that_began_while_watching() -> None:
    looks = [at(0, 0, 200, 5), at(1, 90, 110, 5), at(2, 190, 256, 6), at(3, 280, 160, 6), at(5, 480, 250, 8)]
    assert Observation(looks).boundaries == [Boundary(6, 256 * MIB, 2), Boundary(8, 250 * MIB, 5)]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((None, Phase.PRECOPY), (6, Phase.PRECOPY)),
        ((0, Phase.PRECOPY), (1, Phase.PRECOPY)),
        ((5, Phase.PRECOPY), (6, Phase.SWITCHOVER)),
        ((5, Phase.PRECOPY), (6, Phase.POSTCOPY)),
        ((6, Phase.PRECOPY), (1, Phase.PRECOPY)),
    ],
)
def test_no_boundary(before: tuple[int | None, Phase], now: tuple[int | None, Phase]) -> None:
    looks = [at(0, number=before[0], phase=before[1]), at(1, number=now[0], phase=now[1])]
    assert Observation(looks).boundaries == []


def test_bandwidth_is_measured_over_a_second_or_more() -> None:
    assert Observation([at(0), at(0.9, 9)]).bandwidth_bytes_per_s == 100 * MIB
    assert Observation([at(0), at(2, 20)]).bandwidth_bytes_per_s == 10 * MIB


def test_counters_that_go_back_are_no_negative_rate() -> None:
    assert Observation([at(0, 500), at(2, 0)]).bandwidth_bytes_per_s == 0


def test_silence_counts_back_from_the_last_look() -> None:
    assert Observation([at(0, 0), at(1, 50), at(3, 50), at(7, 50)]).silent_s == 6
    assert Observation([at(0, 0), at(1, 50), at(3, 50), at(7, 51)]).silent_s == 0


def test_a_disk_that_is_copied_is_no_silence() -> None:
    looks = [at(0), at(9, disk=Progress(10, 5, 5))]
    assert Observation(looks).silent_s == 0


@pytest.mark.parametrize(
    ("limit_mib_per_s", "pause_s", "window_s", "firm_s"),
    [(1, 16, 32, 64), (2, 8, 16, 32), (8, 2, 4, 30), (100, 0.16, 3, 30), (0, 0, 3, 30), (None, 0, 3, 30)],
)
def test_a_copy_under_a_limit_pauses_between_its_pieces(
    limit_mib_per_s: int | None, pause_s: float, window_s: float, firm_s: float
) -> None:
    copies = replace(LOOK, limits=Limits(300, limit_mib_per_s), memory=Progress(), disk=Progress(10, 5, 5))

    def watched(seconds: float) -> Observation:
        return Observation([replace(copies, at_s=0.0), replace(copies, at_s=seconds)])

    assert (copy_pause_s(copies), stall_s(copies)) == (pause_s, 5 + pause_s)
    assert watched(1).disk_window_s == window_s
    assert watched(window_s - 0.1).disk_less_bytes_per_s is None
    assert watched(window_s).disk_less_bytes_per_s == 0
    assert watched(firm_s - 0.1).disk_bursts_seen is False
    assert watched(firm_s).disk_bursts_seen is True


def test_memory_has_no_such_pauses() -> None:
    """Nor has a job whose disks are done."""
    limits = Limits(300, 1)
    assert copy_pause_s(at(0, 50, limits=limits)) == 0
    assert copy_pause_s(at(0, 50, limits=limits, disk=Progress(10, 10, 0))) == 0


@pytest.mark.parametrize(
    ("number", "dirty", "first"), [(None, 0, True), (None, 7, False), (0, 0, True), (1, 7, True), (2, 0, False)]
)
def test_first_pass(number: int | None, dirty: int, first: bool) -> None:
    assert Observation([at(0, number=number, dirty_pages_per_s=dirty)]).first_pass is first


def test_floor_is_the_least_boundary() -> None:
    looks = [at(0, number=5), at(1, 0, 256, 6), at(2, 0, 240, 7), at(3, 0, 250, 8), at(4, 0, 10, 8)]
    assert Observation(looks).floor_bytes == 240 * MIB


def test_floor_without_a_boundary_is_what_qemu_expects() -> None:
    assert Observation([LOOK]).floor_bytes == 256 * MIB
    assert Observation([replace(LOOK, expected_downtime_ms=None)]).floor_bytes == 200 * MIB
    assert Observation([replace(LOOK, dirty_pages_per_s=0)]).floor_bytes == 200 * MIB


def test_downtime_that_is_needed() -> None:
    seen = Observation([LOOK])
    assert seen.needed_downtime_ms == 2560
    assert seen.downtime_to_set_ms == 3000  # 15 % and 50 ms more, to a round number
    assert seen.longest_pause_ms == 4560
    assert seen.time_for(50 * MIB) == 500


def test_without_bandwidth_no_time_is_known() -> None:
    seen = Observation([replace(LOOK, bandwidth_bytes_per_s=0)])
    assert (seen.dirty_to_bandwidth, seen.needed_downtime_ms, seen.downtime_to_set_ms) == (None, None, None)
    assert (seen.longest_pause_ms, seen.time_for(1)) == (None, None)


@pytest.mark.parametrize(("limit_ms", "needed"), [(None, None), (0, None), (512, 500 * MIB)])
def test_bandwidth_that_is_needed(limit_ms: int | None, needed: int | None) -> None:
    assert Observation([replace(LOOK, limits=Limits(limit_ms))]).needed_bandwidth_bytes_per_s == needed


@pytest.mark.parametrize(("limit", "at_limit"), [(None, False), (0, False), (1000, False), (112, False), (111, True)])
def test_at_the_bandwidth_limit(limit: int | None, at_limit: bool) -> None:
    seen = Observation([replace(LOOK, limits=Limits(bandwidth_mib_per_s=limit))])
    assert seen.at_bandwidth_limit(0.9) is at_limit


def test_average_before_the_watching() -> None:
    assert Observation([LOOK, at(9, 9999)]).average_before_bytes_per_s == 5 * GIB // 60
    assert Observation([replace(LOOK, elapsed_ms=0)]).average_before_bytes_per_s == 0


def test_evidence_leaves_out_what_is_not_known() -> None:
    evidence = Observation([replace(LOOK, bandwidth_bytes_per_s=0, memory=Progress())]).evidence()
    assert None not in evidence.values()
    assert {"boundaries", "needed_downtime_ms", "max_downtime_ms", "sent_over_memory"} & set(evidence) == set()
    assert evidence["looks"] == 1


# 31,340 pages/s over 101.96 MiB/s are 1,201 ms; 26.3 GiB take 264 s.
OLD_QEMU = JobSample(
    phase=Phase.PRECOPY,
    operation="outgoing",
    elapsed_ms=294154,
    pass_number=2,
    memory=Progress(34369402044, 34570191766, 28225451327),
    bandwidth_bytes_per_s=106912809,
    dirty_pages_per_s=31340,
    expected_downtime_ms=1200,
)


@pytest.mark.parametrize(
    ("changes", "something_else"),
    [
        ({}, True),
        ({"expected_downtime_ms": 264000}, False),
        ({"expected_downtime_ms": 300000}, False),
        ({"expected_downtime_ms": 100000}, True),  # less than half of what is left
        # near the end of a pass little is left, which a small figure does not contradict; but it is the dirty rate
        ({"memory": Progress(34369402044, 34570191766, 1 << 20)}, True),
        ({"memory": Progress(34369402044, 34570191766, 1 << 20), "expected_downtime_ms": 1300}, False),
        ({"expected_downtime_ms": None}, False),
        ({"dirty_pages_per_s": 0}, False),
        ({"bandwidth_bytes_per_s": 0}, False),
    ],
)
def test_an_expected_downtime_that_is_another_quantity(changes: dict[str, object], something_else: bool) -> None:
    assert Observation([replace(OLD_QEMU, **changes)]).expects_something_else is something_else


def test_then_one_look_does_not_know_the_downtime() -> None:
    seen = Observation([OLD_QEMU])
    assert (seen.needed_downtime_ms, seen.downtime_to_set_ms, seen.needed_bandwidth_bytes_per_s) == (None, None, None)
    assert seen.left_now_ms == 264005
    evidence = seen.evidence()
    assert "needed_downtime_ms" not in evidence
    assert evidence["left_now_ms"] == 264005


def test_then_a_boundary_that_was_seen_tells_it() -> None:
    later = replace(OLD_QEMU, at_s=1.0, pass_number=3, memory=Progress(34369402044, 34670191766, 1 << 30))
    seen = Observation([OLD_QEMU, later])
    assert seen.needed_downtime_ms is not None
    assert seen.left_now_ms is None
