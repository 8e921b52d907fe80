# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    Listener,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    PortUser,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    Attempt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    COPY,
    Row,
    ids,
    opened,
    see,
)

ROWS: list[Row] = [
    ("daemon_listens", FAIL, {"destination.daemon.listeners": []}, "Nothing on the destination listens"),
    (
        "daemon_listens",
        WARN,
        {
            "destination.daemon.listeners": [Listener("tcp", "::", 16509)],
            "destination.daemon.settings": {"auth_tcp": "none"},
        },
        "without any login",
    ),
    ("daemon_listens", SKIP, {"destination.daemon.listeners": None}, "not known"),
    ("ports_free", FAIL, {"destination.migration.ports_used": list(range(49152, 49216))}, "0 of the ports"),
    ("ports_free", FAIL, {**COPY, "destination.migration.ports_used": list(range(49152, 49215))}, "needs 2"),
    ("ports_free", FAIL, {"destination.migration.port_max": 49000}, "is empty"),
    ("ports_free", WARN, {"destination.migration.ports_used": list(range(49152, 49214))}, "Only 2"),
    (
        "ports_free",
        FAIL,
        {
            "destination.migration.ports_used": list(range(49152, 49216)),
            "destination.migration.ports_used_by": [PortUser("nc", 42, [49152]), PortUser("qemu", 43, [49153])],
        },
        "nc (42) and qemu (43) have the others",
    ),
    ("ports_free", PASS, {"destination.migration.port_max": 49152}, "1 port free"),
    ("ports_free", SKIP, {"destination.migration.ports_used": None}, "not known"),
    ("ports_open", FAIL, {"probe.port": Attempt("10.231.1.12", 49215, "no answer")}, "no answer"),
    ("ports_open", WARN, {"destination.firewall.openings": opened("partly")}, "by its rules"),
    ("ports_open", PASS, {"probe.port": None}, "lets migrations in"),
    (
        "ports_open",
        FAIL,
        {"probe.port": None, "destination.firewall.openings": opened("closed")},
        "does not let migrations in",
    ),
    ("ports_open", WARN, {"probe.port": None, "destination.firewall.openings": opened("partly")}, "under conditions"),
    ("ports_open", SKIP, {"probe.port": None, "destination.firewall.openings": opened("unknown")}, "the reason"),
    ("ports_open", SKIP, {"probe.port": None, "destination.firewall.openings": []}, "not known"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
