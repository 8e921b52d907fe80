# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job import migrate_flag_bits
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import (
    StartOptions,
    start_call,
)

ALWAYS = migrate_flag_bits.MIGRATE_LIVE | migrate_flag_bits.MIGRATE_PEER2PEER
MOVES = ALWAYS | migrate_flag_bits.MIGRATE_PERSIST_DEST | migrate_flag_bits.MIGRATE_UNDEFINE_SOURCE
THERE = DestinationPath("qemu+tls://kvm02/system")
PLAIN = StartOptions()


def call(
    flags: Flags | None = None, path: DestinationPath = THERE, options: StartOptions = PLAIN, persistent: bool = True
) -> tuple[dict[str, t.Any], int]:
    return start_call(flags or Flags(), path, options, persistent=persistent)


def test_the_plainest() -> None:
    assert call() == ({}, MOVES)


def test_a_transient_guest_is_not_undefined_either() -> None:
    assert call(persistent=False) == ({}, ALWAYS)


def test_the_source_may_keep_its_definition() -> None:
    assert call(options=StartOptions(undefine_source=False))[1] == ALWAYS | migrate_flag_bits.MIGRATE_PERSIST_DEST


def test_flags_of_the_plan() -> None:
    flags = Flags(postcopy=True, auto_converge=True, throttle_initial_percent=25, throttle_increment_percent=5)
    parameters, bits = call(flags)
    assert bits == MOVES | migrate_flag_bits.MIGRATE_POSTCOPY | migrate_flag_bits.MIGRATE_AUTO_CONVERGE
    assert parameters == {"auto_converge.initial": 25, "auto_converge.increment": 5}


def test_compression_and_connections() -> None:
    parameters, bits = call(Flags(xbzrle_cache_bytes=1 << 27))
    assert bits == MOVES | migrate_flag_bits.MIGRATE_COMPRESSED
    assert parameters == {"compression": "xbzrle", "compression.xbzrle.cache": 1 << 27}
    parameters, bits = call(Flags(parallel_connections=4))
    assert (parameters, bits) == ({"parallel.connections": 4}, MOVES | migrate_flag_bits.MIGRATE_PARALLEL)


@pytest.mark.parametrize(("level", "said"), [(1, {}), (5, {"compression.zstd.level": 5})])
def test_zstd_on_several_connections(level: int, said: dict[str, int]) -> None:
    """The default level goes unsaid, which a binding without it would send as a number of another type."""
    parameters, bits = call(Flags(parallel_connections=4, zstd_level=level, postcopy=True))
    flags = (
        migrate_flag_bits.MIGRATE_PARALLEL | migrate_flag_bits.MIGRATE_COMPRESSED | migrate_flag_bits.MIGRATE_POSTCOPY
    )
    assert bits == MOVES | flags
    assert parameters == {"compression": "zstd", "parallel.connections": 4, **said}


@pytest.mark.parametrize(
    ("postcopy", "parameters"),
    [(False, {"bandwidth": 50}), (True, {"bandwidth": 50, "bandwidth.postcopy": 50})],
)
def test_a_bandwidth_limit_holds_for_postcopy_too(postcopy: bool, parameters: dict[str, int]) -> None:
    assert call(Flags(postcopy=postcopy), THERE._replace(bandwidth_mib_per_s=50))[0] == parameters


@pytest.mark.parametrize(
    ("options", "bit"),
    [
        (StartOptions(copy_storage="all"), migrate_flag_bits.MIGRATE_NON_SHARED_DISK),
        (StartOptions(copy_storage="incremental"), migrate_flag_bits.MIGRATE_NON_SHARED_INC),
        (StartOptions(tls=True), migrate_flag_bits.MIGRATE_TLS),
    ],
)
def test_options(options: StartOptions, bit: int) -> None:
    assert call(options=options)[1] == MOVES | bit


def test_the_address() -> None:
    assert call(path=THERE._replace(migrate_uri="tcp://10.0.0.12"))[0] == {"migrate_uri": "tcp://10.0.0.12"}
