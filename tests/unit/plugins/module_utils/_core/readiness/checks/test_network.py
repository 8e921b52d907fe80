# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    InterfaceLoad,
    Route,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    Attempt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    Row,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GIB,
    TIB,
)

ROWS: list[Row] = [
    ("migration_route", FAIL, {"probe.route": Route("10.231.1.12", problem="no route")}, "no route"),
    ("migration_route", FAIL, {"probe.route": Route("10.231.1.12", "lo")}, "address of its own"),
    ("migration_route", WARN, {"probe.route": Route("10.231.1.12", "eth0")}, "over eth0"),
    ("migration_route", SKIP, {"probe.route": None}, "not looked up"),
    ("destination_reachable", FAIL, {"probe.daemon": Attempt("kvm02", 16514, "no answer")}, "no answer"),
    ("destination_reachable", FAIL, {"probe.daemon": Attempt("kvm02", 16514, "refused")}, "refused"),
    ("destination_reachable", SKIP, {"probe.daemon": None}, "Not tried"),
    ("daemon_login", FAIL, {"probe.connection_problem": "Permission denied (publickey)."}, "Permission denied"),
    ("daemon_login", SKIP, {"probe.connection_uri": ""}, "Not tried"),
    ("migration_mtu", WARN, {"destination.migration.mtu": 1500}, "9000 on the source"),
    ("migration_mtu", SKIP, {"destination.migration.mtu": None}, "not known"),
    (
        "dedicated_interface",
        WARN,
        {"destination.migration.carries_guests": ["br1"]},
        "eth1 of kvm02 with guests on br1",
    ),
    (
        "dedicated_interface",
        WARN,
        {"source.migration.carries_default_route": True, "source.migration.carries_ssh": True},
        "the default route and eth1 of kvm01 with SSH",
    ),
    ("dedicated_interface", SKIP, {"source.migration.carries_default_route": None}, "not known"),
    ("interface_load", PASS, {"source.migration.load": InterfaceLoad(1.0, 1000, 2000)}, "have room"),
    (
        "interface_load",
        WARN,
        {"source.migration.load": InterfaceLoad(1.0, 1000, 2_000_000_000)},
        "eth1 of kvm01 carries 1.9 GiB/s",
    ),
    ("interface_load", SKIP, {}, "not known"),
    (
        "interface_speed",
        WARN,
        {"domain.memory.total_bytes": 2 * TIB, "source.migration.speed_mbit_per_s": 10_000},
        "25 Gbit/s",
    ),
    ("interface_speed", PASS, {"domain.memory.total_bytes": 2 * TIB}, "about 11 min"),
    (
        "interface_speed",
        WARN,
        {"domain.memory.total_bytes": 500 * GIB, "source.migration.speed_mbit_per_s": 1000},
        "1 h 11 min",
    ),
    (
        "interface_speed",
        WARN,
        {"source.migration.duplex": "half", "source.migration.speed_mbit_per_s": 100},
        "half duplex",
    ),
    (
        "interface_speed",
        SKIP,
        {"source.migration.speed_is_real": False, "destination.migration.speed_is_real": False},
        "made-up",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
