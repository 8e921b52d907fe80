# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration import start as starting
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start import (
    StartOptions,
    start_call,
)

ALWAYS = starting.LIVE | starting.PEER2PEER
MOVES = ALWAYS | starting.PERSIST_DEST | starting.UNDEFINE_SOURCE


def test_the_plainest() -> None:
    assert start_call(Flags(), StartOptions()) == ({}, MOVES)


def test_a_transient_guest_is_not_undefined_either() -> None:
    assert start_call(Flags(), StartOptions(persistent=False)) == ({}, ALWAYS)


def test_the_source_may_keep_its_definition() -> None:
    assert start_call(Flags(), StartOptions(undefine_source=False))[1] == ALWAYS | starting.PERSIST_DEST


def test_flags_of_the_plan() -> None:
    flags = Flags(postcopy=True, auto_converge=True, throttle_initial_percent=25, throttle_increment_percent=5)
    parameters, bits = start_call(flags, StartOptions())
    assert bits == MOVES | starting.POSTCOPY | starting.AUTO_CONVERGE
    assert parameters == {"auto_converge.initial": 25, "auto_converge.increment": 5}


def test_compression_and_connections() -> None:
    parameters, bits = start_call(Flags(xbzrle_cache_bytes=1 << 27), StartOptions())
    assert bits == MOVES | starting.COMPRESSED
    assert parameters == {"compression": "xbzrle", "compression.xbzrle.cache": 1 << 27}
    parameters, bits = start_call(Flags(parallel_connections=4), StartOptions())
    assert (parameters, bits) == ({"parallel.connections": 4}, MOVES | starting.PARALLEL)


@pytest.mark.parametrize(
    ("postcopy", "parameters"),
    [(False, {"bandwidth": 50}), (True, {"bandwidth": 50, "bandwidth.postcopy": 50})],
)
def test_a_bandwidth_limit_holds_for_postcopy_too(postcopy: bool, parameters: dict[str, int]) -> None:
    assert start_call(Flags(postcopy=postcopy), StartOptions(bandwidth_mib_per_s=50))[0] == parameters


@pytest.mark.parametrize(
    ("wishes", "bit"),
    [
        (StartOptions(copy_storage="all"), starting.NON_SHARED_DISK),
        (StartOptions(copy_storage="incremental"), starting.NON_SHARED_INC),
        (StartOptions(tls=True), starting.TLS),
    ],
)
def test_wishes(wishes: StartOptions, bit: int) -> None:
    assert start_call(Flags(), wishes)[1] == MOVES | bit


def test_the_address() -> None:
    assert start_call(Flags(), StartOptions(migrate_uri="tcp://10.0.0.12"))[0] == {"migrate_uri": "tcp://10.0.0.12"}
