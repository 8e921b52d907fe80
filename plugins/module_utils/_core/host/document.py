# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's document: with two of them and a guest's part of the first, everything about a migration is decided.

``None`` and an empty text stand for "not known", never for zero. ``local`` says whether the host's own files could be
read; over a remote connection only what libvirt tells is there.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..dataclass_json import from_plain, to_plain
from .capacity import Cpu, Emulator, Memory
from .guest import GuestDocument
from .network import Firewall, Interface, MigrationPath, VirtualNetwork

SCHEMA = 1


@dataclass(frozen=True)
class Versions:
    """Versions as ``9.0.0``, and of the kernel its own text."""

    libvirt: str = ""
    qemu: str = ""
    kernel: str = ""


@dataclass(frozen=True)
class KnownBug:
    """A bug of the versions that the host runs, which matters to migrations."""

    id: str
    summary: str
    remedy: str = ""


@dataclass(frozen=True)
class Listener:
    """An address and a TCP port that the daemon listens on."""

    transport: str  # tcp | tls | ssh
    address: str
    port: int


@dataclass(frozen=True)
class Daemon:
    """``mode``: one ``libvirtd``, or one daemon for each driver. ``settings``: of the files, without secrets."""

    mode: str = ""  # monolithic | modular
    listeners: t.Optional[list[Listener]] = None
    settings: dict[str, t.Any] = field(default_factory=dict)
    qemu_settings: dict[str, t.Any] = field(default_factory=dict)
    uri_transports: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Filesystem:
    """One that guests' disks, pools or hugepages are on, or a network file system."""

    mount_point: str
    source: str = ""
    fs_type: str = ""
    shared: bool = False  # several hosts can have it at once
    read_only: bool = False
    size_bytes: t.Optional[int] = None
    free_bytes: t.Optional[int] = None
    root: str = ""  # the directory of it that is mounted there (a bind mount: not /); "" when it is not known


@dataclass(frozen=True)
class StoragePool:
    """A storage pool of libvirt's. ``path``: of its volumes on the host."""

    name: str
    uuid: str = ""
    type: str = ""
    active: t.Optional[bool] = None
    autostart: t.Optional[bool] = None
    path: str = ""
    source: str = ""  # host:dir, device or name
    size_bytes: t.Optional[int] = None
    free_bytes: t.Optional[int] = None


@dataclass(frozen=True)
class Storage:
    """``filesystems``: None when the host's own files could not be read."""

    pools: t.Optional[list[StoragePool]] = None
    filesystems: t.Optional[list[Filesystem]] = None


@dataclass(frozen=True)
class TlsFile:
    """A certificate or key where libvirt or QEMU looks for it; ``problem``: why it is of no use, empty when it is."""

    path: str
    role: str  # ca | server | server-key | client | client-key
    purpose: str  # migration | daemon
    present: bool = False
    readable: bool = False
    not_before_epoch_s: t.Optional[int] = None
    not_after_epoch_s: t.Optional[int] = None
    names: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Tls:
    """``files``: None when the host's own files could not be read."""

    migration_directory: str = ""
    files: t.Optional[list[TlsFile]] = None


@dataclass(frozen=True)
class Userfaultfd:
    """What post-copy needs on the destination: QEMU as root, or the sysctl, or the device."""

    kernel: t.Optional[bool] = None
    unprivileged_sysctl: t.Optional[int] = None
    device: t.Optional[bool] = None
    usable: t.Optional[bool] = None
    reason: str = ""


@dataclass(frozen=True)
class Security:
    """What confines guests on the host, and as whom QEMU runs."""

    drivers: list[str] = field(default_factory=list)  # selinux | apparmor | none | dac
    selinux: str = ""  # enforcing | permissive | disabled
    qemu_user: str = ""
    userfaultfd: Userfaultfd = field(default_factory=Userfaultfd)


@dataclass(frozen=True)
class Clock:
    """``synchronised``: as the kernel has it from whatever disciplines it. ``offset_ms``: against the caller's time."""

    epoch_s: float
    synchronised: t.Optional[bool] = None
    max_error_ms: t.Optional[float] = None
    offset_ms: t.Optional[float] = None


@dataclass(frozen=True)
class HostDocument:
    """What migration_host_info returns as ``host``. ``domains``: its guests, by the name that the return value has had
    from the start."""

    name: str
    uuid: str
    schema: int = SCHEMA
    uri: str = ""
    local: bool = False
    hostname: str = ""
    hostname_addresses: t.Optional[list[str]] = None
    versions: Versions = field(default_factory=Versions)
    features: list[str] = field(default_factory=list)  # ids of host_features
    known_bugs: list[KnownBug] = field(default_factory=list)
    daemon: Daemon = field(default_factory=Daemon)
    cpu: Cpu = field(default_factory=Cpu)
    memory: Memory = field(default_factory=Memory)
    emulators: list[Emulator] = field(default_factory=list)
    firmware_files: t.Optional[list[str]] = None
    migration: MigrationPath = field(default_factory=MigrationPath)
    interfaces: t.Optional[list[Interface]] = None
    networks: t.Optional[list[VirtualNetwork]] = None
    firewall: Firewall = field(default_factory=Firewall)
    storage: Storage = field(default_factory=Storage)
    tls: Tls = field(default_factory=Tls)
    security: Security = field(default_factory=Security)
    network_filters: t.Optional[list[str]] = None  # of libvirt, by name
    secrets: t.Optional[list[str]] = None  # of libvirt, each as uuid:UUID and, where it has a name, as usage:NAME
    clock: t.Optional[Clock] = None
    domains: list[GuestDocument] = field(default_factory=list)
    cordoned: t.Optional[bool] = None  # whether somebody has noted that it takes no guests
    problems: list[str] = field(default_factory=list)  # what could not be found out, and why

    def interface(self, name: str) -> t.Optional[Interface]:
        return next((one for one in self.interfaces or [] if one.name == name), None)

    def network(self, name: str) -> t.Optional[VirtualNetwork]:
        return next((one for one in self.networks or [] if one.name == name), None)

    def document(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", to_plain(self))


def host_from(plain: t.Any, where: str = "host") -> HostDocument:
    """A host document from what the module returned; BAD_DOCUMENT when it is something else."""
    return from_plain(HostDocument, plain, where)
