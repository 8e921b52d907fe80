# SPDX-License-Identifier: GPL-3.0-or-later


"""Whether two hosts have the same storage: never a copy onto itself, never a pass of what libvirt refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Filesystem
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Disk
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import parse_mounts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    WARN,
    ReadinessOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.shared_storage import (
    OTHER,
    SAME,
    SHARED_TYPES,
    UNSURE,
    same_export,
    server_and_path,
    taken_for_shared,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.disks_on_hosts import (
    Mounted,
    find,
    setup,
    vm,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GUEST,
    LOCAL,
    LOCAL_DISK,
    NFS,
    Setup,
)

GLUSTER, CEPH, NFS4 = "fuse.glusterfs", "ceph", "nfs4"


FSID = "admin@b3acfc0d-575f-41d3-9c91-0e7ed3dbb3fa.vm=/"


@pytest.mark.parametrize(
    ("here", "there", "status"),
    [
        # Equal names of one storage.
        (vm("filer:/export", NFS4), vm("filer:/export", NFS4), PASS),
        (vm("filer:/export", "nfs"), vm("filer:/export", NFS4), PASS),
        (vm("filer:/export/", NFS4), vm("FILER:/export", NFS4), PASS),
        (vm("[2001:db8::9]:/export", NFS4), vm("[2001:DB8:0::9]:/export", NFS4), PASS),
        (vm("kvm01:/vmvol", GLUSTER), vm("kvm01:/vmvol", GLUSTER), PASS),
        (vm(FSID, CEPH), vm(FSID, CEPH), PASS),
        (vm("fs1", "gpfs"), vm("fs1", "gpfs"), PASS),
        (vm("/dev/disk/by-id/wwn-0x5000", "gfs2"), vm("/dev/disk/by-id/wwn-0x5000", "gfs2"), PASS),
        # Other names of what may be the same.
        (vm("kvm01:/vmvol", GLUSTER), vm("kvm02:/vmvol", GLUSTER), WARN),
        (vm("kvm01:/vmvol", GLUSTER), vm("kvm02:vmvol", GLUSTER), WARN),
        (vm("192.0.2.1:6789,192.0.2.2:6789:/vm", CEPH), vm("192.0.2.2:6789,192.0.2.1:6789:/vm", CEPH), WARN),
        (vm("192.0.2.1:6789:/vm", CEPH), vm(FSID, CEPH), WARN),
        (vm("admin@.vm=/", CEPH), vm("admin@.vm=/", CEPH), WARN),
        (vm("filer:/", NFS4), vm("filer:/export", NFS4), WARN),
        (vm("filer:/export", "nfs"), vm("nas:/export", NFS4), WARN),
        (vm("filer:/export", NFS4), vm("192.0.2.9:/export", NFS4), WARN),
        (vm("filer:/export", NFS4), vm("filer.example.com:/export", NFS4), WARN),
        (vm("filer:/export/vm", "nfs"), vm("filer:/vm", NFS4), WARN),
        (vm("/dev/mapper/mpatha", "gfs2"), vm("/dev/mapper/mpathb", "gfs2"), WARN),
        (vm("/dev/sdb", "ocfs2"), vm("/dev/mapper/lun1", "ocfs2"), WARN),
        (vm("kvm01:/vmvol", GLUSTER), vm("kvm01:/vmvol", NFS4), WARN),
        # Equal names of what may be two.
        (vm("localhost:/export", NFS4), vm("localhost:/export", NFS4), WARN),
        (vm("127.0.0.1:/export", NFS4), vm("127.0.0.1:/export", NFS4), WARN),
        (vm("[::1]:/export", NFS4), vm("[0:0::1]:/export", NFS4), WARN),
        (vm("localhost:/vmvol", GLUSTER), vm("localhost:/vmvol", GLUSTER), WARN),
        (vm("/dev/sdb", "ocfs2"), vm("/dev/sdb", "ocfs2"), WARN),
        (vm("/dev/mapper/mpatha", "gfs2"), vm("/dev/mapper/mpatha", "gfs2"), WARN),
        # At another place.
        (vm("filer:/export", NFS4), vm("filer:/export", NFS4, "/srv"), WARN),
        (vm("filer:/export/vm", NFS4), vm("filer:/export", NFS4, "/srv"), PASS),
        (vm("filer:/export/vm", NFS4), vm("nas:/export", NFS4, "/srv"), WARN),
        # Surely another one, or none.
        (vm("filer:/export", NFS4), vm("other:/x", NFS4), FAIL),
        (vm("kvm01:/vmvol", GLUSTER), vm("kvm01:/other", GLUSTER), FAIL),
        (vm("filer:/export", NFS4), None, FAIL),
        (vm("filer:/export", NFS4), vm("/dev/vdb", "ext4"), FAIL),
        (vm("/dev/vdb", "ext4"), vm("filer:/export", NFS4), FAIL),
        (vm("/dev/vdb", "ext4"), vm("/dev/vdb", "ext4"), FAIL),
        (vm("/dev/vdb", "ext4"), None, FAIL),
        # What one of the two exports itself.
        (vm("kvm02:/srv/vm", NFS4), vm("/dev/vdb", "ext4"), PASS),
        (vm("10.231.0.12:/srv/vm", NFS4), None, PASS),
        (vm("kvm02:/export", NFS4), vm("/dev/vdb", "ext4"), WARN),
        # libvirt's own list.
        (vm("192.0.2.9@tcp:/fs1", "lustre"), vm("192.0.2.9@tcp:/fs1", "lustre"), FAIL),
        (vm("share", "virtiofs"), vm("share", "virtiofs"), FAIL),
        (vm("host:/vm", "fuse.sshfs"), vm("host:/vm", "fuse.sshfs"), FAIL),
        (vm("ceph-fuse", "fuse.ceph"), vm("ceph-fuse", "fuse.ceph"), FAIL),
        (vm("//nas/vm", "smb3"), vm("//nas/vm", "smb3"), FAIL),
        (vm("//nas/vm", "cifs"), vm("//NAS/VM", "cifs"), WARN),
        # So every mount of BeeGFS is called; the management host stands in an option of the mount.
        (vm("beegfs_nodev", "beegfs"), vm("beegfs_nodev", "beegfs"), WARN),
    ],
)
def test_two_hosts(here: Mounted, there: Mounted | None, status: str) -> None:
    finding = find(setup(here, there))
    assert finding.status == status, finding.summary
    # A copy is advised only where nothing of it can be there yet.
    alone = here[2] == "ext4" and (there is None or there[2] == "ext4")
    assert ("Copy them" in finding.remedy) == alone, finding.remedy


@pytest.mark.parametrize(
    ("here", "there", "copied"),
    [
        # A device that several hosts may reach may be one and the same, whatever it is called on each.
        ("/dev/mapper/mpatha1", "/dev/mapper/mpatha1", False),
        ("/dev/mapper/mpatha", "/dev/mapper/mpathb", False),
        ("/dev/mapper/36001405f0c3a1b2c4d5e6f708192a3b4", "/dev/mapper/mpathc", False),
        ("/dev/drbd0", "/dev/drbd1", False),
        ("/dev/rbd0", "/dev/rbd/pool/vm", False),
        ("/dev/disk/by-path/ip-192.0.2.9:3260-iscsi-iqn-lun-1", "/dev/disk/by-id/wwn-0x5000c500", False),
        # What each has of its own.
        ("/dev/mapper/vg0-vm", "/dev/mapper/vg0-vm", True),
        ("/dev/sdb1", "/dev/sdb1", True),
        ("/dev/nvme0n1p2", "/dev/md0", True),
        ("/dev/sdb1", "/dev/mapper/mpatha", True),
    ],
)
@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_local_file_systems_on_devices_that_several_hosts_may_reach(
    here: str, there: str, copied: bool, fs_type: str
) -> None:
    finding = find(setup(vm(here, fs_type), vm(there, fs_type)))
    assert finding.status == FAIL
    assert ("Copy them" in finding.remedy) is copied, finding.summary


def test_a_copy_of_what_may_be_there_already_is_warned_of() -> None:
    """Where nobody names the disks, only what is surely the source's own is copied."""
    copied = {"intent": ReadinessOptions(copy_storage="all")}
    named = {"intent": ReadinessOptions(copy_storage="all", copy_disks=["vda"])}
    unsure = vm("kvm01:/vmvol", GLUSTER), vm("kvm02:/vmvol", GLUSTER)
    by_itself, by_name = find(setup(*unsure, **copied)), find(setup(*unsure, **named))
    assert (by_itself.status, "copy_disks" in by_itself.remedy) == (WARN, True)
    assert (by_name.status, "onto itself" in by_name.summary) == (WARN, True)
    assert find(Setup().but(copied)).status == PASS
    shared = find(Setup().but(named))
    assert (shared.status, "onto themselves" in shared.summary) == (FAIL, True)
    nobody = find(Setup().but({"intent": ReadinessOptions(copy_storage="all", copy_disks=["vdz"])}))
    assert (nobody.status, "no disk vdz" in nobody.summary) == (FAIL, True)
    lustre = find(setup(vm("mds:/fs1", "lustre"), vm("mds:/fs1", "lustre"), **copied))
    assert lustre.status == FAIL
    exported = find(setup(vm("/dev/vdb", "ext4"), vm("kvm01:/srv/vm", NFS4), **copied))
    assert (exported.status, "shared_filesystems" in exported.remedy) == (FAIL, True)
    assert find(setup(vm("/dev/vdb", "ext4"), vm("/dev/vdb", "ext4"), **copied)).status == PASS


