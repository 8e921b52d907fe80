# SPDX-License-Identifier: GPL-3.0-or-later

"""Two healthy hosts and a healthy guest, to be changed in one place by a test."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass, field

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    Cpu,
    CpuProfile,
    Emulator,
    HugePages,
    Memory,
    NumaNode,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    Clock,
    Daemon,
    Filesystem,
    HostDocument,
    Listener,
    Security,
    Storage,
    StoragePool,
    Tls,
    TlsFile,
    Userfaultfd,
    Versions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.features import features_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Disk,
    GuestCpu,
    GuestDocument,
    GuestMemory,
    Nic,
    SecurityLabel,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    Firewall,
    Interface,
    MigrationPath,
    PortOpening,
    Route,
    VirtualNetwork,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    Attempt,
    Case,
    CpuOpinion,
    MigrationBlocker,
    Pair,
    Probe,
    ReadinessOptions,
)

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
NOW_S, DAY_S = 1_800_000_000, 86_400
NFS = Filesystem("/srv/nfs", "filer:/export", "nfs4", True, size_bytes=TIB, free_bytes=500 * GIB)
LOCAL = Filesystem("/var/lib/libvirt/images", "/dev/vda", "ext4", False, size_bytes=TIB, free_bytes=200 * GIB)
VERSIONS = Versions("12.0.0", "11.0.0", "6.12.0")
ROLES = ("ca", "server", "server-key", "client", "client-key")


def tls_file(role: str, name: str, **changes: t.Any) -> TlsFile:
    times = (None, None) if role.endswith("-key") else (NOW_S - DAY_S, NOW_S + 300 * DAY_S)
    file = TlsFile(
        f"/etc/pki/qemu/{role}.pem", role, "migration", True, True, *times, [name] if role == "server" else []
    )
    return dataclasses.replace(file, **changes)


def host(number: int) -> HostDocument:
    address = f"10.231.1.1{number}"
    return HostDocument(
        f"kvm0{number}",
        f"4c0ffee0-0000-4000-8000-00000000000{number}",
        local=True,
        hostname=f"kvm0{number}",
        cordoned=False,
        hostname_addresses=[f"10.231.0.1{number}"],
        versions=VERSIONS,
        features=features_of(VERSIONS),
        daemon=Daemon(
            "modular",
            [Listener("tls", "::", 16514), Listener("ssh", "0.0.0.0", 22)],
            qemu_settings={"lock_manager": "lockd"},
        ),
        cpu=Cpu(
            "x86_64",
            "Skylake-Server",
            "Intel",
            "1",
            threads=64,
            tsc_frequency_hz=2_600_000_000,
            tsc_scaling=False,
            profiles=[
                CpuProfile(
                    "kvm",
                    "Skylake-Server",
                    "Intel",
                    ["avx", "avx2", "sse2", "vmx"],
                    True,
                    ["Haswell", "Skylake-Server"],
                    ["Haswell", "Skylake-Server", "Icelake-Server"],
                    "<cpu><model>Skylake-Server</model></cpu>",
                )
            ],
        ),
        memory=Memory(
            total_bytes=256 * GIB,
            free_bytes=100 * GIB,
            available_bytes=128 * GIB,
            default_hugepage_size_bytes=2 * MIB,
            nodes=[NumaNode(0, 128 * GIB, 50 * GIB), NumaNode(1, 128 * GIB, 50 * GIB)],
            hugepages=[HugePages(0, 2 * MIB, 8192, 8192), HugePages(1, 2 * MIB, 0, 0)],
        ),
        emulators=[Emulator("x86_64", "/usr/bin/qemu-system-x86_64", ["pc-q35-9.0", "q35"], ["kvm", "qemu"])],
        firmware_files=["/usr/share/OVMF/OVMF_CODE.fd"],
        migration=MigrationPath(
            address,
            "qemu.conf migration_host",
            address_interface="eth1",
            interface="eth1",
            stack=["eth1"],
            speed_mbit_per_s=25_000,
            speed_is_real=True,
            duplex="full",
            mtu=9000,
            carries_default_route=False,
            carries_ssh=False,
            send_queue_bytes=4 * MIB,
            ports_used=[],
        ),
        interfaces=[
            Interface("eth0", "ethernet", True, True, addresses=[f"10.231.0.1{number}/24"], mtu=1500),
            Interface("eth1", "ethernet", True, True, addresses=[f"{address}/24"], mtu=9000),
            Interface("br0", "bridge", mtu=1500, lower=["eth0"]),
        ],
        network_filters=["clean-traffic"],
        networks=[VirtualNetwork("blue", "n", True, True, "bridge", "br0", portgroups=["web"])],
        firewall=Firewall("nftables", [PortOpening("migration", 49152, 49215, "open")]),
        storage=Storage([StoragePool("images", "p", "netfs", True, True, "/srv/nfs", "filer:/export")], [LOCAL, NFS]),
        tls=Tls("/etc/pki/qemu", [tls_file(role, address) for role in ROLES]),
        security=Security(["selinux", "dac"], "enforcing", "+107", Userfaultfd(True, 1, True, True, "the sysctl is 1")),
        clock=Clock(float(NOW_S), True, 5.0, 100.0 + number),
    )


GUEST = GuestDocument(
    "erp01",
    "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11",
    "running",
    "booted",
    True,
    True,
    type="kvm",
    arch="x86_64",
    machine="pc-q35-9.0",
    emulator="/usr/bin/qemu-system-x86_64",
    firmware="bios",
    vcpus=4,
    vcpus_current=4,
    cpu=GuestCpu("custom", "Skylake-Server", "Intel", "full"),
    memory=GuestMemory(8 * GIB, 8 * GIB),
    disks=[
        Disk(
            "vda",
            type="file",
            source="/srv/nfs/erp01.qcow2",
            format="qcow2",
            cache="none",
            size_bytes=40 * GIB,
            fs_type="nfs4",
            mount_point="/srv/nfs",
            mount_source="filer:/export",
        )
    ],
    interfaces=[Nic("52:54:00:00:00:01", "bridge", bridge="br0")],
    security_labels=[SecurityLabel("selinux", "dynamic"), SecurityLabel("dac", "dynamic")],
    snapshots=0,
    checkpoints=0,
    slowed_down=False,
    job="",
    resident_bytes=8 * GIB,
)
LOCAL_DISK = dataclasses.replace(
    GUEST.disks[0],
    source="/var/lib/libvirt/images/erp01.qcow2",
    fs_type="ext4",
    mount_point="/var/lib/libvirt/images",
    mount_source="/dev/vda",
)


PROBE = Probe(
    route=Route("10.231.1.12", "eth1", "10.231.1.11"),
    name_addresses=["10.231.0.12"],
    daemon=Attempt("10.231.0.12", 16514, "accepted", 0.4),
    port=Attempt("10.231.1.12", 49215, "refused", 0.2),
    connection_uri="qemu+tls://kvm02/system",
)
FITS = CpuOpinion(True, "identical")
NO_OBJECTION = MigrationBlocker(True)
QUIET = WorkingSet(64 * MIB, False, 100 * MIB, False)


@dataclass(frozen=True)
class Setup:
    """All that a check can look at."""

    domain: GuestDocument = GUEST
    source: HostDocument = field(default_factory=lambda: host(1))
    destination: HostDocument = field(default_factory=lambda: host(2))
    probe: Probe = PROBE
    intent: ReadinessOptions = field(default_factory=lambda: ReadinessOptions(Policy(postcopy="if_needed")))
    cpu: CpuOpinion | None = FITS
    measured: WorkingSet | None = QUIET
    objection: MigrationBlocker | None = NO_OBJECTION

    @property
    def pair(self) -> Pair:
        return Pair(self.source, self.destination, self.probe, self.intent)

    @property
    def case(self) -> Case:
        return Case(self.domain, self.pair, self.cpu, self.measured, self.objection)

    def but(self, changes: t.Mapping[str, t.Any]) -> Setup:
        """The same with other values at some places, for example ``destination.memory.nodes``."""
        changed: t.Any = self
        for path, value in changes.items():
            changed = _put(changed, path.split("."), value)
        return t.cast(Setup, changed)


def _put(thing: t.Any, path: t.Sequence[str], value: t.Any) -> t.Any:
    inner = value if len(path) == 1 else _put(getattr(thing, path[0]), path[1:], value)
    return dataclasses.replace(thing, **{path[0]: inner})
