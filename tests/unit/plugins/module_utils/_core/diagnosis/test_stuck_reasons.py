# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import (
    Context,
    Reason,
    Verdict,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Progress,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import FIRST_PASS, GIB, MIB
from ansible_collections.virtops.live_migration.tests.unit.plugins.stuck_job import (
    STUCK,
    actions,
    at,
    passes,
    says,
)


def test_storage_copy() -> None:
    copying = replace(STUCK, memory=Progress(), disk=Progress(10 * GIB, GIB, 9 * GIB), pass_number=None)
    diagnosis = diagnose([copying])
    assert says(diagnosis) == (Verdict.UNKNOWN, Reason.STORAGE_COPY)
    assert "9.0 GiB" in diagnosis.summary


@pytest.mark.parametrize("memory", [Progress(), Progress(4 * GIB, 0, 4 * GIB)])
def test_first_pass_is_unknown_not_fine(memory: Progress) -> None:
    first = replace(sample_from_stats(FIRST_PASS), memory=memory, limits=Limits(300))
    assert says(diagnose([first])) == (Verdict.UNKNOWN, Reason.FIRST_PASS)


def test_first_pass_says_how_long_it_takes() -> None:
    diagnosis = diagnose([sample_from_stats(FIRST_PASS)])
    assert "2.0 s more" in diagnosis.summary
    assert diagnosis.evidence["time_left_ms"] == 2000


def test_one_look_is_careful() -> None:
    calm = replace(STUCK, dirty_pages_per_s=2560, expected_downtime_ms=5000)
    diagnosis = diagnose([calm])
    assert says(diagnosis) == (Verdict.CONVERGING, Reason.CONVERGING)
    assert diagnosis.evidence["firm"] is False
    assert "observe_s" in diagnosis.summary
    assert diagnose([STUCK]).evidence["firm"] is False


def test_boundaries_are_firm_whatever_the_rates_say() -> None:
    stuck = diagnose(passes(256, 255, dirty_pages_per_s=256))
    assert (stuck.verdict, stuck.evidence["firm"]) == (Verdict.STUCK, True)
    shrinking = diagnose(passes(256, 128, dirty_pages_per_s=25_600))
    assert (shrinking.verdict, shrinking.evidence["firm"]) == (Verdict.CONVERGING, True)


@pytest.mark.parametrize(("left", "verdict"), [(84, Verdict.CONVERGING), (85, Verdict.STUCK), (300, Verdict.STUCK)])
def test_progress_is_fifteen_percent_in_a_pass(left: int, verdict: Verdict) -> None:
    assert diagnose(passes(100, left)).verdict is verdict


def test_the_last_two_boundaries_decide() -> None:
    assert diagnose(passes(1000, 500, 499)).verdict is Verdict.STUCK
    assert diagnose(passes(500, 1000, 400)).verdict is Verdict.CONVERGING


@pytest.mark.parametrize(
    ("left", "said"),
    [
        # A guest that is stuck, seen on the lab: by chance one pass leaves 15 % less than the one before.
        ((229, 194, 234, 201, 239, 192), (Verdict.STUCK, True)),
        ((229, 194, 234, 201, 239), (Verdict.STUCK, True)),
        ((200, 160, 210, 165, 205, 170, 140), (Verdict.STUCK, True)),
        # Fewer than five make no trend: nothing is sure where it was as low before.
        ((229, 194, 234, 192), (Verdict.STUCK, False)),
        ((194, 234, 192), (Verdict.STUCK, False)),
        ((400, 500, 300), (Verdict.CONVERGING, True)),
        # What gets less on the whole, with noise or after a burst.
        ((1000, 760, 640, 430, 380, 260), (Verdict.CONVERGING, True)),
        ((500, 1000, 990, 1010, 995, 380), (Verdict.CONVERGING, True)),
    ],
)
def test_a_pass_that_left_less_by_chance_is_no_progress(left: tuple[int, ...], said: tuple[Verdict, bool]) -> None:
    diagnosis = diagnose(passes(*left))
    assert (diagnosis.verdict, diagnosis.evidence["firm"]) == said


