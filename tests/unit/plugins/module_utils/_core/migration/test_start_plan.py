# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.migrate_flags import (
    MIGRATE_NON_SHARED_INC,
    MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import (
    StartOptions,
    check_copies,
    start_call,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import (
    check_choices,
    planned,
    require_way,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import preset

MIB = 1 << 20
IDLE = MigrationFacts(400 * MIB, 45 * MIB, WorkingSet(0, False, 0, False), xbzrle_cache_bytes=200 * MIB)
BUSY = MigrationFacts(400 * MIB, 45 * MIB, WorkingSet(256 * MIB, False, 400 * MIB, False))
PATH = DestinationPath("qemu+tcp://kvm02/system", None, None, 0)
NEVER = preset(overrides={"max_throttle_percent": 0})


def test_as_the_forecast_has_it() -> None:
    seen = planned(NEVER, IDLE)
    assert seen.plan.way == "precopy"
    assert seen.plan.flags.xbzrle_cache_bytes == 0


def test_compression_that_is_wished() -> None:
    assert planned(NEVER, IDLE, compression="xbzrle").plan.flags.xbzrle_cache_bytes == 128 * MIB


def test_connections_that_are_wished() -> None:
    flags = planned(preset("post_copy"), IDLE, parallel_connections=4).plan.flags
    assert (flags.parallel_connections, flags.postcopy) == (4, False)


@pytest.mark.parametrize(
    ("compression", "connections", "policy"),
    [("xbzrle", 2, "minimal_downtime"), ("auto", 256, "minimal_downtime"), ("auto", 2, "post_copy")],
)
def test_what_does_not_go_together(compression: str, connections: int, policy: str) -> None:
    with pytest.raises(MigrationError) as raised:
        check_choices(compression, connections, preset(policy))
    assert raised.value.reason == "OPTIONS_CONFLICT"


@pytest.mark.parametrize(
    ("compression", "connections", "policy"),
    [("xbzrle", None, "post_copy"), ("xbzrle", 0, "minimal_downtime"), ("auto", 8, "minimal_downtime")],
)
def test_what_does(compression: str, connections: int | None, policy: str) -> None:
    check_choices(compression, connections, preset(policy))


def test_without_a_bandwidth_nothing_is_foreseen() -> None:
    seen = planned(preset("post_copy"), MigrationFacts(400 * MIB, 0))
    assert (seen.plan.way, seen.expected) == ("unknown", None)
    assert seen.plan.flags.postcopy is True
    assert seen.plan.start_limit_ms == 80
    assert "bandwidth is not known" in seen.summary
    require_way("erp01", seen, {})


def test_no_way() -> None:
    seen = planned(NEVER, BUSY)
    with pytest.raises(MigrationError) as raised:
        require_way("erp01", seen, {"touched_bytes": BUSY.touched_bytes})
    error = raised.value
    assert error.reason == "NO_WAY"
    assert "more bandwidth" in error.problem
    assert "a downtime of" in error.problem
    assert error.evidence["needs"]["postcopy"] is True
    assert error.evidence["touched_bytes"] == BUSY.touched_bytes
    assert error.facts["forecast"]["will_finish"] is False


def test_what_is_said_of_copies_needs_copies() -> None:
    for options in (StartOptions(copy_disks=["vda"]), StartOptions(copy_synchronous_writes=True)):
        with pytest.raises(MigrationError, match="copy_storage is none") as caught:
            check_copies(options)
        assert caught.value.reason == "OPTIONS_CONFLICT"
        check_copies(replace(options, copy_storage="incremental"))
    check_copies(StartOptions(copy_disks=[]))


def test_which_disks_are_copied_is_told_to_libvirt() -> None:
    options = StartOptions(copy_storage="incremental", copy_disks=["vda", "vdc"], copy_synchronous_writes=True)
    both = MIGRATE_NON_SHARED_INC | MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES
    parameters, bits = start_call(Flags(), PATH, options, persistent=True)
    assert parameters["migrate_disks"] == ["vda", "vdc"]
    assert bits & both == both
    parameters, bits = start_call(Flags(), PATH, replace(options, copy_storage="none"), persistent=True)
    assert ("migrate_disks" in parameters, bits & both) == (False, 0)
