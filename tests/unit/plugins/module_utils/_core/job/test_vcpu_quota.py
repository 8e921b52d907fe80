# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.vcpu_quota import (
    VcpuQuota,
    from_version_1,
    from_version_2,
    held_back_s,
)


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (20, VcpuQuota(8000, 10_000)),
        (80, VcpuQuota(2000, 10_000)),
        (90, VcpuQuota(1000, 10_000)),
        # The kernel takes no quota below a millisecond, so that the period gets longer.
        (95, VcpuQuota(1000, 20_000)),
        (99, VcpuQuota(1000, 100_000)),
    ],
)
def test_without_a_limit_before(percent: int, expected: VcpuQuota) -> None:
    found = VcpuQuota(None, 100_000).lowered(percent)
    assert found == expected


@pytest.mark.parametrize("percent", range(1, 100))
def test_never_more_than_is_allowed_and_hardly_less(percent: int) -> None:
    found = VcpuQuota(None, 100_000).lowered(percent)
    assert found is not None and found.quota_us is not None
    assert found.quota_us / found.period_us >= 1 - percent / 100 - 1e-9
    assert found.quota_us / found.period_us <= 1 - percent / 100 + 1e-3


@pytest.mark.parametrize(
    ("before", "percent", "expected"),
    [
        (VcpuQuota(50_000, 100_000), 80, VcpuQuota(10_000, 100_000)),
        # More than one processor's is of no use to one virtual processor.
        (VcpuQuota(400_000, 100_000), 80, VcpuQuota(20_000, 100_000)),
        (VcpuQuota(2000, 100_000), 80, VcpuQuota(1000, 100_000)),
        (VcpuQuota(1000, 100_000), 80, None),
        (VcpuQuota(5000, 1000), 20, None),
    ],
)
def test_of_a_limit_that_was_there(before: VcpuQuota, percent: int, expected: t.Optional[VcpuQuota]) -> None:
    assert before.lowered(percent) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000\n", VcpuQuota(None, 100_000)),
        ("20000 100000\n", VcpuQuota(20_000, 100_000)),
        ("max", None),
        ("max 0", None),
        ("-1 100000", None),
        ("many 100000", None),
        ("", None),
    ],
)
def test_version_2(text: str, expected: t.Optional[VcpuQuota]) -> None:
    assert from_version_2(text) == expected


@pytest.mark.parametrize(
    ("quota", "period", "expected"),
    [
        ("-1\n", "100000\n", VcpuQuota(None, 100_000)),
        ("20000\n", "100000\n", VcpuQuota(20_000, 100_000)),
        ("", "100000", None),
        ("-1", "", None),
        ("-1", "0", None),
        ("-2", "100000", None),
    ],
)
def test_version_1(quota: str, period: str, expected: t.Optional[VcpuQuota]) -> None:
    assert from_version_1(quota, period) == expected


def test_the_kernel_counts_for_how_long() -> None:
    assert held_back_s("nr_periods 5\nnr_throttled 3\nthrottled_time 1500000000\n") == 1.5
    assert held_back_s("usage_usec 9\nnr_throttled 3\nthrottled_usec 1500000\n") == 1.5
    assert held_back_s("usage_usec 9\n") is None
    assert held_back_s("throttled_usec many\n") is None