def test_a_saw_tooth_between_boundaries_is_no_progress() -> None:
    tooth = [at(step * 0.5, pass_number=9 + (step + 3) // 4, left=256 - 50 * ((step - 1) % 4)) for step in range(1, 13)]
    diagnosis = diagnose([at(0, pass_number=9, left=10), *tooth])
    assert [left for _number, left in diagnosis.evidence["boundaries"]] == [256 * MIB] * 3
    assert diagnosis.verdict is Verdict.STUCK


def test_a_single_look_after_a_long_time_is_stuck() -> None:
    calm = replace(STUCK, dirty_pages_per_s=2560, expected_downtime_ms=5000)
    often = replace(calm, memory=Progress(4 * GIB, 16 * GIB, 200 * MIB))
    assert diagnose([often]).verdict is Verdict.STUCK


def test_what_fits_the_limit_is_about_to_finish() -> None:
    assert says(diagnose([replace(STUCK, limits=Limits(2559))]))[0] is Verdict.STUCK
    diagnosis = diagnose([replace(STUCK, limits=Limits(2560))])
    assert says(diagnosis) == (Verdict.FINISHING, Reason.CONVERGING)
    assert diagnosis.evidence["firm"] is False


@pytest.mark.parametrize(
    ("dirty_pages_per_s", "verdict"),
    [(2500, Verdict.CONVERGING), (2802, Verdict.UNKNOWN), (2880, Verdict.STUCK)],
)
def test_rates_too_close_for_one_look(dirty_pages_per_s: int, verdict: Verdict) -> None:
    """The one in the middle was seen on a link of 100 Mbit/s, for a guest that watching showed to be stuck."""
    memory = Progress(270 * MIB, 500 * MIB, 60 * MIB)
    look = replace(STUCK, memory=memory, bandwidth_bytes_per_s=13_105_790, dirty_pages_per_s=dirty_pages_per_s)
    diagnosis = diagnose([look])
    assert (diagnosis.verdict, diagnosis.evidence["firm"]) == (verdict, False)
    assert (diagnosis.reason is Reason.RATES_CLOSE) == (verdict is Verdict.UNKNOWN)


def test_converging_says_how_long() -> None:
    diagnosis = diagnose(passes(800, 400))
    # 400 MiB, then 200, 100, 50; what is left after that, 25 MiB, fits into 300 ms at 100 MiB/s
    assert diagnosis.evidence["expected_passes"] == 4
    assert diagnosis.evidence["time_left_ms"] == pytest.approx(7500, abs=10)
    assert "4 more passes" in diagnosis.summary
    assert actions(diagnosis) == ["wait"]


def test_how_long_is_told_by_the_trend_not_by_one_pass() -> None:
    steady = diagnose(passes(1600, 1280, 1024, 819, 655)).evidence["expected_passes"]
    noisy = diagnose(passes(1600, 1280, 1024, 900, 655)).evidence["expected_passes"]
    assert steady == 14, "30 MiB fit the limit, of 655 MiB"
    assert abs(noisy - steady) <= 2


def test_dirty_rate() -> None:
    diagnosis = diagnose([STUCK])
    assert says(diagnosis) == (Verdict.STUCK, Reason.DIRTY_RATE)
    assert actions(diagnosis) == ["downtime", "postcopy", "suspend", "quiesce", "abort"]
    assert "2.6 s (limit 300 ms)" in diagnosis.summary
    assert diagnosis.evidence["needed_downtime_ms"] == 2560


@pytest.mark.parametrize(
    ("flag", "cap", "allowed"), [(False, 80, True), (False, 0, False), (True, 80, None), (None, 80, None)]
)
def test_what_was_started_without_auto_converge_can_be_slowed_down(
    flag: t.Optional[bool], cap: int, allowed: t.Optional[bool]
) -> None:
    """None: not named, since QEMU does it, or nobody knows."""
    context = Context(Policy(max_throttle_percent=cap), auto_converge_flag=flag)
    found = {one.action: one for one in diagnose([STUCK], context).remedies}
    assert ("throttle" in found) == (allowed is not None)
    if allowed is not None:
        assert (found["throttle"].allowed, found["throttle"].module) == (allowed, "migration_rescue")
        assert found["throttle"].command == "", "virsh schedinfo is refused during a migration"


def test_downtime_limit_low() -> None:
    allowed = Context(Policy(max_downtime_ms=3000))
    assert says(diagnose([STUCK], allowed)) == (Verdict.STUCK, Reason.DOWNTIME_LIMIT_LOW)
    not_quite = Context(Policy(max_downtime_ms=2999))
    assert says(diagnose([STUCK], not_quite)) == (Verdict.STUCK, Reason.DIRTY_RATE)


def test_bandwidth_cap() -> None:
    diagnosis = diagnose([replace(STUCK, limits=Limits(300, 100))])
    assert says(diagnosis) == (Verdict.STUCK, Reason.BANDWIDTH_CAP)
    assert diagnosis.remedies[0].command == "virsh migrate-setspeed erp01 0"


@pytest.mark.parametrize(("limit", "reason"), [(111, Reason.BANDWIDTH_CAP), (112, Reason.DIRTY_RATE)])
def test_a_cap_counts_from_nine_tenths_on(limit: int, reason: Reason) -> None:
    assert diagnose([replace(STUCK, limits=Limits(300, limit))]).reason is reason


def test_throttle_exhausted() -> None:
    assert diagnose([replace(STUCK, throttle_percent=99)]).reason is Reason.THROTTLE_EXHAUSTED
    not_yet = diagnose([replace(STUCK, throttle_percent=98)])
    assert (not_yet.reason, not_yet.evidence["throttle_percent"]) == (Reason.DIRTY_RATE, 98)


def test_link_shared() -> None:
    diagnosis = diagnose([STUCK], Context(other_streams=2))
    assert diagnosis.reason is Reason.LINK_SHARED
    assert "2 other migration(s)" in diagnosis.summary


@pytest.mark.parametrize(("link_mib", "reason"), [(166, Reason.DIRTY_RATE), (167, Reason.LINK_SLOW)])
def test_link_slow_against_what_it_should_carry(link_mib: int, reason: Reason) -> None:
    assert diagnose([STUCK], Context(link_bytes_per_s=link_mib * MIB)).reason is reason


def test_link_slow_against_what_it_carried_before() -> None:
    # 5 GiB in the minute before, 85 MiB/s
    slow = [at(0, 40), at(3, 40)]
    assert diagnose(slow).reason is Reason.LINK_SLOW
    assert diagnose([at(0, 45), at(3, 45)]).reason is Reason.DIRTY_RATE
    assert diagnose([at(0, 40), at(2.9, 40)]).reason is Reason.DIRTY_RATE


def test_causes_in_their_order() -> None:
    """With all causes at once the one that is easiest to lift is told."""
    policy = Policy(max_downtime_ms=5000)
    everything = Context(policy, link_bytes_per_s=GIB, other_streams=1)
    look = replace(STUCK, limits=Limits(300, 100), throttle_percent=99)
    assert diagnose([look], everything).reason is Reason.BANDWIDTH_CAP
    look = replace(look, limits=Limits(300, 0))
    assert diagnose([look], everything).reason is Reason.THROTTLE_EXHAUSTED
    look = replace(look, throttle_percent=0)
    assert diagnose([look], everything).reason is Reason.LINK_SHARED
    assert diagnose([look], replace(everything, other_streams=0)).reason is Reason.LINK_SLOW
    assert diagnose([look], Context(policy)).reason is Reason.DOWNTIME_LIMIT_LOW


def copying(at_s: float, copied_gib: float, left_gib: float) -> JobSample:
    total, copied, left = ((one * GIB) for one in (copied_gib + left_gib, copied_gib, left_gib))
    disk = Progress(int(total), int(copied), int(left))
    return replace(STUCK, at_s=at_s, memory=Progress(), disk=disk, pass_number=None)


def test_a_copy_that_gets_less_says_how_long() -> None:
    diagnosis = diagnose([copying(0, 1, 9), copying(4, 2, 8)])
    assert says(diagnosis) == (Verdict.CONVERGING, Reason.STORAGE_COPY)
    assert (diagnosis.evidence["time_left_ms"], diagnosis.evidence["disk_less_bytes_per_s"]) == (32_000, GIB // 4)
    assert says(diagnose([copying(0, 1, 9), copying(4, 2, 8.89)])) == (Verdict.CONVERGING, Reason.STORAGE_COPY)


@pytest.mark.parametrize("left_gib", [8.91, 9, 9.5])
def test_a_copy_that_does_not_get_less_has_remedies(left_gib: float) -> None:
    """What the guest writes joins what is left: 1 GiB was copied in 4 s, and about as much, or more, is left."""
    diagnosis = diagnose([copying(0, 1, 9), copying(2, 1.5, 9.2), copying(4, 2, left_gib)])
    assert says(diagnosis) == (Verdict.STUCK, Reason.STORAGE_COPY)
    assert actions(diagnosis) == ["synchronous_writes", "quiesce", "abort"]
    assert "writes to them as fast as they are copied (256.0 MiB/s)" in diagnosis.summary
    assert "virtops.live_migration.guest_quiesce" in diagnosis.remedies[1].expected


@pytest.mark.parametrize(("left_gib", "verdict"), [(5, Verdict.CONVERGING), (9, Verdict.STUCK)])
def test_a_guest_writes_to_disks_in_bursts(left_gib: float, verdict: Verdict) -> None:
    """What is seen between two of them, or of one alone, is likely and not sure; half a minute has all of it."""
    for seconds, firm in ((4.0, False), (29.9, False), (30.0, True), (60.0, True)):
        diagnosis = diagnose([copying(0, 1, 9), copying(seconds, 5, left_gib)])
        assert says(diagnosis) == (verdict, Reason.STORAGE_COPY)
        assert diagnosis.evidence["firm"] is firm


def test_a_copy_that_is_done_is_not_blamed_before_memory_follows() -> None:
    """Seen on the lab: for a moment nothing of either is sent."""
    for looks in ([copying(0, 10, 0)], [copying(0, 10, 0), copying(4, 10, 0)], [copying(0, 9, 1), copying(4, 10, 0)]):
        assert says(diagnose(looks)) == (Verdict.UNKNOWN, Reason.STORAGE_COPY)


def test_a_copy_under_a_limit_is_not_stalled_between_its_pieces() -> None:
    """At 1 MiB/s QEMU copies 16 MiB at once, and nothing for 16 s, whatever the link does."""

    def slowly(at_s: float, copied_gib: float, left_gib: float) -> JobSample:
        return replace(copying(at_s, copied_gib, left_gib), limits=Limits(300, 1))

    looks = [slowly(0, 1, 9), slowly(1, 2, 9), slowly(20.9, 2, 9)]
    short = diagnose(looks)
    assert says(short) == (Verdict.UNKNOWN, Reason.STORAGE_COPY)
    assert "Look again for 32 s or more" in short.remedies[0].expected
    long = diagnose([*looks, slowly(22, 3, 9), slowly(33, 3, 9)])
    assert says(long) == (Verdict.STUCK, Reason.STORAGE_COPY)
    assert long.evidence["firm"] is False
    assert says(diagnose([*looks, slowly(22, 2, 9)])) == (Verdict.STALLED, Reason.NETWORK_STALL)


def test_a_look_that_is_too_short_says_nothing_of_a_copy() -> None:
    assert says(diagnose([copying(0, 1, 9), copying(2.9, 2, 9)])) == (Verdict.UNKNOWN, Reason.STORAGE_COPY)
