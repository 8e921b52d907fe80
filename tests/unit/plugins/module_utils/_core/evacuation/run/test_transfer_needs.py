# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.transfer_needs import (
    needs_the_link_alone,
    to_be_sent,
)

MIB = 1 << 20
BASIS = {"bandwidth_bytes_per_s": 100 * MIB, "dirty_bytes_per_s": 60 * MIB, "working_set_bytes": 500 * MIB}


@pytest.mark.parametrize(
    ("way", "basis", "sharing", "expected"),
    [
        ("precopy", BASIS, 2, True),
        ("precopy", BASIS, 1, False),
        ("postcopy", BASIS, 2, False),
        ("precopy", {**BASIS, "dirty_bytes_per_s": 20 * MIB}, 2, False),
        ("precopy", {**BASIS, "working_set_bytes": 4 * MIB}, 2, False),
        ("precopy", {**BASIS, "working_set_bytes": 4 * MIB, "working_set_is_lower_bound": True}, 2, True),
        ("unknown", {}, 2, False),
    ],
)
def test_who_needs_the_link_alone(way: str, basis: dict[str, t.Any], sharing: int, expected: bool) -> None:
    assert needs_the_link_alone({"way": way, "basis": basis}, sharing) is expected


@pytest.mark.parametrize(
    ("forecast", "found"),
    [
        (
            {"expected": {"sent_bytes": 700}, "basis": {"touched_bytes": 500, "bandwidth_bytes_per_s": 100}},
            (700, 5.0),
        ),
        ({"expected": {"sent_bytes": 700}, "basis": {"touched_bytes": 500, "bandwidth_bytes_per_s": None}}, (700, 0.0)),
        ({"expected": None, "basis": {"touched_bytes": 500, "bandwidth_bytes_per_s": 100}}, (500, 5.0)),
        ({}, (None, 0.0)),
    ],
)
def test_what_is_to_be_sent(forecast: dict[str, t.Any], found: tuple[int | None, float]) -> None:
    assert to_be_sent(forecast) == found
