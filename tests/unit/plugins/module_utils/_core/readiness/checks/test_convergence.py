# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    KnownBug,
    Userfaultfd,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    NEVER,
    PCI,
    Row,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GIB,
    MIB,
    TIB,
)

ROWS: list[Row] = [
    ("dirty_rate", WARN, {"measured": WorkingSet(GIB, False, 3 * GIB, False)}, "do not get shorter"),
    ("dirty_rate", WARN, {"intent.bandwidth_bytes_per_s": 100 * MIB}, "100.0 MiB/s are sent"),
    ("dirty_rate", SKIP, {"measured": None}, "not measured"),
    ("dirty_rate", SKIP, {"source.migration.speed_is_real": False}, "bandwidth is not known"),
    ("working_set", WARN, {"measured": WorkingSet(4 * GIB, False, MIB, False)}, "takes 1.5 s, more than the 1.0 s"),
    ("working_set", SKIP, {"measured": None}, "not measured"),
    ("working_set", SKIP, {"source.migration.speed_is_real": False}, "bandwidth is not known"),
    (
        "forecast",
        FAIL,
        {
            "measured": WorkingSet(6 * GIB, False, 4 * GIB, False),
            "intent.policy": Policy(postcopy="never", max_throttle_percent=0),
        },
        "does not finish within the policy",
    ),
    (
        "forecast",
        WARN,
        {
            "measured": WorkingSet(1500 * MIB, False, 3 * GIB, False),
            "intent.policy": Policy(postcopy="never", max_throttle_percent=0, max_downtime_ms=600),
        },
        "Not if it writes half as much again",
    ),
    ("forecast", SKIP, {"measured": None}, "not measured"),
    ("forecast", SKIP, {"source.migration.speed_is_real": False}, "bandwidth is not known"),
    (
        "postcopy_possible",
        WARN,
        {"destination.security.userfaultfd": Userfaultfd(True, 0, False, False, "the sysctl is 0")},
        "the sysctl is 0",
    ),
    ("postcopy_possible", WARN, {"domain.host_devices": [PCI]}, "it has 1 host device(s)"),
    (
        "postcopy_possible",
        WARN,
        {"domain.memory.nvdimm": True, "source.features": []},
        "the versions on kvm01 do not have it; it has an NVDIMM",
    ),
    ("postcopy_possible", SKIP, NEVER, "does not allow post-copy"),
    ("postcopy_possible", SKIP, {"destination.security.userfaultfd": Userfaultfd()}, "not known"),
    ("postcopy_advisable", WARN, {"intent.critical": ["erp01"]}, "named as critical"),
    ("postcopy_advisable", WARN, {"domain.memory.total_bytes": 2 * TIB}, "could depend on both hosts"),
    ("postcopy_advisable", WARN, {"destination.features": []}, "cannot be recovered"),
    (
        "postcopy_advisable",
        WARN,
        {"destination.known_bugs": [KnownBug("resume_crashes_daemon", "")]},
        "libvirt on kvm02 crashes when a broken one is resumed",
    ),
    ("postcopy_advisable", "pass", {"source.known_bugs": [KnownBug("resume_crashes_daemon", "")]}, "Nothing speaks"),
    ("postcopy_advisable", SKIP, NEVER, "does not allow post-copy"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
