# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.transfer_estimate import (
    TransferDemand,
    TransferEstimate,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import LINK, fleet, guest, host

STRICT = Policy(max_downtime_ms=300, postcopy="never", max_throttle_percent=0)


def estimate(dirty_mib_per_s: float, set_mib: float, policy: Policy = STRICT, **more: t.Any) -> TransferEstimate:
    measured = WorkingSet(int(set_mib * MIB), False, int(dirty_mib_per_s * MIB), False)
    return TransferEstimate(TransferDemand(4 * GIB, measured=measured, policy=policy, **more), LINK)


def test_a_quiet_guest_sends_the_same_at_any_rate() -> None:
    quiet = estimate(0.1, 1)
    assert not quiet.busy
    assert quiet.time_s(LINK / 4) == pytest.approx(4 * quiet.least_s)
    assert quiet.least_s == pytest.approx(4 * GIB / LINK, rel=0.01)


def test_a_busy_guest_gets_a_share_at_which_it_does_not_write_half_as_fast() -> None:
    """2 d, unless its set fits the downtime at less."""
    assert estimate(40, 1000).floor == 80 * MIB
    assert estimate(40, 5).floor == pytest.approx(5 * MIB / 0.24)
    assert estimate(70, 1000).floor == LINK  # it needs its way for itself
    busy = estimate(40, 1000)
    assert busy.busy
    assert busy.least_s < 80 / 100 * busy.time_s(80 * MIB)


def test_one_that_does_not_finish_says_what_it_would_need() -> None:
    hopeless = estimate(300, 3000)
    assert not hopeless.finishes
    assert "bandwidth" in hopeless.needs
    by_postcopy = estimate(300, 3000, Policy(postcopy="if_needed"))
    assert by_postcopy.finishes
    assert by_postcopy.floor == LINK / 2
    assert estimate(300, 3000, Policy(postcopy="if_needed"), postcopy_possible=False).finishes is False


def test_disks_that_are_copied_along_count() -> None:
    assert estimate(0.1, 1, disk_bytes=4 * GIB).sent_bytes == estimate(0.1, 1).sent_bytes + 4 * GIB


def test_unmeasured_guests_get_half_of_the_way() -> None:
    unknown = TransferEstimate(TransferDemand(4 * GIB), LINK)
    assert (unknown.measured, unknown.floor, unknown.sent_bytes) == (False, LINK / 2, 4 * GIB)
    assert not plan_evacuation(fleet([host("a"), host("b")], [guest("g", demand=None)])).measured
