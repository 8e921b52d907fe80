# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found beside a wait counts when the turn comes, and a guest that then has no way is not sent."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import Forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    ExpectedBandwidth,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import POSTCOPY
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import StartOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import (
    MeasuredFacts,
    MeasurementOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.options import MigrationOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.start_measurement import (
    planned_with,
    replanned,
)

QUIET = WorkingSet(20 * MIB, False, 10 * MIB, False)
# It writes all of its memory four times as fast as the link carries it.
BUSY = WorkingSet(2 * GIB, False, 400 * MIB, False)


def basis(measured: WorkingSet, *, postcopy_possible: bool = True) -> MeasuredFacts:
    facts = MigrationFacts(2 * GIB, 100 * MIB, measured=measured, postcopy_possible=postcopy_possible)
    return MeasuredFacts(facts, ExpectedBandwidth(100 * MIB, "a test"), "a test")


def options(postcopy: str, **more: t.Any) -> MigrationOptions:
    policy = Policy(postcopy=postcopy, max_throttle_percent=0)
    path = DestinationPath("there", None, 100.0)
    measurement = MeasurementOptions(Choices("none"), True, lambda _hosts: RouteDevice())
    return MigrationOptions(policy, path, measurement, StartOptions(), **more)


def before(chosen: MigrationOptions, **more: t.Any) -> tuple[MeasuredFacts, Forecast]:
    quiet = basis(QUIET, **more)
    return quiet, planned_with(chosen, quiet)


def test_where_nothing_was_found_all_stays_as_it_was() -> None:
    chosen = options("never")
    was = before(chosen)
    assert replanned(chosen, "erp01", None, *was) == was


def test_what_was_found_is_what_it_is_sent_with() -> None:
    chosen = options("prefer")
    found = basis(BUSY)
    facts, plan = replanned(chosen, "erp01", found, *before(chosen))
    assert facts == found
    assert plan.plan.way == POSTCOPY
    assert plan == planned_with(chosen, found)


@pytest.mark.parametrize("postcopy", ["never", "prefer"])
def test_one_that_turns_out_to_have_no_way_is_not_sent(postcopy: str) -> None:
    """Also where only its policy allows post-copy, and the destination's QEMU does not have it."""
    chosen, possible = options(postcopy), postcopy == "never"
    with pytest.raises(MigrationError) as raised:
        replanned(chosen, "erp01", basis(BUSY), *before(chosen, postcopy_possible=possible))
    assert raised.value.reason == "NO_WAY"
    assert raised.value.state == "The guest runs on the source as before. Nothing was changed."
    assert raised.value.evidence["dirty_bytes_per_s"] == BUSY.dirty_bytes_per_s


def test_unless_it_is_forced() -> None:
    chosen = options("never", force=True)
    was = before(chosen)
    assert replanned(chosen, "erp01", basis(BUSY), *was) == was


def test_that_the_destination_cannot_receive_by_postcopy_stays_known() -> None:
    chosen = options("prefer")
    found = basis(replace(QUIET, dirty_bytes_per_s=11 * MIB))
    facts, plan = replanned(chosen, "erp01", found, *before(chosen, postcopy_possible=False))
    assert not facts.facts.postcopy_possible
    assert not plan.plan.flags.postcopy
    assert facts.facts.measured == found.facts.measured