def test_some_disks_are_copied_and_others_are_on_both_hosts() -> None:
    both = Setup().but({"domain.disks": [replace(LOCAL_DISK, target="vdb"), GUEST.disks[0]]})
    finding = find(both)
    assert (finding.status, "Copy them" in finding.remedy) == (FAIL, True)
    network = Disk("vdc", type="network", source="rbd:p/i", hosts=["mon1"])
    mixed = both.but({"domain.disks": [*both.domain.disks, network], "intent.copy_storage": "all"})
    finding = find(mixed)
    assert (finding.status, finding.summary.startswith("Its local disks are copied: vdb")) == (PASS, True)
    assert finding.summary.endswith("Both hosts reach vda and vdc.")
    for names, status in ((["vdb"], PASS), (["vda", "vdb"], FAIL), ([], FAIL), (["vdc", "vdb"], FAIL)):
        assert find(mixed.but({"intent.copy_disks": names})).status == status, names
    cdrom = replace(GUEST.disks[0], device="cdrom", readonly=True)
    assert "Copy them" in find(Setup().but({"domain.disks": [LOCAL_DISK, cdrom]})).remedy


def test_a_shareable_disk_of_the_source_is_refused() -> None:
    for changes in ({}, {"intent": ReadinessOptions(copy_storage="all")}):
        finding = find(Setup().but({"domain.disks": [replace(LOCAL_DISK, shareable=True)], **changes}))
        assert (finding.status, "Copy them" in finding.remedy) == (FAIL, False)


