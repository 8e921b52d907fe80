# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    Emulator,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    Row,
    ids,
    see,
)

ROWS: list[Row] = [
    ("machine_type", FAIL, {"domain.machine": "pc-q35-10.1"}, "pc-q35-10.1"),
    ("machine_type", FAIL, {"domain.arch": "aarch64"}, "no emulator for aarch64"),
    (
        "machine_type",
        FAIL,
        {"destination.emulators": [Emulator("x86_64", "/q", ["pc-q35-9.0"], ["qemu"])]},
        "guests of type kvm",
    ),
    ("emulator_path", WARN, {"domain.emulator": "/usr/libexec/qemu-kvm"}, "/usr/libexec/qemu-kvm"),
    ("emulator_path", SKIP, {"domain.emulator": ""}, "not known"),
    ("cpu_count", WARN, {"domain.vcpus_current": 65}, "65 processors"),
    ("cpu_count", WARN, {"domain.pinned": True}, "by number"),
    ("cpu_count", FAIL, {"domain.pinned": True, "domain.pinned_cpus": [63, 64]}, "does not have: 64"),
    ("cpu_count", WARN, {"domain.pinned": True, "domain.pinned_cpus": [62, 63]}, "by number"),
    ("cpu_count", SKIP, {"destination.cpu.threads": 0}, "not known"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
