# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Graphics,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    Row,
    domains,
    ids,
    see,
)

ROWS: list[Row] = [
    (
        "graphics",
        FAIL,
        {"domain.graphics": [Graphics("vnc", "10.231.0.11", 5900, sent=True)]},
        "no address of the destination",
    ),
    ("graphics", SKIP, {"domain.graphics": [Graphics("vnc", "10.231.0.11", 5900)]}, "did not come from qemu.conf"),
    (
        "graphics",
        FAIL,
        {
            "domain.graphics": [Graphics("vnc", "0.0.0.0", 5900, False)],
            "destination.domains": domains(uuid="other", name="crm01", graphics=[Graphics("vnc", "", 5900)]),
        },
        "'crm01' has it",
    ),
    ("graphics", PASS, {"domain.graphics": [Graphics("vnc", "10.231.0.12", 5900, False)]}, "can listen"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
