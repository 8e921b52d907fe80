# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Userfaultfd
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    BY_ID,
    NEVER,
    Row,
    find,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import MIB, Setup

# As kernels have it, 4 MiB, at 10 MiB/s and at 1 GiB/s.
SLOW = {"source.migration.send_queue_bytes": 4 * MIB, "intent.bandwidth_bytes_per_s": 10 * MIB}
FAST = {**SLOW, "intent.bandwidth_bytes_per_s": 1024 * MIB}
MIDDLE = {**SLOW, "intent.bandwidth_bytes_per_s": 40 * MIB}
NO_USERFAULTFD = {"destination.security.userfaultfd": Userfaultfd(True, 0, False, False, "the sysctl is 0")}

ROWS: list[Row] = [
    ("requested_pages", WARN, SLOW, "waits up to 400 ms behind 4.0 MiB that the source's kernel has taken"),
    ("requested_pages", PASS, FAST, "waits up to 4 ms behind 4.0 MiB."),
    ("requested_pages", PASS, MIDDLE, "waits up to 100 ms"),
    ("requested_pages", WARN, {**MIDDLE, "intent.policy": Policy(max_downtime_ms=500)}, "the 500 ms that are allowed"),
    ("requested_pages", PASS, {**SLOW, "source.migration.send_queue_bytes": MIB // 8}, "waits up to 12 ms"),
    ("requested_pages", SKIP, {**SLOW, **NEVER}, "does not allow post-copy"),
    ("requested_pages", SKIP, {**SLOW, **NO_USERFAULTFD}, "not possible"),
    ("requested_pages", SKIP, {**SLOW, "source.migration.send_queue_bytes": None}, "not known"),
    (
        "requested_pages",
        SKIP,
        {**SLOW, "intent.bandwidth_bytes_per_s": None, "source.migration.speed_is_real": False},
        "bandwidth is not known",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)


def test_the_way_out_and_the_figures() -> None:
    found = find(BY_ID["requested_pages"], Setup().but(SLOW))
    assert "prerequisites_unsent_kib: 128" in found.remedy
    assert "tcp_notsent_lowat=131072" in found.remedy
    assert found.evidence == {"send_queue_bytes": 4 * MIB, "page_waits_ms": 400.0, "max_downtime_ms": 1000}


def test_what_is_short_already_needs_a_faster_link() -> None:
    short = {"source.migration.send_queue_bytes": MIB // 8, "intent.bandwidth_bytes_per_s": MIB // 2}
    found = find(BY_ID["requested_pages"], Setup().but(short))
    assert found.status == WARN
    assert "sysctl" not in found.remedy
    assert "more bandwidth" in found.remedy
