# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import (
    GIB,
    KIB,
    MIB,
    TIB,
    human_bytes,
    human_ms,
    human_rate,
    seconds_for,
    whole,
)

# bytes, text
BYTES = [
    (0, "0 B"),
    (1, "1 B"),
    (1023, "1023 B"),
    (KIB, "1.0 KiB"),
    (MIB - 1, "1.0 MiB"),
    (34.383 * MIB, "34.4 MiB"),
    (GIB, "1.0 GiB"),
    (10.586 * TIB, "10.6 TiB"),
    (1 << 64, "16.0 EiB"),
    (1 << 80, "1048576.0 EiB"),
    (-5 * MIB, "-5.0 MiB"),
]

# milliseconds, text
TIMES = [
    (0, "0 ms"),
    (300, "300 ms"),
    (999.6, "1.0 s"),
    (5600, "5.6 s"),
    (59_949, "59.9 s"),
    (59_990, "1 min 0 s"),
    (723_000, "12 min 3 s"),
    (3_599_999, "59 min 59 s"),
    (3_600_000, "1 h 0 min"),
    (168_286_974, "46 h 44 min"),
    (-300, "-300 ms"),
]


@pytest.mark.parametrize(("size_bytes", "text"), BYTES)
def test_human_bytes(size_bytes: float, text: str) -> None:
    assert human_bytes(size_bytes) == text


def test_human_rate() -> None:
    assert human_rate(30_467_424) == "29.1 MiB/s"


@pytest.mark.parametrize("number", [None, float("inf"), float("-inf"), float("nan")])
def test_what_is_not_known_is_told_so(number: float | None) -> None:
    assert human_ms(number) == "an unknown time"
    assert human_bytes(number) == "an unknown amount"
    assert human_rate(number) == "an unknown rate"
    assert whole(number) is None


def test_a_time_is_infinite_where_nothing_is_sent() -> None:
    assert seconds_for(100, 50) == 2
    assert seconds_for(100, 0) == seconds_for(100, -1) == float("inf")
    assert whole(2.5001) == 3


@pytest.mark.parametrize(("time_ms", "text"), TIMES)
def test_human_ms(time_ms: float, text: str) -> None:
    assert human_ms(time_ms) == text