def test_a_base_image_that_stays_behind() -> None:
    disk = replace(GUEST.disks[0], backing_chain=["/var/lib/libvirt/images/base.img"])
    finding = find(Setup().but({"domain.disks": [disk]}))
    assert (finding.status, "based on" in finding.summary) == (WARN, True)
    disk = replace(GUEST.disks[0], backing_chain=["/srv/nfs/base.img", "/unknown/base.img"])
    assert find(Setup().but({"domain.disks": [disk]})).status == PASS


LISTED = {"shared_filesystems": ["/srv/vm"]}


EXT4, FROM_SOURCE = vm("/dev/vdb", "ext4"), vm("kvm01:/srv/vm", NFS4)


@pytest.mark.parametrize(
    ("here", "there", "on_source", "on_destination", "version", "status"),
    [
        (EXT4, FROM_SOURCE, True, False, "12.0.0", PASS),
        (EXT4, FROM_SOURCE, True, False, "", PASS),
        (EXT4, FROM_SOURCE, True, True, "12.0.0", PASS),
        (EXT4, FROM_SOURCE, True, False, "10.7.0", FAIL),  # the setting is newer
        (EXT4, FROM_SOURCE, False, False, "12.0.0", FAIL),
        (EXT4, FROM_SOURCE, False, True, "12.0.0", FAIL),
        (EXT4, EXT4, False, True, "12.0.0", FAIL),
        (EXT4, EXT4, True, True, "12.0.0", PASS),
        (EXT4, EXT4, True, False, "12.0.0", WARN),
        (EXT4, None, True, False, "12.0.0", FAIL),
        (EXT4, vm("nas.example.com:/vm", NFS4), True, False, "12.0.0", WARN),
        (EXT4, vm("192.0.2.1:/srv/vm", NFS4), True, False, "12.0.0", PASS),
        (EXT4, vm("192.0.2.1:/srv/vm", NFS4), False, False, "12.0.0", FAIL),
        (vm("mds:/fs1", "lustre"), vm("mds:/fs1", "lustre"), True, False, "12.0.0", PASS),
        (vm("//nas/vm", "cifs"), vm("//nas/vm", "cifs"), True, False, "12.0.0", PASS),
        (vm("beegfs_nodev", "beegfs"), vm("beegfs_nodev", "beegfs"), True, True, "12.0.0", PASS),
    ],
)
def test_the_word_of_the_source_counts(
    here: Mounted, there: Mounted | None, on_source: bool, on_destination: bool, version: str, status: str
) -> None:
    found = setup(here, there).but({"source.versions.libvirt": version})
    found = found.but({"source.daemon.qemu_settings": LISTED} if on_source else {})
    found = found.but({"destination.daemon.qemu_settings": LISTED} if on_destination else {})
    assert find(found).status == status, find(found).summary


