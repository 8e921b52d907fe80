# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import disk, find, guest


def base(kind: str, source: str) -> str:
    return disk("", f"<backingStore type='{kind}'><format type='raw'/>{source}<backingStore/></backingStore>")


def beside(kind: str, source: str) -> str:
    return disk(f"<dataStore type='{kind}'><format type='raw'/>{source}</dataStore>")


LOCAL_FILE, BLOCK = "<source file='/var/lib/libvirt/images/b.raw'/>", "<source dev='/dev/vg0/b'/>"
NBD = "<source protocol='nbd' name='b'><host {0}/></source>"


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (base("file", "<source file='/srv/nfs/base.raw'/>"), PASS, "reach its disks"),
        (base("file", LOCAL_FILE), WARN, "local file system"),
        (base("block", BLOCK), WARN, "same device as /dev/vg0/b is not known"),
        (base("network", NBD.format("name='filer'")), PASS, "reach its disks"),
        (base("network", NBD.format("transport='unix' socket='/run/b.sock'")), WARN, "/run/b.sock of its host"),
        (base("network", NBD.format("name='localhost'")), WARN, "each host itself"),
        (base("volume", "<source pool='none' volume='b'/>"), WARN, "no running pool 'none'"),
        (base("volume", "<source pool='images' volume='b'/>"), PASS, "reach its disks"),
        # The data of a disk that libvirt itself does not look at
        (beside("file", "<source file='/srv/nfs/b.raw'/>"), PASS, "reach its disks"),
        (beside("file", LOCAL_FILE), FAIL, "data of all disks"),
        (beside("block", BLOCK), WARN, "data of all disks is not known"),
        (beside("network", NBD.format("name='filer'")), PASS, "reach its disks"),
    ],
)
def test_images_that_a_disk_is_made_of(devices: str, status: str, says: str) -> None:
    domain = guest(devices)
    finding = find("disks_reachable", replace(domain, disks=[replace(domain.disks[0], **ON_NFS)]))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary
    assert "opy" not in finding.remedy


ON_NFS = {"mount_point": "/srv/nfs", "mount_source": "filer:/export", "fs_type": "nfs4"}
