# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's own course, by itself and against what others have measured and published."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.unattended import (
    BY_POSTCOPY,
    FINISHES,
    NEVER,
    NOT_KNOWN,
    ONLY_THROTTLED,
    UnattendedJob,
    unattended,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import MIB

LOOPBACK = 2.5e9


def job(
    memory_mib: float,
    touched_mib: t.Optional[float],
    bandwidth_mib: float,
    *,
    rate_mib: t.Optional[float] = 0.0,
    set_mib: t.Optional[float] = None,
    left_mib: t.Optional[float] = None,
    link: float = 0.0,
    **more: t.Any,
) -> UnattendedJob:
    def scaled(value: t.Optional[float]) -> t.Optional[float]:
        return None if value is None else value * MIB

    return UnattendedJob(
        memory_mib * MIB,
        scaled(touched_mib),
        bandwidth_mib * MIB,
        link_bytes_per_s=link,
        dirty_bytes_per_s=scaled(rate_mib),
        working_set_bytes=scaled(set_mib),
        left_bytes=scaled(left_mib),
        **more,
    )


# Guests of 8 GiB under PostgreSQL at QEMU's default limit, over loopback:
# github.com/LordWicked/live-migration-thesis-code
POSTGRES = {"memory_mib": 8192, "bandwidth_mib": 129, "link": LOOPBACK}
# What it is, the job, seconds and MiB as published, and how far off each may be.
PUBLISHED = [
    ("a guest that stands still", job(touched_mib=1808.6, set_mib=0, **POSTGRES), 14.0, 1826.6, 0.03),
    ("one that gets less with each pass", job(touched_mib=1865.6, rate_mib=18.4, **POSTGRES), 17.2, 2244.6, 0.12),
    ("post-copy at once", job(touched_mib=1814.9, postcopy_at_s=0.2, **POSTGRES), 1.9, 1833.0, 0.05),
    ("the same with more in use", job(touched_mib=2601.4, postcopy_at_s=0.2, **POSTGRES), 2.1, 2619.4, 0.05),
    ("post-copy within the first pass", job(touched_mib=2773.8, postcopy_at_s=5.0, **POSTGRES), 6.3, 2792.1, 0.06),
    (
        "post-copy of one that passes do not get down",
        job(touched_mib=3117.8, rate_mib=56.1, left_mib=181.8, postcopy_at_s=40.0, **POSTGRES),
        40.5,
        5334.9,
        0.05,
    ),
    # doc/guides/howto/lm_bond_virtio_sriov.rst of DPDK: 32 MiB/s was QEMU's default
    ("a guest of DPDK", job(1552.8, 376.7, 32.1, link=LOOPBACK), 11.8, 380.0, 0.03),
    # D. Hildenbrand on qemu-devel, 2021-07-23: freed memory is sent in full
    ("freed memory", job(8192, 3628.4, 127.1, link=LOOPBACK), 28.6, 3635.7, 0.03),
    # github.com/kubevirt/enhancements, VEP 291: 10 runs between 91 and 161 s
    ("a worker node", job(8192, 7500, 108.5, rate_mib=77.5), 112.4, 11862, 0.12),
]


@pytest.mark.parametrize(("one", "total_s", "sent_mib", "error"), [row[1:] for row in PUBLISHED], ids=lambda _: "")
def test_against_what_was_published(one: UnattendedJob, total_s: float, sent_mib: float, error: float) -> None:
    found = unattended(one)
    assert found.outcome == (FINISHES if one.postcopy_at_s is None else BY_POSTCOPY)
    assert found.total_s == pytest.approx(total_s, rel=error)
    assert (found.sent_bytes or 0) / MIB == pytest.approx(sent_mib, rel=error)


