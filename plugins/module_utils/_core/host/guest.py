# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest as a host document has it: what its migration depends on, and no secret.

``None`` and an empty text stand for "not known" or "not set", never for zero.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..postcopy_obstacles import Obstacle, postcopy_obstacles


@dataclass(frozen=True)
class CpuFeature:
    """``policy``: as in the domain XML (force, require, optional, disable, forbid)."""

    name: str
    policy: str = "require"


@dataclass(frozen=True)
class GuestCpu:
    """The processor that the guest sees; ``xml`` is libvirt's own text of it, to ask another libvirt with."""

    mode: str = ""  # custom | host-model | host-passthrough | maximum | "" (the emulator's default)
    model: str = ""
    vendor: str = ""
    check: str = ""
    migratable: t.Optional[bool] = None
    features: list[CpuFeature] = field(default_factory=list)
    tsc_frequency_hz: t.Optional[int] = None
    xml: str = ""


@dataclass(frozen=True)
class MemoryCell:
    """A NUMA node of the guest, or a plugged-in module of its own, as far as the host has to provide for it."""

    cell: t.Optional[int] = None  # None for a guest without NUMA nodes
    size_bytes: int = 0
    hugepages: bool = False
    hugepage_size_bytes: t.Optional[int] = None  # None with hugepages: the host's default size
    nodes: list[int] = field(default_factory=list)  # bound to these NUMA nodes of the host
    node_mode: str = ""


@dataclass(frozen=True)
class GuestMemory:
    """``cells`` only where a part is in other pages, or bound to other nodes, than the rest."""

    total_bytes: int = 0
    current_bytes: int = 0
    hugepages: bool = False
    hugepage_size_bytes: t.Optional[int] = None  # None with hugepages: the host's default size
    nodes: list[int] = field(default_factory=list)  # bound to these NUMA nodes of the host
    node_mode: str = ""  # strict | preferred | interleave | restrictive
    locked: bool = False
    shared: bool = False
    source: str = ""  # anonymous | file | memfd
    nvdimm: bool = False
    cells: list[MemoryCell] = field(default_factory=list)


@dataclass(frozen=True)
class Balloon:
    """The balloon device, and what its driver in the guest tells, in bytes; None: not told, or no longer true.

    ``usable_bytes``: what the guest could use more without swapping, its caches among it. ``period_s``: how often it
    tells its figures (0: only once, at its start).
    """

    model: str = ""  # virtio | xen | none | ...
    autodeflate: bool = False  # lets go by itself when the guest runs out of memory
    free_page_reporting: bool = False  # what the guest frees is taken back by the host at once
    period_s: int = 0
    available_bytes: t.Optional[int] = None
    usable_bytes: t.Optional[int] = None
    unused_bytes: t.Optional[int] = None


BASE, DATA = "base", "data"


@dataclass(frozen=True)
class DiskImage:
    """``purpose``: BASE for what a disk is based on, DATA for its data where they are in a file of their own."""

    purpose: str
    type: str = ""  # as of a disk
    source: str = ""
    hosts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Disk:
    """A disk as its guest has it, with what its file is on where that host's files can be read."""

    target: str
    device: str = "disk"  # disk | cdrom | floppy | lun
    type: str = ""  # file | block | network | volume | dir | nvme | vhostuser; "" for an empty drive
    source: str = ""  # path, protocol:name, or pool/volume
    hosts: list[str] = field(default_factory=list)  # of a network disk: name, name:port, or unix:PATH
    format: str = ""
    cache: str = ""
    bus: str = ""
    readonly: bool = False
    shareable: bool = False
    transient: bool = False
    size_bytes: t.Optional[int] = None
    allocated_bytes: t.Optional[int] = None
    mirror: bool = False  # a block job copies it at the moment
    backing_chain: list[str] = field(default_factory=list)
    images: list[DiskImage] = field(default_factory=list)  # beside files that it is based on
    by_descriptor: bool = False  # a program has opened it and handed it to libvirt (fdgroup)
    fs_type: str = ""  # of the file system that the file is on
    mount_point: str = ""
    mount_source: str = ""
    mount_root: str = ""  # the directory of the file system that is mounted there; "" when it is not known


@dataclass(frozen=True)
class Nic:
    """``network`` with another type than network: what a network of libvirt's gave it. A migration sends the network.

    ``managed``: False for a tap that somebody else than libvirt makes.
    """

    mac: str = ""
    type: str = ""  # bridge | network | direct | ethernet | user | hostdev | vdpa | vhostuser | ...
    network: str = ""
    portgroup: str = ""
    bridge: str = ""
    device: str = ""  # of the host, for type direct
    target: str = ""
    model: str = ""
    mtu: t.Optional[int] = None
    virtualport: str = ""  # openvswitch | 802.1Qbh | ...
    filter: str = ""  # of libvirt's network filters, by name
    teaming: str = ""  # transient | persistent
    managed: t.Optional[bool] = None


@dataclass(frozen=True)
class HostDevice:
    """A device of the host that the guest holds."""

    type: str  # pci | usb | scsi | scsi_host | mdev | net
    address: str = ""
    vgpu_model: str = ""  # of a mediated device
    managed: bool = False
    teaming: bool = False  # libvirt's failover pair: unplugged for the migration
    driver: str = ""
    startup_policy: str = ""  # of a USB device: mandatory | requisite | optional; "" for mandatory
    protocol: str = ""  # of a SCSI device: iscsi where QEMU itself reaches it over the network


