# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.dataclass_json import to_plain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    CpuFeature,
    Disk,
    Graphics,
    HostDevice,
    Nic,
    SecurityLabel,
    SharedDirectory,
    SharedMemory,
    Tpm,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import parse_domain
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured

GIB = 1 << 30


def test_one_of_everything() -> None:
    guest = parse_domain(captured("everything.xml"))
    assert (guest.name, guest.type, guest.arch, guest.machine) == ('all "in" one', "kvm", "x86_64", "pc-q35-7.2")
    assert (guest.firmware, guest.nvram) == ("efi", "/var/lib/libvirt/qemu/nvram/one_VARS.fd")
    assert (guest.vcpus, guest.vcpus_current, guest.pinned) == (8, 4, True)
    assert (guest.title, guest.guest_agent, guest.qemu_arguments, guest.dirty_ring) == ("One of each", True, True, True)
    assert guest.launch_security == "sev"
    assert guest.security_labels == [SecurityLabel("selinux", "static", "system_u:system_r:svirt_t:s0:c1,c2")]
    assert guest.host_files == ["/run/libvirt/qemu/channel/one", "/var/log/one.log"]
    assert list(guest.metadata) == ["https://example.com/app/1"]
    assert "kvm01" in guest.metadata["https://example.com/app/1"]

    memory = guest.memory
    assert (memory.total_bytes, memory.current_bytes) == (64 * GIB, 32 * GIB)
    assert (memory.hugepages, memory.hugepage_size_bytes) == (True, GIB)
    assert (memory.nodes, memory.node_mode, memory.locked, memory.shared) == ([0, 2], "strict", True, True)
    assert (memory.source, memory.nvdimm) == ("memfd", True)

    assert (guest.cpu.mode, guest.cpu.model, guest.cpu.check) == ("custom", "Skylake-Server-IBRS", "full")
    assert guest.cpu.features == [CpuFeature("vmx"), CpuFeature("hle", "disable")]
    assert guest.cpu.tsc_frequency_hz == 2596130000
    assert guest.cpu.xml.startswith("<cpu mode=")


def test_its_disks() -> None:
    vda, vdb, vdc, vdd, sda, sdb = parse_domain(captured("everything.xml")).disks
    assert vda == Disk(
        "vda",
        type="file",
        source="/srv/nfs/one two.qcow2",
        format="qcow2",
        cache="none",
        bus="virtio",
        mirror=True,
        backing_chain=["/srv/nfs/base.qcow2"],
    )
    assert (vdb.source, vdb.hosts, vdb.shareable, vdb.cache) == (
        "rbd:pool/image",
        ["mon1:6789", "mon2"],
        True,
        "writeback",
    )
    assert (vdc.source, vdc.readonly, vdc.transient) == ("default/data.img", True, True)
    assert (vdd.type, vdd.source) == ("nvme", "0000:01:00.0")
    assert (sda.device, sda.source) == ("lun", "/dev/mapper/lun1")
    assert (sdb.device, sdb.type, sdb.source) == ("cdrom", "", "")


def test_its_network() -> None:
    bridge, network, direct, passed = parse_domain(captured("everything.xml")).interfaces
    assert bridge == Nic(
        "52:54:00:00:00:01",
        "bridge",
        bridge="br0",
        target="vnet0",
        model="virtio",
        mtu=9000,
        virtualport="openvswitch",
    )
    assert (network.network, network.portgroup) == ("default", "blue")
    assert (direct.type, direct.device) == ("direct", "eno2")
    assert (passed.type, passed.teaming) == ("hostdev", "transient")


def test_what_binds_it_to_its_host() -> None:
    guest = parse_domain(captured("everything.xml"))
    assert guest.host_devices == [
        HostDevice("pci", "0000:af:00.0", managed=True, driver="vfio"),
        HostDevice("mdev", "c2177883-f1bb-47f0-914d-32a22e3a8804", "vfio-pci"),
        HostDevice("usb", "0x1234:0xbeef"),
        HostDevice("net", "0000:3b:02.1", managed=True, teaming=True),
    ]
    assert guest.shared_directories == [SharedDirectory("virtiofs", "/srv/share", "share")]
    assert guest.shared_memory == [SharedMemory("memory", "ivshmem-doorbell", "peer")]
    assert guest.tpm == Tpm("2.0", "emulator")
    assert guest.graphics == [Graphics("vnc", "192.0.2.11", 5901, autoport=False)]


def test_no_secret_gets_into_a_document() -> None:
    """But the names of secrets, in one place, which those of a destination are compared with."""
    domain = parse_domain(captured("everything.xml"))
    assert "never shown" not in str(to_plain(domain))
    assert domain.secrets == ["uuid:6dac5d5a-0000-4000-8000-000000000001"]
    assert "6dac5d5a" not in str(to_plain(replace(domain, secrets=[])))


def test_a_definition_with_next_to_nothing() -> None:
    guest = parse_domain("<domain type='qemu'><name>a</name><uuid>u</uuid><memory>1024</memory></domain>")
    assert guest.memory.total_bytes == guest.memory.current_bytes == 1 << 20
    assert (guest.cpu.mode, guest.tpm, guest.disks, guest.interfaces, guest.firmware) == ("", None, [], [], "")
    assert not guest.active


def test_variables_that_qemu_itself_keeps() -> None:
    """``varstore``, since libvirt 12.1: the firmware's image is a ROM then, and the template a file of the host."""
    found = parse_domain(
        "<domain><name>a</name><uuid>u</uuid><os firmware='efi'><type>hvm</type>"
        "<loader type='rom'>/usr/share/edk2/ovmf/OVMF.qemuvars.fd</loader>"
        "<varstore template='/usr/share/edk2/ovmf/vars.json' path='/var/lib/libvirt/qemu/varstore/a.json'/>"
        "</os></domain>"
    )
    assert (found.nvram, found.nvram_template) == (
        "/var/lib/libvirt/qemu/varstore/a.json",
        "/usr/share/edk2/ovmf/vars.json",
    )
    assert found.boot_files == ["/usr/share/edk2/ovmf/OVMF.qemuvars.fd"]


def test_secrets_of_disks_devices_and_tpm() -> None:
    found = parse_domain(
        """<domain><name>a</name><uuid>u</uuid><devices>
        <disk type='network'><auth username='x'><secret type='ceph' uuid='ABCD'/></auth>
          <source protocol='rbd' name='p/i'/></disk>
        <disk type='network'><source protocol='rbd' name='p/j'>
          <auth username='x'><secret type='ceph' usage='client.libvirt'/></auth></source></disk>
        <disk type='file'><source file='/a'><encryption format='luks'><secret type='passphrase' uuid='e1'/></encryption>
          </source><backingStore type='file'><source file='/b'>
          <encryption format='luks'><secret type='passphrase' uuid='e2'/></encryption></source></backingStore></disk>
        <hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn'>
          <auth username='x'><secret type='iscsi' usage='libvirtiscsi'/></auth></source></hostdev>
        <tpm><backend type='emulator'><encryption secret='t1'/></backend></tpm>
        <disk type='file'><source file='/c'/></disk>
        </devices></domain>"""
    )
    assert found.secrets == [
        "usage:client.libvirt",
        "usage:libvirtiscsi",
        "uuid:abcd",
        "uuid:e1",
        "uuid:e2",
        "uuid:t1",
    ]
