# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import StoragePool
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Disk
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import parse_domain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    WARN,
    ReadinessOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.disk_location import (
    place_of,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.disks_on_hosts import (
    find,
    network,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup


def disk_of(xml: str) -> Disk:
    return parse_domain(f"<domain><devices>{xml}</devices></domain>").disks[0]


@pytest.mark.parametrize(
    ("xml", "status", "says"),
    [
        (network("nbd", "transport='unix' socket='/run/erp-nbd.sock'"), WARN, "/run/erp-nbd.sock"),
        (network("nbd", "name='localhost' port='10809'"), WARN, "localhost:10809"),
        (network("nbd", "name='127.0.0.2'"), WARN, "127.0.0.2"),
        (network("nbd", "name='::1' port='10809'"), WARN, "[::1]:10809"),
        (network("nbd", "name='192.0.2.9' port='10809'"), PASS, "over the network"),
        (network("gluster", "transport='unix' socket='/run/glusterd.socket'"), WARN, "/run/glusterd.socket"),
        (network("iscsi", "name='localhost' port='3260'"), WARN, "localhost:3260"),
        (network("rbd", "name='mon1' port='6789'", "name='2001:db8::1' port='6789'"), PASS, "over the network"),
        (network("rbd"), PASS, "over the network"),
        ("<disk type='vhostuser'><source type='unix' path='/run/vhost/erp.sock'/><target dev='vda'/></disk>", WARN,
         "vhost-user back end"),
        ("<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-0'/><target dev='vda'/></disk>", WARN, "vDPA back end"),
        ("<disk type='block'><source dev='/dev/disk/by-path/ip-192.0.2.9:1-iscsi-iqn.a-lun-1'/></disk>", PASS, "iSCSI"),
        ("<disk type='block'><source dev='/dev/disk/by-path/ip-127.0.0.1:3260-iscsi-iqn.a-lun-1'/></disk>", WARN,
         "not known"),
        ("<disk type='block'><source dev='/dev/disk/by-path/pci-0000:00:1f.2-ata-1'/></disk>", WARN, "not known"),
        ("<disk type='block'><source dev='/dev/mapper/mpatha'/></disk>", WARN, "not known"),
        ("<disk type='block'><source dev='/dev/vg0/erp'/></disk>", WARN, "not known"),
    ],
)  # fmt: skip
def test_disks_that_are_no_files(xml: str, status: str, says: str) -> None:
    disk = disk_of(xml)
    finding = find(Setup().but({"domain.disks": [disk]}))
    shown = f"{finding.summary} {finding.evidence}"
    assert (finding.status, says in shown) == (status, True), shown
    assert "Copy them" not in finding.remedy


@pytest.mark.parametrize("kind", ["vhostuser", "vhostvdpa"])
def test_back_ends_are_never_copied(kind: str) -> None:
    disk = Disk("vda", type=kind, source="/run/vhost/erp.sock")
    finding = find(Setup().but({"domain.disks": [disk], "intent": ReadinessOptions(copy_storage="all")}))
    assert (finding.status, "copy_disks" in finding.remedy) == (FAIL, True)
    named = ReadinessOptions(copy_storage="all", copy_disks=["vda"])
    finding = find(Setup().but({"domain.disks": [disk], "intent": named}))
    assert (finding.status, "cannot be copied" in finding.summary) == (FAIL, True)


VOLUME = Disk("vda", type="volume", source="vm/erp01.img")


def pool(kind: str, source: str = "", path: str = "") -> StoragePool:
    return StoragePool("vm", type=kind, active=True, source=source, path=path)


NETFS = "filer:/export"


@pytest.mark.parametrize(
    ("here", "there", "status"),
    [
        (pool("netfs", NETFS), pool("netfs", NETFS), PASS),
        (pool("netfs", NETFS), pool("netfs", "192.0.2.9:/export"), WARN),
        (pool("netfs", "localhost:/export"), pool("netfs", "localhost:/export"), WARN),
        (pool("netfs", NETFS), pool("netfs", "nas:/other"), FAIL),
        (pool("netfs", NETFS), pool("dir", path="/srv/none"), FAIL),
        (pool("iscsi", "filer:iqn.a"), pool("iscsi", "filer:iqn.a"), PASS),
        (pool("iscsi", "filer:iqn.a"), pool("iscsi", "192.0.2.9:iqn.a"), WARN),
        (pool("iscsi", "127.0.0.1:iqn.a"), pool("iscsi", "127.0.0.1:iqn.a"), WARN),
        (pool("mpath"), pool("mpath"), WARN),
        (pool("logical", "vg0"), pool("logical", "vg0"), WARN),
        (pool("rbd", "mon1:vm"), pool("rbd", "mon1:vm"), PASS),
        (pool("rbd", "mon1:vm"), pool("rbd", "mon2:vm"), WARN),
        (pool("dir", path="/srv/nfs"), pool("dir", path="/srv/nfs"), PASS),
        (pool("dir", path="/var/lib/libvirt/images"), pool("dir", path="/var/lib/libvirt/images"), FAIL),
    ],
)
def test_volumes_of_pools(here: StoragePool, there: StoragePool, status: str) -> None:
    found = Setup().but(
        {
            "domain.disks": [VOLUME],
            "source.storage.pools": [here],
            "destination.storage.pools": [there],
        }
    )
    finding = find(found)
    assert finding.status == status, finding.summary
    local = here.type == "dir" and here.path.startswith("/var")
    assert ("Copy them" in finding.remedy) == local, finding.remedy


def test_places_of_odd_disks_do_not_raise() -> None:
    kinds = ("volume", "nvme", "file", "dir", "block", "network", "x")
    odd = [Disk(""), *(Disk("a", type=kind, source=source) for kind in kinds for source in ("/", "x", ":"))]
    for disk in odd:
        assert place_of(disk, Setup().source, Setup().destination).kind
