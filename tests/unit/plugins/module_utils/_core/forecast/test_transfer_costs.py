# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.transfer_costs import (
    COMPRESSORS,
    on_the_wire,
    sending_s,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import MIB


def test_headers_and_pages_of_zeros_are_sent_too() -> None:
    """Published: 8192 MiB of which 1808.6 MiB were used made 1826.6 MiB of stream."""
    assert on_the_wire(1808.6 * MIB, (8192 - 1808.6) * MIB) / MIB == pytest.approx(1826.6, abs=1)
    assert on_the_wire(0) == 0


def test_pages_of_zeros_are_looked_at_while_a_limited_stream_waits() -> None:
    limited = sending_s(100 * MIB, bandwidth=10 * MIB, link=1000 * MIB, scanning_s=3)
    filled = sending_s(100 * MIB, bandwidth=10 * MIB, link=10 * MIB, scanning_s=3)
    assert (limited, filled) == (10, 13)
    assert sending_s(100 * MIB, bandwidth=10 * MIB, link=0, scanning_s=3) == 13, "no link is known"
    assert sending_s(100 * MIB, bandwidth=10 * MIB, link=1000 * MIB, scanning_s=30) == pytest.approx(30.1)


def test_compressors_make_less_of_it() -> None:
    assert all(one.ratio > 1 for one in COMPRESSORS.values())