@pytest.mark.parametrize(
    "one",
    [
        job(touched_mib=3146.6, rate_mib=127.4, left_mib=62.2, **POSTGRES),
        job(touched_mib=3146.6, rate_mib=127.4, set_mib=62.2, **POSTGRES),
        # QEMU commit 7ca1dfad: 1487 s, 374 GB, not done
        job(262153, None, 251.9, rate_mib=263.9, downtime_limit_ms=4000),
    ],
)
def test_published_ones_that_do_not_finish(one: UnattendedJob) -> None:
    found = unattended(one)
    assert (found.outcome, found.total_s, found.sent_bytes) == (NEVER, None, None)
    assert (found.floor_bytes or 0) > 0.9 * one.bandwidth_bytes_per_s * one.downtime_limit_ms / 1000


def test_compression_over_several_connections() -> None:
    """docs/devel/migration/qatzip-compression.rst of QEMU: 46.1 s without, 20.2 s by zstd, 16.6 s by a device."""
    plain = unattended(job(65536, 55296, 1293, connections=8))
    zstd = unattended(job(65536, 55296, 1023, connections=8, compression="zstd"))
    device = unattended(job(65536, 55296, 1248, connections=8, compression="qatzip"))
    assert plain.total_s == pytest.approx(46.1, rel=0.07)
    assert zstd.total_s == pytest.approx(20.2, rel=0.07)
    assert device.total_s == pytest.approx(16.6, rel=0.05)
    one_thread = unattended(job(65536, 55296, 1023, connections=1, compression="zstd"))
    assert (one_thread.total_s or 0) > 100, "a processor is the limit, not the link"
    nothing_gained = unattended(job(65536, 55296, 1293, connections=8, compression="zstd", compression_ratio=1.0))
    assert nothing_gained.total_s == pytest.approx(plain.total_s, rel=0.01)


def test_several_connections_carry_what_one_does_not() -> None:
    over = {"memory_mib": 65536, "touched_mib": 65536, "bandwidth_mib": 11000}
    one, eight = unattended(job(**over)), unattended(job(**over, connections=8))
    assert (one.total_s or 0) > 4 * (eight.total_s or 0)


def test_devices_of_the_host_stand_still_for_longer() -> None:
    """qemu-devel 2024-12: 358 ms with one virtual function and 518 ms with four, over 1 GbE."""
    assert unattended(job(0, None, 108.7, host_devices=1)).downtime_ms == pytest.approx(358, rel=0.1)
    assert unattended(job(0, None, 102.0, host_devices=4)).downtime_ms == pytest.approx(518, rel=0.1)


def test_the_last_bytes_are_not_kept_to_the_limit() -> None:
    slow, fast = unattended(job(8192, 4096, 128)), unattended(job(8192, 4096, 128, link=LOOPBACK))
    assert 270 < (slow.downtime_ms or 0) < 310
    assert (fast.downtime_ms or 0) < 30
    assert slow.outcome == fast.outcome == FINISHES


def test_pages_of_zeros() -> None:
    link = 1100
    empty, full = unattended(job(1 << 20, 2048, link)), unattended(job(2048, 2048, link))
    assert (empty.total_s or 0) - (full.total_s or 0) == pytest.approx(73, rel=0.05)
    split = unattended(job(1 << 20, 2048, link, postcopy_at_s=0.1))
    assert (split.total_s or 0) > 2 * (empty.total_s or 0), "the destination places each of them"


def test_only_with_a_throttle() -> None:
    plain = unattended(job(8192, 4096, 100, rate_mib=150, set_mib=2000))
    slowed = unattended(job(8192, 4096, 100, rate_mib=150, set_mib=2000, auto_converge=True))
    assert plain.outcome == NEVER
    assert slowed.outcome == ONLY_THROTTLED
    assert slowed.throttle_percent >= 40  # 150 of which 100 are too much
    assert (slowed.total_s or 0) > 41
    unneeded = unattended(job(8192, 4096, 100, rate_mib=10, auto_converge=True))
    assert (unneeded.outcome, unneeded.throttle_percent) == (FINISHES, 0)
    first = unattended(job(8192, 4096, 100, rate_mib=150, auto_converge=True, throttle_initial_percent=70))
    assert (first.total_s or 0) < (slowed.total_s or 0)


