# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    Row,
    domains,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    host,
)

ROWS: list[Row] = [
    ("cordon", FAIL, {"destination.cordoned": True}, "takes no guests"),
    ("cordon", PASS, {"destination.cordoned": False}, "takes guests"),
    ("cordon", SKIP, {"destination.cordoned": None}, "not known"),
    ("same_host", FAIL, {"destination.uuid": host(1).uuid}, "same host UUID"),
    ("same_host", FAIL, {"destination": host(1)}, "the host that the guest is on"),
    ("same_host", SKIP, {"destination.uuid": ""}, "not known"),
    ("uuid_free", FAIL, {"destination.domains": domains()}, "is running on the destination already"),
    (
        "uuid_free",
        FAIL,
        {"destination.domains": domains(name="other", state="shut off")},
        "another guest with this UUID",
    ),
    ("uuid_free", PASS, {"destination.domains": domains(state="shut off")}, "has its definition"),
    ("name_free", FAIL, {"destination.domains": domains(uuid="other")}, "another guest of this name"),
    (
        "destination_name",
        FAIL,
        {"destination.hostname": "localhost.localdomain", "destination.migration.address_from": "hostname"},
        "calls itself localhost",
    ),
    (
        "destination_name",
        FAIL,
        {"destination.migration.address_from": "hostname", "probe.name_addresses": ["127.0.1.1"]},
        "the source itself",
    ),
    (
        "destination_name",
        FAIL,
        {"destination.migration.address_from": "hostname", "probe.name_addresses": []},
        "nowhere",
    ),
    (
        "destination_name",
        WARN,
        {"destination.migration.address_from": "hostname", "destination.hostname_addresses": ["127.0.1.1"]},
        "a loopback address only",
    ),
    ("destination_name", PASS, {"destination.migration.address_from": "hostname"}, "leads to it"),
    (
        "destination_name",
        SKIP,
        {
            "destination.migration.address_from": "",
            "probe.name_addresses": None,
            "destination.hostname_addresses": None,
        },
        "not known",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
