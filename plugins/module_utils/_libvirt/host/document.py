# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt tells of its host, beside the guests. A part that fails is told as a problem and leaves the rest."""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import MigrationError
from ..._core.host.capacity import CpuProfile, HugePages, Memory, NumaNode
from ..._core.host.document import Daemon, HostDocument, Security, Storage, StoragePool, Versions
from ..._core.host.features import bugs_of, features_of
from ..._core.host.network import VirtualNetwork
from ..._core.host.parse.capabilities import Capabilities, expanded, parse_capabilities, parse_domain_capabilities
from ..._core.host.parse.network_pool_xml import parse_network, parse_pool
from ..._core.units import KIB
from ..connection import Connection, libvirt, version_text
from ..cordon_secret import is_cordoned
from .guests import read_guests

_ALL_CELLS = -1
_EXPAND_FEATURES = 1
_ERR_NO_NETWORK, _ERR_NO_POOL = 43, 49

T = t.TypeVar("T")
U = t.TypeVar("U")


@dataclass
class LibvirtReading:
    """``raw`` of the connection, and what could not be found out."""

    raw: t.Any
    problems: list[str] = field(default_factory=list)

    def part(self, what: str, ask: t.Callable[[], T], default: U) -> t.Union[T, U]:
        try:
            return ask()
        except (libvirt.libvirtError, MigrationError, ValueError, KeyError) as exc:
            self.problems.append(f"{what}: {exc.problem if isinstance(exc, MigrationError) else exc}")
            return default


def read_from_libvirt(connection: Connection, *, with_guests: bool = True) -> HostDocument:
    """What libvirt knows of its host. A part that it does not tell becomes a line in ``problems``."""
    raw, reading = connection.raw, LibvirtReading(connection.raw)
    known = parse_capabilities(raw.getCapabilities())
    versions = Versions(version_text(int(raw.getLibVersion())), version_text(int(raw.getVersion())))
    hostname = str(raw.getHostname())
    virt_types = next((one.virt_types for one in known.emulators if one.arch == known.cpu.arch), [])
    guests, guest_problems = read_guests(connection) if with_guests else ([], [])
    return HostDocument(
        name=hostname,
        uuid=known.uuid,
        uri=str(connection.uri),
        local=connection.local,
        hostname=hostname,
        versions=versions,
        features=features_of(versions),
        known_bugs=bugs_of(versions),
        daemon=Daemon(uri_transports=known.uri_transports),
        cpu=replace(known.cpu, profiles=cpu_profiles(reading, known.cpu.arch, virt_types)),
        memory=memory(reading, known),
        emulators=known.emulators,
        networks=networks(reading),
        storage=Storage(pools(reading)),
        network_filters=network_filters(raw),
        secrets=secrets(raw),
        security=Security(known.security_drivers, qemu_user=known.qemu_user),
        domains=guests,
        cordoned=reading.part("whether it takes guests", lambda: is_cordoned(connection), None),
        problems=[*reading.problems, *guest_problems],
    )


def cpu_profiles(reading: LibvirtReading, arch: str, virt_types: t.Iterable[str]) -> list[CpuProfile]:
    """What guests of each type can be given, all features spelt out."""
    found: list[CpuProfile] = []
    for one in virt_types:
        found += reading.part(f"processors of {one} guests", functools.partial(_profiles, reading, arch, one), [])
    return found


def _profiles(reading: LibvirtReading, arch: str, virt_type: str) -> list[CpuProfile]:
    xml = reading.raw.getDomainCapabilities(None, arch, None, virt_type, 0)
    profile = parse_domain_capabilities(xml)
    if not profile.xml:
        return [profile]

    def expand() -> CpuProfile:
        answer = reading.raw.baselineHypervisorCPU(None, arch, None, virt_type, [profile.xml], _EXPAND_FEATURES)
        return expanded(profile, answer)

    return [reading.part(f"features of {virt_type} guests", expand, profile)]


def memory(reading: LibvirtReading, known: Capabilities) -> Memory:
    """Where the host's own files cannot be read: free memory and hugepages as libvirt counts them."""
    stats: dict[str, int] = reading.part("memory", lambda: reading.raw.getMemoryStats(_ALL_CELLS, 0), {})
    total, free = stats.get("total"), stats.get("free")
    available = None if free is None else free + stats.get("cached", 0) + stats.get("buffers", 0)
    nodes = known.nodes
    ask: t.Callable[[], list[int]] = functools.partial(reading.raw.getCellsFreeMemory, 0, len(nodes))
    cells: list[int] = reading.part("free memory of the NUMA nodes", ask, [])
    return Memory(
        total_bytes=total * KIB if total is not None else None,
        free_bytes=free * KIB if free is not None else None,
        available_bytes=available * KIB if available is not None else None,
        nodes=[_with_free(node, cells) for node in nodes],
        hugepages=reading.part("hugepages", lambda: _hugepages(reading.raw, known.hugepages), None),
    )


def _with_free(node: NumaNode, cells: t.Sequence[int]) -> NumaNode:
    return replace(node, free_bytes=int(cells[node.node]) if node.node < len(cells) else None)


def _hugepages(raw: t.Any, pools: t.Sequence[HugePages]) -> list[HugePages]:
    sizes_kib = sorted({pool.size_bytes // KIB for pool in pools if pool.total})
    if not sizes_kib:
        return list(pools)
    nodes = sorted({pool.node for pool in pools})
    free = raw.getFreePages(sizes_kib, nodes[0], len(nodes), 0)
    return [replace(pool, free=int(free.get(pool.node, {}).get(pool.size_bytes // KIB, 0))) for pool in pools]


def secrets(raw: t.Any) -> t.Optional[list[str]]:
    """Their names only. None where this libvirt does not say: it may have no daemon or driver for secrets."""
    try:
        found = raw.listAllSecrets(0)
        named = [f"usage:{one.usageID()}" for one in found if one.usageID()]
        return sorted({*(f"uuid:{str(one.UUIDString()).lower()}" for one in found), *named})
    except (libvirt.libvirtError, MigrationError):
        return None


def network_filters(raw: t.Any) -> t.Optional[list[str]]:
    """None where this libvirt does not say: it may have no daemon or driver for them."""
    try:
        return sorted(str(name) for name in raw.listNWFilters())
    except (libvirt.libvirtError, MigrationError):
        return None


def networks(reading: LibvirtReading) -> t.Optional[list[VirtualNetwork]]:
    """libvirt's virtual networks."""
    return reading.part("networks", lambda: _each(reading.raw.listAllNetworks(0), _network, _ERR_NO_NETWORK), None)


def _network(raw: t.Any) -> VirtualNetwork:
    return parse_network(raw.XMLDesc(0), active=bool(raw.isActive()), autostart=bool(raw.autostart()))


def pools(reading: LibvirtReading) -> t.Optional[list[StoragePool]]:
    """libvirt's storage pools."""
    return reading.part("storage pools", lambda: _each(reading.raw.listAllStoragePools(0), _pool, _ERR_NO_POOL), None)


def _each(found: t.Iterable[t.Any], read: t.Callable[[t.Any], T], gone: int) -> list[T]:
    """All, or an error; without those that have gone since they were listed."""
    known: list[T] = []
    for one in found:
        try:
            known.append(read(one))
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != gone:
                raise
    return known


def _pool(raw: t.Any) -> StoragePool:
    return parse_pool(raw.XMLDesc(0), active=bool(raw.isActive()), autostart=bool(raw.autostart()))