def test_what_is_not_known_is_not_made_up() -> None:
    found = unattended(job(8192, 4096, 100, rate_mib=None))
    assert found.outcome == NOT_KNOWN
    assert found.total_s == pytest.approx(41, rel=0.03)
    assert unattended(job(8192, 4096, 100, rate_mib=None, auto_converge=True)).outcome == FINISHES
    assert unattended(job(8192, 4096, 100, rate_mib=None, set_mib=20)).outcome == FINISHES
    no_memory = unattended(job(0, None, 100))
    assert (no_memory.total_s, no_memory.sent_bytes, no_memory.passes) == (None, None, None)


def test_a_set_that_is_larger_than_the_limit_ends_where_it_is_written_slowly() -> None:
    """It is swept through at 50 MiB/s over 112 MiB/s: each pass leaves less than half of the one before."""
    found = unattended(job(8192, 4096, 112, rate_mib=50, set_mib=256))
    assert found.outcome == FINISHES
    assert 38 < (found.total_s or 0) < 42


def test_what_passes_leave_is_for_good_only_where_they_stand_still() -> None:
    """Then as much is dirtied as is sent; a guest that writes half of that was on its way down."""
    assert unattended(job(8192, 4096, 112, rate_mib=50, left_mib=256)).outcome == FINISHES
    assert unattended(job(8192, 4096, 112, rate_mib=95, left_mib=256)).outcome == NEVER
    assert unattended(job(8192, 4096, 112, rate_mib=None, left_mib=256)).outcome == NEVER
    assert unattended(job(8192, 4096, 112, rate_mib=95)).outcome == FINISHES


def test_a_small_set_that_is_written_fast_fits() -> None:
    for known in ({"set_mib": 20}, {"left_mib": 20}):
        found = unattended(job(8192, 4096, 112, rate_mib=500, **known))
        assert found.outcome == FINISHES
        assert 37 < (found.total_s or 0) < 38
        assert (found.sent_bytes or 0) / MIB < 4096 * 1.02


def test_no_bandwidth_is_no_forecast() -> None:
    with pytest.raises(ValueError, match="above 0"):
        unattended(job(8192, 4096, 0))


def test_a_guest_that_fits_the_limit_is_split_at_once() -> None:
    found = unattended(job(1, 1, 100, postcopy_at_s=0))
    assert found.outcome == BY_POSTCOPY
    assert found.total_s == pytest.approx(0.015, abs=0.002)


amounts = st.floats(0, 4096)


@given(
    amounts, amounts, st.floats(1, 2000), st.one_of(st.none(), amounts), st.one_of(st.none(), amounts), st.booleans()
)
def test_every_course_is_whole(
    touched: float, more: float, bandwidth: float, rate: t.Optional[float], set_mib: t.Optional[float], throttle: bool
) -> None:
    found = unattended(job(touched + more, touched, bandwidth, rate_mib=rate, set_mib=set_mib, auto_converge=throttle))
    if found.outcome == NEVER:
        assert rate is not None and rate >= 0.8 * bandwidth
        assert (found.floor_bytes or 0) > 0
        return
    if found.total_s is not None:
        assert found.total_s >= touched / bandwidth * 0.99
        assert (found.sent_bytes or 0) >= touched * MIB * 0.99
        assert (found.downtime_ms or 0) <= 306


@given(amounts, st.floats(1, 2000), amounts, st.floats(0, 100))
def test_post_copy_always_ends(touched: float, bandwidth: float, rate: float, at_s: float) -> None:
    found = unattended(job(4096, touched, bandwidth, rate_mib=rate, postcopy_at_s=at_s))
    assert found.outcome in (BY_POSTCOPY, FINISHES)
