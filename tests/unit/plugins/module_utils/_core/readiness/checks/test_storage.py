# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    StoragePool,
)
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
    COPY,
    Row,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GIB,
    LOCAL,
    LOCAL_DISK,
    NFS,
    TIB,
)

ROWS: list[Row] = [
    ("disks_reachable", FAIL, {"domain.disks": [LOCAL_DISK]}, "local file system (ext4)"),
    ("disks_reachable", PASS, {**COPY, "domain.disks": [LOCAL_DISK]}, "are copied"),
    ("disks_reachable", FAIL, {"destination.storage.filesystems": [LOCAL]}, "has not mounted it"),
    (
        "disks_reachable",
        FAIL,
        {"destination.storage.filesystems": [replace(NFS, source="other:/x")]},
        "has other:/x there",
    ),
    (
        "disks_reachable",
        FAIL,
        {"destination.storage.filesystems": [replace(NFS, read_only=True)]},
        "read-only on the destination",
    ),
    (
        "disks_reachable",
        PASS,
        {
            "domain.disks": [LOCAL_DISK],
            "source.daemon.qemu_settings": {"shared_filesystems": ["/var/lib/libvirt/images"]},
            "destination.daemon.qemu_settings": {"shared_filesystems": ["/var/lib/libvirt/images/"]},
        },
        "Both hosts reach",
    ),
    ("disks_reachable", WARN, {"domain.disks": [replace(LOCAL_DISK, device="cdrom", readonly=True)]}, "not copied"),
    ("disks_reachable", WARN, {"domain.disks": [Disk("vda", type="block", source="/dev/mapper/lun1")]}, "is not known"),
    ("disks_reachable", WARN, {"destination.storage.filesystems": None}, "are not known"),
    ("disks_reachable", PASS, {"domain.disks": []}, "no disk"),
    ("disks_reachable", PASS, {"domain.disks": [Disk("sda", "cdrom")]}, "no disk"),
    ("disks_reachable", PASS, {"domain.disks": [Disk("vda", type="network", source="rbd:p/i")]}, "Both hosts reach"),
    ("disks_reachable", PASS, {"domain.disks": [Disk("vda", type="volume", source="images/a")]}, "Both hosts reach"),
    # What libvirt did not tell is not a pool that is not there.
    *(
        (
            "disks_reachable",
            WARN,
            {"domain.disks": [Disk("vda", type="volume", source="images/a")], f"{side}.storage.pools": None},
            "which storage pools",
        )
        for side in ("source", "destination")
    ),
    (
        "disks_reachable",
        FAIL,
        {"domain.disks": [Disk("vda", type="volume", source="none/a")]},
        "no running pool 'none'",
    ),
    (
        "disks_reachable",
        FAIL,
        {
            "domain.disks": [Disk("vda", type="volume", source="images/a")],
            "destination.storage.pools": [StoragePool("images", type="dir", active=True)],
        },
        "belongs to each host",
    ),
    (
        "disks_reachable",
        PASS,
        {"domain.disks": [Disk("vda", type="block", source="/dev/disk/by-path/ip-1-lun-1")]},
        "Both hosts reach",
    ),
    ("disk_room", PASS, {**COPY, "domain.disks": [LOCAL_DISK]}, "is room"),
    ("disk_room", FAIL, {**COPY, "domain.disks": [replace(LOCAL_DISK, size_bytes=TIB)]}, "1.0 TiB are needed"),
    (
        "disk_room",
        FAIL,
        {**COPY, "domain.disks": [replace(LOCAL_DISK, size_bytes=150 * GIB)] * 2},
        "300.0 GiB are needed",
    ),
    ("disk_room", WARN, {**COPY, "domain.disks": [replace(LOCAL_DISK, size_bytes=None)]}, "is not known"),
    ("disk_room", SKIP, {}, "No disk is to be copied"),
    (
        "backing_images",
        WARN,
        {"intent.copy_storage": "incremental", "domain.disks": [replace(LOCAL_DISK, backing_chain=["/srv/base.img"])]},
        "/srv/base.img",
    ),
    (
        "backing_images",
        PASS,
        {**COPY, "domain.disks": [replace(LOCAL_DISK, backing_chain=["/srv/base.img"])]},
        "copied whole",
    ),
    ("backing_images", SKIP, {}, "No disk with a base image"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