@dataclass(frozen=True)
class SharedDirectory:
    """A directory of the host that the guest mounts (virtiofs or 9p)."""

    driver: str  # virtiofs | path | handle | ...
    source: str = ""
    target: str = ""


@dataclass(frozen=True)
class SharedMemory:
    """A shmem device: memory that other processes of the host see, too."""

    name: str
    model: str = ""
    role: str = ""  # master | peer


@dataclass(frozen=True)
class Tpm:
    """``state_path``: of an emulated one, where its state is not where libvirt puts it."""

    version: str = ""
    backend: str = ""  # emulator | passthrough | external
    state_path: str = ""
    encrypted: bool = False  # its state, with a secret of libvirt's


@dataclass(frozen=True)
class Graphics:
    """``listen``: as it is now. ``sent``: whether a migration sends this address.

    libvirt leaves it out where it came from qemu.conf, and looks it up anew where it came from a network. None: the
    definition that is sent was not asked for.
    """

    type: str
    listen: str = ""
    port: t.Optional[int] = None
    autoport: bool = True
    listen_type: str = ""  # address | network | socket | none
    network: str = ""  # of listen_type network
    sent: t.Optional[bool] = None


@dataclass(frozen=True)
class Endpoint:
    """Something of the guest that waits for connections at an address of its host."""

    device: str  # serial | console | channel | ...
    protocol: str  # tcp | udp
    address: str
    port: t.Optional[int] = None


@dataclass(frozen=True)
class SecurityLabel:
    """A seclabel element: ``model`` as selinux, apparmor or dac."""

    model: str
    type: str = ""  # dynamic | static | none
    label: str = ""


@dataclass(frozen=True)
class GuestDocument:
    """A guest. What changes (state, job, block jobs) is as it was when the document was made."""

    name: str
    uuid: str
    state: str = ""
    state_reason: str = ""
    persistent: t.Optional[bool] = None
    autostart: t.Optional[bool] = None
    type: str = ""  # kvm | qemu
    arch: str = ""
    machine: str = ""
    emulator: str = ""
    firmware: str = ""  # bios | efi | ""
    nvram: str = ""  # the file with the firmware's variables
    nvram_type: str = ""  # file | block | network; "" for a file
    nvram_template: str = ""  # what it is made from where it is not there, if it is named
    loader: str = ""
    vcpus: int = 0
    vcpus_current: int = 0
    pinned: bool = False  # vCPUs bound to processors of the host
    pinned_cpus: list[int] = field(default_factory=list)  # of the host: those of vCPUs, emulator and I/O threads
    cpu: GuestCpu = field(default_factory=GuestCpu)
    memory: GuestMemory = field(default_factory=GuestMemory)
    balloon: Balloon = field(default_factory=Balloon)
    disks: list[Disk] = field(default_factory=list)
    interfaces: list[Nic] = field(default_factory=list)
    host_devices: list[HostDevice] = field(default_factory=list)
    shared_directories: list[SharedDirectory] = field(default_factory=list)
    shared_memory: list[SharedMemory] = field(default_factory=list)
    tpm: t.Optional[Tpm] = None  # the first one
    more_tpms: list[Tpm] = field(default_factory=list)
    graphics: list[Graphics] = field(default_factory=list)
    boot_files: list[str] = field(default_factory=list)  # kernel, ACPI tables, ROMs, ...: read when QEMU starts
    host_files: list[str] = field(default_factory=list)  # logs and sockets of serial devices and channels
    needed_files: list[str] = field(default_factory=list)  # devices, sockets and files that must be there to start it
    endpoints: list[Endpoint] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)  # of libvirt, for its disks and TPM: uuid:UUID or usage:NAME
    vsock_cid: t.Optional[int] = None  # where it is fixed, and not chosen by libvirt
    not_looked_at: list[str] = field(default_factory=list)  # device elements that nothing here knows
    unmigratable: list[str] = field(default_factory=list)  # parts whose state QEMU does not send
    security_labels: list[SecurityLabel] = field(default_factory=list)
    launch_security: str = ""  # sev | sev-snp | tdx | s390-pv
    qemu_arguments: bool = False  # passed to QEMU past libvirt
    dirty_ring: bool = False
    guest_agent: bool = False
    snapshots: t.Optional[int] = None
    checkpoints: t.Optional[int] = None
    resident_bytes: t.Optional[int] = None  # what the host has given it: about what has to be sent
    slowed_down: t.Optional[bool] = None  # a run has lowered its virtual processors' quotas, and not put them back yet
    job: t.Optional[str] = None  # what keeps the guest busy: migration out, backup, ...; "" for nothing
    title: str = ""
    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict)  # by namespace, as XML

    @property
    def active(self) -> bool:
        """Whether it has a process on the host."""
        return self.state not in ("", "shut off", "crashed", "no state")

    @property
    def sent_host_devices(self) -> list[HostDevice]:
        """Devices of the host whose state has to be sent: a failover pair's is unplugged before the migration."""
        return [one for one in self.host_devices if not one.teaming]

    @property
    def postcopy_obstacles(self) -> list[Obstacle]:
        """What of it post-copy cannot cope with."""
        return postcopy_obstacles(
            len(self.sent_host_devices),
            nvdimm=self.memory.nvdimm,
            virtiofs=any(one.driver == "virtiofs" for one in self.shared_directories),
            shared_files=self.memory.source == "file" and self.memory.shared and not self.memory.hugepages,
        )
