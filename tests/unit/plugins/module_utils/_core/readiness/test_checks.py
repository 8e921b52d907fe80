# SPDX-License-Identifier: GPL-3.0-or-later

"""Each check, made to pass, to warn and to fail for a cause of its own.

The lab shows what it can (tests/integration/test_readiness.py). Here is the rest too, from documents as such hosts give
them: devices of the host, hugepages, NUMA, TLS, faster networks, other distributions.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    CpuProfile,
    Emulator,
    HugePages,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    KnownBug,
    Listener,
    StoragePool,
    Userfaultfd,
    Versions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    CpuFeature,
    Disk,
    Graphics,
    GuestCpu,
    GuestMemory,
    HostDevice,
    Nic,
    SecurityLabel,
    SharedDirectory,
    SharedMemory,
    Tpm,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    Interface,
    InterfaceLoad,
    PortOpening,
    PortUser,
    Route,
    VirtualNetwork,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    Attempt,
    Check,
    CpuOpinion,
    Finding,
    MigrationBlocker,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.cpu import cpu_to_ask
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GIB,
    GUEST,
    LOCAL,
    LOCAL_DISK,
    MIB,
    NFS,
    NOW_S,
    ROLES,
    TIB,
    Setup,
    host,
    tls_file,
)

BY_ID = {check.id: check for check in CHECKS}
PCI = HostDevice("pci", "0000:af:00.0")
BRIDGE = Nic("52:54:00:00:00:01", "bridge", bridge="br0")
ON_BLUE = Nic("52:54:00:00:00:01", "network", network="blue", portgroup="web")
PROFILE = host(2).cpu.profiles[0]
PASSTHROUGH = GuestCpu("host-passthrough")


def find(check: Check, setup: Setup) -> Finding:
    if check.of_hosts is not None:
        return check.of_hosts(setup.pair)
    assert check.of_guest is not None
    return check.of_guest(setup.case)


def interfaces(**mtu: int) -> list[Interface]:
    return [Interface(name, "bridge", mtu=value) for name, value in mtu.items()]


def certificates(**changes: t.Any) -> list[t.Any]:
    return [tls_file(role, "10.231.1.12", **(changes if role == "server" else {})) for role in ROLES]


def domains(**changes: t.Any) -> list[t.Any]:
    return [replace(GUEST, **changes)]


def opened(verdict: str) -> list[PortOpening]:
    return [PortOpening("migration", 49152, 49215, verdict, "the reason")]


TLS = {"intent.tls": True}
NAMED = {"destination.hostname": "kvm02.example.org"}
COPY = {"intent.copy_storage": "all"}
NO_LOCKS = {f"{side}.daemon.qemu_settings": {} for side in ("source", "destination")}
UNASKED = {"cpu": None}
NEVER = {"intent.policy": Policy(postcopy="never")}

# Check, status, what is changed, and a word of the summary.
CASES: list[tuple[str, str, dict[str, t.Any], str]] = [
    # --- identity
    ("same_host", FAIL, {"destination.uuid": host(1).uuid}, "same host UUID"),
    ("same_host", FAIL, {"destination": host(1)}, "the host that the guest is on"),
    ("same_host", SKIP, {"destination.uuid": ""}, "not known"),
    ("uuid_free", FAIL, {"destination.domains": domains()}, "is running on the destination already"),
    (
        "uuid_free",
        FAIL,
        {"destination.domains": domains(name="other", state="shut off")},
        "another guest with this UUID",
    ),
    ("uuid_free", PASS, {"destination.domains": domains(state="shut off")}, "has its definition"),
    ("name_free", FAIL, {"destination.domains": domains(uuid="other")}, "another guest of this name"),
    (
        "destination_name",
        FAIL,
        {"destination.hostname": "localhost.localdomain", "destination.migration.address_from": "hostname"},
        "calls itself localhost",
    ),
    (
        "destination_name",
        FAIL,
        {"destination.migration.address_from": "hostname", "probe.name_addresses": ["127.0.1.1"]},
        "the source itself",
    ),
    (
        "destination_name",
        FAIL,
        {"destination.migration.address_from": "hostname", "probe.name_addresses": []},
        "nowhere",
    ),
    (
        "destination_name",
        WARN,
        {"destination.migration.address_from": "hostname", "destination.hostname_addresses": ["127.0.1.1"]},
        "a loopback address only",
    ),
    ("destination_name", PASS, {"destination.migration.address_from": "hostname"}, "leads to it"),
    (
        "destination_name",
        SKIP,
        {
            "destination.migration.address_from": "",
            "probe.name_addresses": None,
            "destination.hostname_addresses": None,
        },
        "not known",
    ),
    # --- state
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
    ("snapshots", FAIL, {"domain.snapshots": 2}, "2 snapshots"),
    ("snapshots", WARN, {"domain.checkpoints": 1}, "1 checkpoint, "),
    ("snapshots", SKIP, {"domain.snapshots": None, "domain.checkpoints": None}, "not known"),
    (
        "graphics",
        FAIL,
        {"domain.graphics": [Graphics("vnc", "10.231.0.11", 5900, sent=True)]},
        "no address of the destination",
    ),
    ("graphics", SKIP, {"domain.graphics": [Graphics("vnc", "10.231.0.11", 5900)]}, "did not come from qemu.conf"),
    (
        "graphics",
        FAIL,
        {
            "domain.graphics": [Graphics("vnc", "0.0.0.0", 5900, False)],
            "destination.domains": domains(uuid="other", name="crm01", graphics=[Graphics("vnc", "", 5900)]),
        },
        "'crm01' has it",
    ),
    ("graphics", PASS, {"domain.graphics": [Graphics("vnc", "10.231.0.12", 5900, False)]}, "can listen"),
    # --- devices (captured documents: the lab has no such devices)
    ("host_devices", WARN, {"domain.host_devices": [HostDevice("usb", "0x1234:0xbeef")]}, "usb 0x1234:0xbeef"),
    (
        "host_devices",
        FAIL,
        {"domain.host_devices": [HostDevice("usb", "0x1234:0xbeef"), HostDevice("scsi_host", "naa.5001")]},
        "migrated: scsi_host naa.5001",
    ),
    ("host_devices", FAIL, {"domain.host_devices": [PCI], "destination.features": []}, "pci 0000:af:00.0"),
    ("host_devices", WARN, {"domain.host_devices": [PCI]}, "device's own driver"),
    ("host_devices", WARN, {"domain.host_devices": [HostDevice("mdev", "uuid", "vfio-pci")]}, "mdev vfio-pci"),
    ("host_devices", WARN, {"domain.host_devices": [HostDevice("net", "0000:3b:02.1", teaming=True)]}, "unplugged"),
    ("tpm", FAIL, {"domain.tpm": Tpm("2.0", "passthrough")}, "the TPM of its host"),
    ("tpm", WARN, {"domain.tpm": Tpm("2.0", "external")}, "somebody else"),
    ("tpm", WARN, {"domain.tpm": Tpm("2.0", "emulator", "/srv/nfs/tpm")}, "/srv/nfs/tpm"),
    ("tpm", PASS, {"domain.tpm": Tpm("2.0", "emulator")}, "libvirt moves the state"),
    (
        "firmware",
        FAIL,
        {"domain.firmware": "efi", "domain.loader": "/usr/share/OVMF/OVMF_CODE.fd", "destination.firmware_files": []},
        "does not have",
    ),
    ("firmware", WARN, {"domain.firmware": "efi", "domain.loader": "/opt/own.fd"}, "is not known"),
    ("firmware", PASS, {"domain.firmware": "efi", "domain.loader": "/usr/share/OVMF/OVMF_CODE.fd"}, "has its firmware"),
    (
        "firmware",
        WARN,
        {
            "domain.firmware": "efi",
            "domain.loader": "/usr/share/OVMF/OVMF_CODE.fd",
            "domain.nvram_template": "/opt/vars.fd",
        },
        "/opt/vars.fd",
    ),
    (
        "firmware",
        SKIP,
        {"domain.firmware": "efi", "domain.loader": "/opt/own.fd", "destination.firmware_files": None},
        "not known",
    ),
    (
        "shared_directories",
        WARN,
        {"domain.shared_directories": [SharedDirectory("virtiofs", "/srv", "srv")]},
        "migrate-precopy",
    ),
    ("shared_directories", FAIL, {"domain.shared_directories": [SharedDirectory("path", "/srv", "srv")]}, "srv (path)"),
    (
        "shared_directories",
        FAIL,
        {"domain.shared_directories": [SharedDirectory("virtiofs")], "source.features": []},
        "cannot be migrated",
    ),
    (
        "shared_memory",
        FAIL,
        {"domain.shared_memory": [SharedMemory("shared", "ivshmem-plain", "peer")]},
        "not the master",
    ),
    ("shared_memory", FAIL, {"domain.shared_memory": [SharedMemory("m", "ivshmem", "master")]}, "does not migrate"),
    (
        "shared_memory",
        WARN,
        {"domain.shared_memory": [SharedMemory("shared", "ivshmem-plain", "master")]},
        "stay behind",
    ),
    ("launch_security", FAIL, {"domain.launch_security": "sev-snp"}, "sev-snp"),
    ("qemu_arguments", WARN, {"domain.qemu_arguments": True}, "past libvirt"),
    ("device_files", WARN, {"domain.needed_files": ["/dev/hwrng"]}, "/dev/hwrng"),
    ("device_files", PASS, {"domain.needed_files": ["/srv/nfs/nvdimm.img"]}, "no files"),
    (
        "vsock",
        FAIL,
        {"domain.vsock_cid": 3, "destination.domains": domains(uuid="other", name="crm01", vsock_cid=3)},
        "that of 'crm01'",
    ),
    ("vsock", PASS, {"domain.vsock_cid": 3, "destination.domains": domains(uuid="other", vsock_cid=4)}, "is free"),
    ("vsock", PASS, {"domain.vsock_cid": 3, "destination.domains": domains(vsock_cid=3)}, "is free"),
    ("other_devices", WARN, {"domain.not_looked_at": ["teapot"]}, "no check looks at: teapot"),
    # (shown on the lab)
    (
        "qemu_blockers",
        FAIL,
        {"objection": MigrationBlocker(True, "State blocked by non-migratable device")},
        "non-migratable",
    ),
    ("qemu_blockers", SKIP, {"objection": MigrationBlocker(False, "a job runs on it")}, "a job runs on it"),
    ("qemu_blockers", SKIP, {"objection": None}, "were not asked"),
    # --- processor and machine
    ("cpu_compatible", FAIL, {"cpu": CpuOpinion(False, "missing: avx512f")}, "avx512f"),
    ("cpu_compatible", FAIL, {"domain.cpu.migratable": False}, "migratable='off'"),
    ("cpu_compatible", PASS, UNASKED, "can give it the model Skylake-Server"),
    ("cpu_compatible", PASS, {"cpu": CpuOpinion(None, "not supported")}, "can give it the model"),
    ("cpu_compatible", PASS, {**UNASKED, "domain.cpu": GuestCpu()}, "default processor"),
    ("cpu_compatible", FAIL, {**UNASKED, "domain.cpu.model": "Icelake-Server"}, "cannot give a guest the model"),
    ("cpu_compatible", FAIL, {**UNASKED, "domain.cpu.model": "SapphireRapids"}, "does not know the model"),
    (
        "cpu_compatible",
        FAIL,
        {**UNASKED, "domain.cpu.features": [CpuFeature("hle"), CpuFeature("x", "disable")]},
        "lacks hle",
    ),
    ("cpu_compatible", PASS, {**UNASKED, "domain.cpu": PASSTHROUGH}, "has the same one"),
    (
        "cpu_compatible",
        FAIL,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "destination.cpu.profiles": [replace(PROFILE, features=["sse2"])]},
        "lacks avx, avx2 and vmx",
    ),
    (
        "cpu_compatible",
        WARN,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "destination.cpu.microcode": "2"},
        "not the same one",
    ),
    (
        "cpu_compatible",
        WARN,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "source.cpu.profiles": [replace(PROFILE, features=["sse2"])]},
        "not the same one",
    ),
    (
        "cpu_compatible",
        SKIP,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "destination.cpu.profiles": [CpuProfile("kvm")]},
        "not known",
    ),
    ("cpu_compatible", SKIP, {**UNASKED, "destination.cpu.profiles": []}, "not known"),
    (
        "cpu_compatible",
        SKIP,
        {
            **UNASKED,
            "domain.cpu.features": [CpuFeature("avx")],
            "destination.cpu.profiles": [replace(PROFILE, features_complete=False)],
        },
        "not known",
    ),
    ("cpu_compatible", PASS, {**UNASKED, "domain.cpu": PASSTHROUGH, "domain.state": "shut off"}, "started on"),
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
    ("tsc", FAIL, {"domain.cpu.features": [CpuFeature("invtsc")]}, "without a frequency"),
    ("tsc", FAIL, {"domain.cpu.tsc_frequency_hz": 2_500_000_000}, "cannot scale it"),
    ("tsc", PASS, {"domain.cpu.tsc_frequency_hz": 2_600_000_001}, "frequency"),
    ("tsc", PASS, {"domain.cpu.tsc_frequency_hz": 2_500_000_000, "destination.cpu.tsc_scaling": True}, "frequency"),
    ("tsc", SKIP, {"domain.cpu.tsc_frequency_hz": 1, "destination.cpu.tsc_frequency_hz": None}, "not known"),
    # --- memory (hugepages and NUMA by captured documents)
    (
        "memory_available",
        FAIL,
        {"destination.memory.available_bytes": 8 * GIB},
        "needs 8.2 GiB, and 8.0 GiB are available",
    ),
    ("memory_available", WARN, {"destination.memory.available_bytes": 9 * GIB}, "would be left"),
    ("memory_available", SKIP, {"destination.memory.available_bytes": None}, "not known"),
    (
        "memory_available",
        PASS,
        {"destination.memory.available_bytes": 7 * GIB, "domain.memory.hugepages": True},
        "256.0 MiB",
    ),
    ("hugepages", PASS, {"domain.memory.hugepages": True}, "8192 hugepages of 2.0 MiB are free, and 4096 are needed"),
    ("hugepages", FAIL, {"domain.memory": GuestMemory(32 * GIB, hugepages=True)}, "needs 16384 hugepages"),
    (
        "hugepages",
        FAIL,
        {"domain.memory": GuestMemory(2 * MIB, hugepages=True, nodes=[1], node_mode="strict")},
        "on the nodes 1",
    ),
    (
        "hugepages",
        FAIL,
        {"domain.memory": GuestMemory(GIB, hugepages=True, hugepage_size_bytes=GIB)},
        "no hugepages of 1.0 GiB",
    ),
    (
        "hugepages",
        SKIP,
        {"domain.memory.hugepages": True, "destination.memory.default_hugepage_size_bytes": None},
        "not known",
    ),
    ("numa_nodes", FAIL, {"domain.memory.nodes": [1, 2]}, "does not have: 2"),
    ("numa_nodes", WARN, {"domain.memory": GuestMemory(60 * GIB, nodes=[0], node_mode="strict")}, "50.0 GiB free"),
    ("numa_nodes", PASS, {"domain.memory": GuestMemory(60 * GIB, nodes=[0], node_mode="preferred")}, "NUMA nodes"),
    ("numa_nodes", PASS, {"domain.memory": GuestMemory(60 * GIB, nodes=[0, 1], node_mode="strict")}, "memory on them"),
    ("numa_nodes", SKIP, {"domain.memory.nodes": [0], "destination.memory.nodes": []}, "not known"),
    # --- storage
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
        "disk_cache",
        FAIL,
        {"destination.versions.qemu": "3.1", "domain.disks": [replace(GUEST.disks[0], cache="writeback")]},
        "vda (writeback)",
    ),
    ("disk_cache", PASS, {"destination.versions.qemu": "3.1"}, "are safe"),
    ("disk_kind", FAIL, {"domain.disks": [replace(LOCAL_DISK, transient=True)]}, "thrown away"),
    ("disk_kind", FAIL, {"domain.disks": [Disk("vda", type="nvme", source="0000:01:00.0")]}, "NVMe"),
    ("disk_kind", WARN, {"domain.disks": [Disk("sda", "lun", "block", "/dev/sdc")]}, "SCSI"),
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
    ("secrets", PASS, {}, "need a secret"),
    ("secrets", SKIP, {"domain.secrets": ["uuid:a"]}, "not known"),
    ("secrets", FAIL, {"domain.secrets": ["uuid:a", "usage:b"], "destination.secrets": ["uuid:a"]}, "usage:b"),
    (
        "secrets",
        PASS,
        {"domain.secrets": ["uuid:a"], "destination.secrets": ["uuid:a", "usage:b"]},
        "nobody can compare",
    ),
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
    # --- guest network
    ("guest_networks", FAIL, {"destination.interfaces": interfaces(br1=1500)}, "there is no bridge 'br0'"),
    ("guest_networks", FAIL, {"destination.interfaces": [Interface("br0", "ethernet")]}, "is no bridge"),
    ("guest_networks", PASS, {"domain.interfaces": [ON_BLUE]}, "has all"),
    ("guest_networks", FAIL, {"domain.interfaces": [ON_BLUE], "destination.networks": []}, "no network 'blue'"),
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [ON_BLUE], "destination.networks": [VirtualNetwork("blue", active=False)]},
        "is not started",
    ),
    (
        "guest_networks",
        FAIL,
        {"domain.interfaces": [ON_BLUE], "destination.networks": [VirtualNetwork("blue", active=True)]},
        "no port group 'web'",
    ),
    ("guest_networks", FAIL, {"domain.interfaces": [Nic(type="direct", device="eth7")]}, "no interface 'eth7'"),
    (
        "guest_networks",
        FAIL,
        {
            "domain.interfaces": [Nic(type="direct", device="eth1")],
            "destination.interfaces": [Interface("eth1", up=False)],
        },
        "is down",
    ),
    ("guest_networks", SKIP, {"destination.interfaces": None}, "not known"),
    ("guest_networks", SKIP, {"domain.interfaces": [Nic(type="vhostuser")]}, "not known"),
    ("guest_networks", PASS, {"domain.interfaces": [Nic(type="user")]}, "has all"),
    (
        "guest_mtu",
        FAIL,
        {"destination.interfaces": interfaces(br0=1400)},
        "1500 on the source, 1400 on the destination",
    ),
    ("guest_mtu", WARN, {"destination.interfaces": interfaces(br0=9000)}, "another MTU"),
    (
        "guest_mtu",
        PASS,
        {"destination.interfaces": interfaces(br0=1400), "domain.interfaces": [replace(BRIDGE, mtu=1400)]},
        "same MTU",
    ),
    ("guest_mtu", SKIP, {"domain.interfaces": []}, "no network"),
    # --- network
    ("migration_route", FAIL, {"probe.route": Route("10.231.1.12", problem="no route")}, "no route"),
    ("migration_route", FAIL, {"probe.route": Route("10.231.1.12", "lo")}, "address of its own"),
    ("migration_route", WARN, {"probe.route": Route("10.231.1.12", "eth0")}, "over eth0"),
    ("migration_route", SKIP, {"probe.route": None}, "not looked up"),
    ("destination_reachable", FAIL, {"probe.daemon": Attempt("kvm02", 16514, "no answer")}, "no answer"),
    ("destination_reachable", FAIL, {"probe.daemon": Attempt("kvm02", 16514, "refused")}, "refused"),
    ("destination_reachable", SKIP, {"probe.daemon": None}, "Not tried"),
    ("daemon_login", FAIL, {"probe.connection_problem": "Permission denied (publickey)."}, "Permission denied"),
    ("daemon_login", SKIP, {"probe.connection_uri": ""}, "Not tried"),
    ("migration_mtu", WARN, {"destination.migration.mtu": 1500}, "9000 on the source"),
    ("migration_mtu", SKIP, {"destination.migration.mtu": None}, "not known"),
    (
        "dedicated_interface",
        WARN,
        {"destination.migration.carries_guests": ["br1"]},
        "eth1 of kvm02 with guests on br1",
    ),
    (
        "dedicated_interface",
        WARN,
        {"source.migration.carries_default_route": True, "source.migration.carries_ssh": True},
        "the default route and eth1 of kvm01 with SSH",
    ),
    ("dedicated_interface", SKIP, {"source.migration.carries_default_route": None}, "not known"),
    ("interface_load", PASS, {"source.migration.load": InterfaceLoad(1.0, 1000, 2000)}, "have room"),
    (
        "interface_load",
        WARN,
        {"source.migration.load": InterfaceLoad(1.0, 1000, 2_000_000_000)},
        "eth1 of kvm01 carries 1.9 GiB/s",
    ),
    ("interface_load", SKIP, {}, "not known"),
    (
        "interface_speed",
        WARN,
        {"domain.memory.total_bytes": 2 * TIB, "source.migration.speed_mbit_per_s": 10_000},
        "25 Gbit/s",
    ),
    ("interface_speed", PASS, {"domain.memory.total_bytes": 2 * TIB}, "about 11 min"),
    (
        "interface_speed",
        WARN,
        {"domain.memory.total_bytes": 500 * GIB, "source.migration.speed_mbit_per_s": 1000},
        "1 h 11 min",
    ),
    (
        "interface_speed",
        WARN,
        {"source.migration.duplex": "half", "source.migration.speed_mbit_per_s": 100},
        "half duplex",
    ),
    (
        "interface_speed",
        SKIP,
        {"source.migration.speed_is_real": False, "destination.migration.speed_is_real": False},
        "made-up",
    ),
    # --- ports
    ("daemon_listens", FAIL, {"destination.daemon.listeners": []}, "Nothing on the destination listens"),
    (
        "daemon_listens",
        WARN,
        {
            "destination.daemon.listeners": [Listener("tcp", "::", 16509)],
            "destination.daemon.settings": {"auth_tcp": "none"},
        },
        "without any login",
    ),
    ("daemon_listens", SKIP, {"destination.daemon.listeners": None}, "not known"),
    ("ports_free", FAIL, {"destination.migration.ports_used": list(range(49152, 49216))}, "0 of the ports"),
    ("ports_free", FAIL, {**COPY, "destination.migration.ports_used": list(range(49152, 49215))}, "needs 2"),
    ("ports_free", FAIL, {"destination.migration.port_max": 49000}, "is empty"),
    ("ports_free", WARN, {"destination.migration.ports_used": list(range(49152, 49214))}, "Only 2"),
    (
        "ports_free",
        FAIL,
        {
            "destination.migration.ports_used": list(range(49152, 49216)),
            "destination.migration.ports_used_by": [PortUser("nc", 42, [49152]), PortUser("qemu", 43, [49153])],
        },
        "nc (42) and qemu (43) have the others",
    ),
    ("ports_free", PASS, {"destination.migration.port_max": 49152}, "1 port free"),
    ("ports_free", SKIP, {"destination.migration.ports_used": None}, "not known"),
    ("ports_open", FAIL, {"probe.port": Attempt("10.231.1.12", 49215, "no answer")}, "no answer"),
    ("ports_open", WARN, {"destination.firewall.openings": opened("partly")}, "by its rules"),
    ("ports_open", PASS, {"probe.port": None}, "lets migrations in"),
    (
        "ports_open",
        FAIL,
        {"probe.port": None, "destination.firewall.openings": opened("closed")},
        "does not let migrations in",
    ),
    ("ports_open", WARN, {"probe.port": None, "destination.firewall.openings": opened("partly")}, "under conditions"),
    ("ports_open", SKIP, {"probe.port": None, "destination.firewall.openings": opened("unknown")}, "the reason"),
    ("ports_open", SKIP, {"probe.port": None, "destination.firewall.openings": []}, "not known"),
    # --- versions
    (
        "versions",
        WARN,
        {"destination.versions": Versions("11.3.0", "10.0.13")},
        "libvirt 12.0.0 to 11.3.0 and QEMU 11.0.0 to 10.0.13",
    ),
    ("versions", PASS, {"destination.versions": Versions("12.0.1", "11.1.0")}, "as new as"),
    ("versions", PASS, {"source.versions.qemu": "11.0.4"}, "as new as"),
    ("versions", SKIP, {"destination.versions": Versions()}, "not known"),
    ("known_bugs", WARN, {"destination.known_bugs": [KnownBug("id", "it crashes", "Update.")]}, "it crashes"),
    # --- security and time
    ("tls", SKIP, {}, "not meant to use TLS"),
    ("tls", PASS, TLS, "there and valid"),
    ("tls", FAIL, {"destination.daemon.qemu_settings": {"migrate_tls_force": 1}}, "over TLS only"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(present=False)}, "is missing"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(readable=False)}, "cannot be read"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(problem="its certificate is damaged")}, "is damaged"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(not_after_epoch_s=NOW_S - 1)}, "has expired"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(not_before_epoch_s=NOW_S + 60)}, "not valid yet"),
    (
        "tls",
        FAIL,
        {**TLS, "destination.tls.files": certificates(names=["kvm09"])},
        "is for kvm09, not for 10.231.1.12 and kvm02",
    ),
    ("tls", WARN, {**TLS, "destination.tls.files": certificates(not_after_epoch_s=NOW_S + 3600)}, "within 30 days"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(names=[])}, "is for nobody"),
    ("tls", FAIL, {**TLS, **NAMED, "destination.tls.files": certificates(names=["*.b.example.org"])}, "is for"),
    ("tls", PASS, {**TLS, **NAMED, "destination.tls.files": certificates(names=["*.Example.org"])}, "valid"),
    (
        "tls",
        PASS,
        {
            **TLS,
            "destination.migration.address": "2001:DB8:0:0::11",
            "destination.tls.files": certificates(names=["2001:db8::11"]),
        },
        "valid",
    ),
    (
        "tls",
        PASS,
        {
            **TLS,
            "destination.daemon.qemu_settings": {"migration_host": "kvm02-migration"},
            "destination.tls.files": certificates(names=["kvm02-migration"]),
        },
        "valid",
    ),
    ("tls", PASS, {**TLS, "source.tls.files": [tls_file("ca", ""), tls_file("client", "", present=False)]}, "valid"),
    ("tls", SKIP, {**TLS, "destination.tls.files": None}, "not known"),
    ("confinement", FAIL, {"domain.security_labels": [SecurityLabel("apparmor", "static")]}, "fixed label of apparmor"),
    ("confinement", WARN, {"destination.security.drivers": ["none", "dac"]}, "would not be"),
    ("confinement", SKIP, {"destination.security.drivers": []}, "not known"),
    ("clocks", WARN, {"destination.clock.offset_ms": 5000.0}, "4.9 s apart"),
    ("clocks", FAIL, {"destination.clock.offset_ms": -3_600_000.0}, "1 h 0 min apart"),
    ("clocks", WARN, {"destination.clock.synchronised": False}, "Nothing keeps the clock of kvm02 right"),
    ("clocks", PASS, {"destination.clock.offset_ms": None}, "are kept right"),
    ("clocks", SKIP, {"destination.clock": None}, "not read"),
    # --- pace
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
    ("postcopy_possible", WARN, {"domain.host_devices": [PCI]}, "devices of the host"),
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
        {"source.known_bugs": [KnownBug("resume_crashes_daemon", "")]},
        "crashes the daemon on kvm01",
    ),
    ("postcopy_advisable", SKIP, NEVER, "does not allow post-copy"),
]

# On healthy hosts there is nothing to look at for these.
NOTHING_TO_SAY = {"disk_room", "backing_images", "interface_load", "tls"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_healthy_hosts_pass(check: Check) -> None:
    finding = find(check, Setup())
    assert finding.status == (SKIP if check.id in NOTHING_TO_SAY else PASS), finding.summary


@pytest.mark.parametrize(
    ("name", "status", "changes", "says"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_cause(name: str, status: str, changes: dict[str, t.Any], says: str) -> None:
    finding = find(BY_ID[name], Setup().but(changes))
    assert finding.status == status, finding.summary
    assert says in finding.summary, finding.summary
    assert finding.summary.endswith((".", ")"))
    assert bool(finding.remedy) or status in (PASS, SKIP)


def test_every_check_was_seen_in_every_state_that_it_has() -> None:
    seen = {(name, status) for name, status, _changes, _says in CASES}
    seen |= {(check.id, PASS) for check in CHECKS if check.id not in NOTHING_TO_SAY}
    wanted = {(check.id, status) for check in CHECKS for status in (PASS, *check.statuses)}
    assert wanted - seen == set()
    assert {one for one in seen - wanted if one[1] != SKIP} == set()


def test_checks_are_described() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert (check.of_hosts is None) != (check.of_guest is None)
        assert check.asks.endswith("?")
        assert check.otherwise.endswith(".")


def test_a_name_that_is_missing_in_no_document_is_not_reported_twice() -> None:
    """Both hosts with the same bug: told once."""
    bugs = {f"{side}.known_bugs": [KnownBug("id", "it crashes", "Update.")] for side in ("source", "destination")}
    finding = find(BY_ID["known_bugs"], Setup().but(bugs))
    assert finding.summary.count("it crashes") == 1
    assert finding.evidence["bugs"] == ["kvm01: id", "kvm02: id"]


def test_hugepages_of_all_nodes_count_for_a_guest_that_is_not_bound() -> None:
    pages = [HugePages(0, 2 * MIB, 3000, 3000), HugePages(1, 2 * MIB, 2000, 2000)]
    setup = Setup().but({"domain.memory.hugepages": True, "destination.memory.hugepages": pages})
    assert find(BY_ID["hugepages"], setup).status == PASS


def test_libvirt_is_not_believed_about_a_processor_that_names_nothing() -> None:
    """Seen on the lab: a definition with host-passthrough or maximum fits every host, by its libvirt."""
    worse = {"destination.cpu.profiles": [replace(PROFILE, features=["sse2"])], "domain.cpu": PASSTHROUGH}
    finding = find(BY_ID["cpu_compatible"], Setup().but({**worse, "cpu": CpuOpinion(True, "more than is needed")}))
    assert (finding.status, finding.evidence["missing"]) == (FAIL, ["avx", "avx2", "vmx"])
    asked = cpu_to_ask(Setup().but(worse).domain, host(1))
    assert asked
    assert asked == host(1).cpu.profiles[0].xml
    assert cpu_to_ask(replace(GUEST, cpu=GuestCpu("custom", xml="<cpu/>")), host(1)) == "<cpu/>"
    assert cpu_to_ask(replace(GUEST, cpu=PASSTHROUGH), Setup().but({"source.cpu.profiles": []}).source) is None
