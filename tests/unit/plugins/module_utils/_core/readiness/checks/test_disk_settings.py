# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Disk,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    NO_LOCKS,
    Row,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GUEST,
    LOCAL_DISK,
)

ROWS: list[Row] = [
    (
        "disk_cache",
        FAIL,
        {"destination.versions.qemu": "3.1", "domain.disks": [replace(GUEST.disks[0], cache="writeback")]},
        "vda (writeback)",
    ),
    ("disk_cache", PASS, {"destination.versions.qemu": "3.1"}, "are safe"),
    ("disk_kind", FAIL, {"domain.disks": [replace(LOCAL_DISK, transient=True)]}, "thrown away"),
    ("disk_kind", FAIL, {"domain.disks": [Disk("vda", type="nvme", source="0000:01:00.0")]}, "NVMe"),
    ("disk_kind", WARN, {"domain.disks": [Disk("sda", "lun", "block", "/dev/sdc")]}, "SCSI"),
    ("disk_kind", FAIL, {"domain.disks": [replace(LOCAL_DISK, by_descriptor=True)]}, "handed them to libvirt"),
    ("boot_files", WARN, {"domain.boot_files": ["/boot/vmlinuz"]}, "/boot/vmlinuz"),
    ("boot_files", PASS, {"domain.boot_files": ["/srv/nfs/vmlinuz"]}, "storage that both hosts have"),
    ("lock_manager", WARN, NO_LOCKS, "may let the guest run on both"),
    ("lock_manager", WARN, {"destination.daemon.qemu_settings": {}}, "Only kvm01 has a lock manager for the disks vda"),
    ("lock_manager", WARN, {"source.daemon.qemu_settings": {"lock_manager": "nop"}}, "Only kvm02"),
    (
        "lock_manager",
        FAIL,
        {"source.daemon.qemu_settings": {"lock_manager": "sanlock"}},
        "different lock managers: lockd and sanlock",
    ),
    ("lock_manager", PASS, {**NO_LOCKS, "domain.disks": [LOCAL_DISK]}, "no disk that both"),
    ("lock_manager", PASS, {**NO_LOCKS, "domain.disks": [Disk("vda", type="network", source="rbd:p/i")]}, "no disk"),
    ("lock_manager", SKIP, {"destination.local": False}, "not known"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