@pytest.mark.parametrize(
    ("fs_type", "version", "taken"),
    [
        ("nfs4", "1.2.3", True),
        ("ceph", "5.0.0", False),
        ("ceph", "5.1.0", True),
        ("ceph", "", None),
        ("gpfs", "9.0.0", True),
        ("beegfs", "9.0.0", False),
        ("beegfs", "9.6.0", True),
        ("lustre", "9.0.0", False),
        ("lustre", "11.3.0", False),
        ("virtiofs", "11.3.0", False),
        ("fuse.glusterfs", "9.0.0", True),
        ("cifs", "9.0.0", None),
        ("smb3", "11.3.0", False),
        ("ext4", "11.3.0", False),
        ("nothing-yet", "11.3.0", False),
    ],
)
def test_what_libvirt_takes_for_shared(fs_type: str, version: str, taken: bool | None) -> None:
    assert taken_for_shared(fs_type, version) is taken


def test_each_type_says_where_it_is_from() -> None:
    assert len({one.fs_type for one in SHARED_TYPES}) == len(SHARED_TYPES)
    assert all("virfile.c" in one.source for one in SHARED_TYPES)


def test_a_bind_mount_of_another_directory() -> None:
    text = "36 25 0:32 /a /srv/nfs rw - nfs4 filer:/export rw\n"
    assert parse_mounts(text)[0].root == "/a"
    disk = replace(GUEST.disks[0], mount_root="/a")
    for root, status in (("/a", PASS), ("/b", WARN), ("/", WARN)):
        changes = {"domain.disks": [disk], "destination.storage.filesystems": [replace(NFS, root=root)]}
        assert find(Setup().but(changes)).status == status


@pytest.mark.parametrize(
    ("text", "server", "path"),
    [
        ("filer:/export", "filer", "/export"),
        ("[2001:db8::1]:/export", "2001:db8::1", "/export"),
        ("2001:db8::1:/export", "2001:db8::1", "/export"),
        ("kvm01:vmvol", "kvm01", "/vmvol"),
        ("//nas/share/", "nas", "/share"),
        ("192.0.2.1:6789,192.0.2.2:6789:/", "192.0.2.1:6789,192.0.2.2:6789", "/"),
        (FSID, FSID.partition("@")[2].partition("=")[0], "/"),
        ("/dev/vdb", "", "/dev/vdb"),
    ],
)
def test_names_of_exports(text: str, server: str, path: str) -> None:
    assert server_and_path(text) == (server, path if path != "/" or "@" not in text else "")


def test_exports() -> None:
    assert same_export("filer:/a", "filer:/a") == SAME
    assert same_export("filer:/a", "nas:/a") == UNSURE
    assert same_export("filer:/a", "nas:/b") == OTHER
    assert same_export("//nas/Vm", "//nas/vm", "smb") == SAME


def test_a_directory_that_is_a_link_to_shared_storage() -> None:
    """As host documents have it: what the link leads to is mounted there."""
    images = Filesystem("/var/lib/libvirt/images", "filer:/export", "nfs4", True, root="/vm")
    disk = replace(
        LOCAL_DISK,
        fs_type="nfs4",
        mount_point=images.mount_point,
        mount_source=images.source,
        mount_root=images.root,
    )
    for there, status in (([images, NFS], PASS), ([NFS], FAIL), ([LOCAL, NFS], FAIL)):
        finding = find(Setup().but({"domain.disks": [disk], "destination.storage.filesystems": there}))
        assert (finding.status, "opy" in finding.remedy) == (status, False)
