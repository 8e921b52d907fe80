# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.dirty_curve import (
    busy_shares,
    kept_share,
)


@pytest.mark.parametrize(
    ("busy", "percent", "kept"),
    [
        ((1.0,), 60, 0.4),
        ((), 60, 0.4),  # not known
        ((0.0, 0.001), 60, 0.4),  # none has worked
        ((0.1,), 60, 1.0),
        ((0.1,), 90, 1.0),
        ((0.1,), 95, 0.5),
        ((1.0, 0.0), 60, 0.4),  # the idle one has no work to lose
        ((1.0, 0.2), 60, 0.5),
        ((0.5, 0.5), 0, 1.0),
    ],
)
def test_only_what_was_wanted_beyond_the_rest_is_lost(busy: t.Sequence[float], percent: int, kept: float) -> None:
    assert kept_share(busy, percent) == pytest.approx(kept)


def test_busy_shares() -> None:
    assert busy_shares([0, 5_000_000_000], [1_000_000_000, 15_000_000_000], 10.0) == (0.1, 1.0)
    assert busy_shares([0], [10_100_000_000], 10.0) == (1.0,)  # clocks are not that exact
    assert busy_shares([], [1], 10.0) == ()
    assert busy_shares([0], [1, 2], 10.0) == ()
    assert busy_shares([0], [1], 0.0) == ()
