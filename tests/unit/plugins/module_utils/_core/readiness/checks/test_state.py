# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    Row,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    LOCAL_DISK,
)

ROWS: list[Row] = [
    ("guest_state", WARN, {"domain.state": "paused", "domain.state_reason": "by the user"}, "stays so"),
    (
        "guest_state",
        FAIL,
        {"domain.state": "paused", "domain.state_reason": "post-copy failed"},
        "by a migration already",
    ),
    ("guest_state", FAIL, {"domain.state": "shutting down"}, "shutting down"),
    ("guest_state", PASS, {"domain.state": "shut off"}, "only its definition"),
    ("guest_jobs", FAIL, {"domain.job": "backup"}, "backup"),
    ("guest_jobs", FAIL, {"domain.disks": [replace(LOCAL_DISK, mirror=True)]}, "Block jobs run on vda"),
    ("guest_jobs", SKIP, {"source.local": False}, "on its own host only"),
    ("guest_jobs", SKIP, {"domain.job": None}, "status file of it could not be read"),
    ("guest_jobs", PASS, {"domain.job": ""}, "No job runs"),
    ("guest_jobs", FAIL, {"source.local": False, "domain.disks": [replace(LOCAL_DISK, mirror=True)]}, "run on vda"),
    ("guest_jobs", FAIL, {"domain.job": None, "domain.disks": [replace(LOCAL_DISK, mirror=True)]}, "run on vda"),
    ("left_slowed", PASS, {"domain.slowed_down": False}, "meant to have"),
    ("left_slowed", SKIP, {"domain.slowed_down": None}, "root on its own host"),
    ("left_slowed", WARN, {"domain.slowed_down": True}, "were not put back"),
    ("left_slowed", WARN, {"domain.slowed_down": True, "domain.job": None}, "were not put back"),
    ("left_slowed", SKIP, {"domain.slowed_down": True, "domain.job": "migration out"}, "a job runs"),
    ("snapshots", FAIL, {"domain.snapshots": 2}, "2 snapshots"),
    ("snapshots", WARN, {"domain.checkpoints": 1}, "1 checkpoint, "),
    ("snapshots", SKIP, {"domain.snapshots": None, "domain.checkpoints": None}, "not known"),
    ("snapshots", SKIP, {"domain.snapshots": None, "domain.checkpoints": 0}, "not known"),
    ("snapshots", WARN, {"domain.snapshots": None, "domain.checkpoints": 2}, "2 checkpoints, "),
    ("snapshots", PASS, {"domain.snapshots": 0, "domain.checkpoints": None}, "no snapshots."),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
