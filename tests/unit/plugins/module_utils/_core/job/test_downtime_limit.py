# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import (
    highest_limit_ms,
    switch_cost_ms,
    worth_finishing,
)


@pytest.mark.parametrize(
    ("left", "following", "waited_s", "throttle_percent", "why"),
    [
        (40, None, 0, 0, None),
        (90, None, 0, 0, "did not get it down"),
        (40, 20, 0, 0, None),
        (40, 38, 0, 0, "will not get it down"),
        (40, None, 5, 0, "for 5 s"),
        (40, None, 0, 50, None),
        (40, None, 0, 60, "slowed down by 60 %"),
        (5, None, 0, 99, "slowed down by 99 %"),
    ],
)
def test_a_finish_waits_while_another_pass_is_worth_it(
    left: float, following: float | None, waited_s: float, throttle_percent: int, why: str | None
) -> None:
    found = worth_finishing(
        left, 100, next_bytes=following, waited_s=waited_s, patience_s=5, throttle_percent=throttle_percent
    )
    assert (why in found) if why and found else found is why


def test_devices_of_the_host_are_saved_within_the_downtime() -> None:
    """Published: 358 ms with one virtual function and 518 ms with four."""
    assert switch_cost_ms(0) == 60
    assert switch_cost_ms(4) - switch_cost_ms(1) == pytest.approx(518 - 358, abs=2)
    assert highest_limit_ms(1000, 0) == 940
    assert highest_limit_ms(1000, 4) == 1000 - 60 - 212
    assert highest_limit_ms(300, 8) == 150, "half of it at least is for the bytes"
