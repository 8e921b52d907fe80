# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.migrate_flag_bits import (
    MIGRATE_NON_SHARED_INC,
    MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import (
    StartOptions,
    check_copies,
    start_call,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import (
    Choices,
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
    assert planned(NEVER, IDLE, Choices("xbzrle")).plan.flags.xbzrle_cache_bytes == 128 * MIB


def test_connections_that_are_wished() -> None:
    flags = planned(preset("minimal_downtime"), IDLE, Choices(parallel_connections=4)).plan.flags
    assert (flags.parallel_connections, flags.postcopy, flags.zstd_level) == (4, False, 0)


def test_post_copy_goes_with_neither_connections_nor_zstd() -> None:
    prefer, able = preset("post_copy"), replace(IDLE, zstd_possible=True, idle_processors=(4.0, 4.0))
    for choices in (Choices(parallel_connections=4), Choices("zstd"), Choices("zstd", 4)):
        with pytest.raises(MigrationError, match="prefers post-copy") as raised:
            check_choices(choices, prefer)
        assert raised.value.reason == "OPTIONS_CONFLICT"
    check_choices(Choices("auto_zstd"), prefer)
    assert planned(prefer, able, Choices("auto_zstd")).plan.flags == planned(prefer, able).plan.flags
    assert planned(preset(overrides={"postcopy": "if_needed"}), able, Choices("zstd")).plan.flags.postcopy is False


@pytest.mark.parametrize(("level", "sent"), [(None, 1), (1, 1), (7, 7), (20, 20)])
def test_zstd_that_is_wished(level: t.Optional[int], sent: int) -> None:
    flags = planned(NEVER, replace(IDLE, zstd_possible=True), Choices("zstd", None, level)).plan.flags
    assert (flags.zstd_level, flags.parallel_connections, flags.xbzrle_cache_bytes) == (sent, 2, 0)
    flags = planned(NEVER, replace(IDLE, zstd_possible=True), Choices("zstd", 5, level)).plan.flags
    assert flags.parallel_connections == 5


def test_zstd_that_a_host_does_not_have_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"libvirt 9\.4 and QEMU 5\.0") as raised:
        planned(NEVER, IDLE, Choices("zstd"))
    assert raised.value.reason == "NOT_SUPPORTED"
    assert planned(NEVER, IDLE, Choices("auto_zstd")) == planned(NEVER, IDLE)


def test_zstd_is_chosen_where_idle_processors_are_faster_than_the_link() -> None:
    able = replace(IDLE, zstd_possible=True, idle_processors=(3.0, 2.0))
    flags = planned(NEVER, able, Choices("auto_zstd", None, 3)).plan.flags
    assert (flags.zstd_level, flags.parallel_connections, flags.xbzrle_cache_bytes) == (3, 2, 0)
    assert planned(NEVER, able).plan.flags.zstd_level == 0, "by default nothing changes"
    busy = replace(able, idle_processors=(0.9, 2.0))
    assert planned(NEVER, busy, Choices("auto_zstd")) == planned(NEVER, busy)


@pytest.mark.parametrize(
    "choices",
    [
        Choices("xbzrle", 2),
        Choices("auto", 256),
        Choices("auto", -1),
        Choices("zstd", 0),
        Choices("auto", None, 3),
        Choices("none", None, 3),
        Choices("zstd", None, 0),
        Choices("auto_zstd", None, 21),
    ],
)
def test_what_does_not_go_together(choices: Choices) -> None:
    with pytest.raises(MigrationError) as raised:
        check_choices(choices, preset())
    assert raised.value.reason == "OPTIONS_CONFLICT"


@pytest.mark.parametrize(
    "choices",
    [
        Choices("xbzrle"),
        Choices("xbzrle", 0),
        Choices("auto", 8),
        Choices("zstd"),
        Choices("zstd", 1, 20),
        Choices("auto_zstd", 0),
        Choices("auto_zstd", 8, 1),
    ],
)
def test_what_does(choices: Choices) -> None:
    check_choices(choices, preset())


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
