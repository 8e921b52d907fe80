# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a host document that this machine's own files tell, added to what libvirt told of it."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from .._core.addresses import is_loopback, is_wildcard
from .._core.dataclass_json import changed
from .._core.errors import MigrationError
from .._core.host.cordon import cordoned_by_both
from .._core.host.document import HostDocument
from .._core.host.features import features_of
from .._core.host.firewall.port_opening import Arrival
from .._core.host.guest import GuestDocument
from .._core.host.network import MigrationPath
from .._core.host.parse.migration_path import (
    PORT_MAX,
    PORT_MIN,
    Address,
    Counters,
    NetworkFacts,
    guest_links,
    listening_within,
    migration_path,
)
from .._core.host.parse.procfs import Socket, listeners
from .clock import read_clock
from .configuration import Configuration, number_of, read_configuration, text_of
from .cordon_fact import DIRECTORY, read_fact, says_cordoned
from .files import Programs
from .firewall import read_firewall
from .firmware import firmware_files
from .memory import read_memory
from .network import default_route_interfaces, read_counters, read_interfaces
from .qemu_process import guest_memory
from .route import read_route
from .security import read_kernel, read_selinux, read_userfaultfd
from .send_queue import read_send_queue
from .sockets import addresses_of, holders, read_sockets, ssh_addresses
from .storage import read_storage, with_storage
from .tls import read_tls
from .vcpu_quota_note import is_noted

_SSH_PORT = 22  # sshd's own; another one is not looked for

T = t.TypeVar("T")


@dataclass(frozen=True)
class HostDocumentOptions:
    """``migration_address``: at which migrations arrive, empty to find it out; ``peers``: addresses of other hosts, to
    which routes are looked up. ``load_window_s``: for how long the load of the migration interface is sampled, 0 for
    not at all. ``reference_epoch_s``: the caller's time when the module began. ``fact_path``: the directory of local
    facts."""

    migration_address: str = ""
    peers: t.Sequence[str] = ()
    load_window_s: float = 0.0
    reference_epoch_s: t.Optional[float] = None
    fact_path: str = DIRECTORY


class HostFiles:
    """What this machine's own files tell. To be made when the module begins, so that the load is sampled while all else
    is found out."""

    def __init__(self, options: HostDocumentOptions, programs: Programs) -> None:
        self.options, self.programs = options, programs
        self.began_s = time.monotonic()
        self._odd: list[str] = []
        self.counters: Counters = read_counters() if options.load_window_s > 0 else {}

    def add_to(self, host: HostDocument) -> HostDocument:
        """The document with what the files tell; what cannot be read becomes a line in ``problems``."""
        configuration, sockets = read_configuration(), self._known("TCP sockets", read_sockets)
        host = self._with_system(self._with_storage(self._with_cordon(host)))
        host = self._with_daemon(host, configuration, sockets)
        host = self._with_network(host, configuration, sockets)
        return replace(host, problems=[*host.problems, *self._odd])

    def _known(self, what: str, ask: t.Callable[[], t.Optional[T]]) -> t.Optional[T]:
        """None, and a problem more, for what does not look as it should."""
        try:
            return ask()
        except MigrationError as exc:
            self._odd.append(f"{what}: {exc.problem}")
            return None

    def _with_cordon(self, host: HostDocument) -> HostDocument:
        """By both notes; that the fact cannot be read is a problem, too."""
        odd_before = len(self._odd)
        fact = self._known("Local fact", lambda: read_fact(self.options.fact_path))
        by_fact = None if len(self._odd) > odd_before else says_cordoned(fact)
        return replace(host, cordoned=cordoned_by_both(host.cordoned, by_fact))

    def _with_storage(self, host: HostDocument) -> HostDocument:
        pools = [pool.path for pool in host.storage.pools or [] if pool.active and pool.path.startswith("/")]
        disks = [disk.source for one in host.domains for disk in one.disks if disk.source.startswith("/")]
        filesystems, sizes, mounts, silent = read_storage(pools, disks)
        return replace(
            host,
            storage=replace(host.storage, filesystems=filesystems),
            domains=[_with_process(with_storage(one, mounts, sizes)) for one in host.domains],
            problems=[*host.problems, *silent],
        )

    def _with_system(self, host: HostDocument) -> HostDocument:
        versions = replace(host.versions, kernel=read_kernel())
        features = features_of(versions)
        userfaultfd = read_userfaultfd(host.security.qemu_user, "userfaultfd_device" in features)
        return replace(
            host,
            versions=versions,
            features=features,
            hostname_addresses=addresses_of(host.hostname),
            memory=read_memory(host.memory),
            firmware_files=firmware_files(),
            security=replace(host.security, selinux=read_selinux(), userfaultfd=userfaultfd),
            clock=read_clock(self.options.reference_epoch_s, self.began_s),
        )

    def _with_daemon(
        self, host: HostDocument, configuration: Configuration, sockets: t.Optional[list[Socket]]
    ) -> HostDocument:
        ports = _daemon_ports(configuration)
        daemon = replace(
            host.daemon,
            mode=configuration.mode,
            settings=t.cast("dict[str, t.Any]", configuration.daemon),
            qemu_settings=t.cast("dict[str, t.Any]", configuration.qemu),
            listeners=None if sockets is None else listeners(sockets, {port: name for name, port in ports.items()}),
        )
        return replace(
            host,
            daemon=daemon,
            tls=read_tls(configuration.qemu, configuration.daemon),
            problems=[*host.problems, *configuration.problems],
        )

    def _with_network(
        self, host: HostDocument, configuration: Configuration, sockets: t.Optional[list[Socket]]
    ) -> HostDocument:
        odd_before = len(self._odd)
        interfaces = self._known("Interfaces", lambda: read_interfaces(self.programs))
        silent = interfaces is None and len(self._odd) == odd_before
        listen = text_of(configuration.qemu, "migration_address")
        port_min = number_of(configuration.qemu, "migration_port_min", PORT_MIN)
        port_max = number_of(configuration.qemu, "migration_port_max", PORT_MAX)
        facts = NetworkFacts(
            address=self._address(host, configuration),
            listen_address=listen,
            interfaces=interfaces,
            routes=[read_route(peer) for peer in self.options.peers],
            default_routes=self._known("Default routes", lambda: default_route_interfaces(self.programs)),
            ssh_addresses=None if sockets is None else ssh_addresses(sockets),
            guest_links=guest_links(host),
            sockets=sockets,
            port_min=port_min,
            port_max=port_max,
            holders=holders({one.inode for one in listening_within(sockets or [], port_min, port_max)}),
            send_queue_bytes=read_send_queue(),
        )
        path = migration_path(facts)
        ranges = {"migration": (port_min, port_max)}
        ranges.update({name: (port, port) for name, port in _daemon_ports(configuration).items()})
        arrival = Arrival(path.address, path.interface, _peers_by(path))
        firewall = read_firewall(self.programs, ranges, path.interface, arrival)
        if self.counters:
            facts = replace(facts, counters=(self.counters, self._later_counters()), window_s=self._window_s())
            path = migration_path(facts)
        missing = ["Interfaces: the program ip (iproute2) gave no answer."] if silent else []
        return replace(
            host, migration=path, interfaces=interfaces, firewall=firewall, problems=[*host.problems, *missing]
        )

    def _later_counters(self) -> Counters:
        """As late as was asked for, or later when the rest took longer."""
        time.sleep(max(0.0, self.options.load_window_s - (time.monotonic() - self.began_s)))
        return read_counters()

    def _window_s(self) -> float:
        return time.monotonic() - self.began_s

    def _address(self, host: HostDocument, configuration: Configuration) -> Address:
        """Where migrations to this host are sent when nobody says otherwise."""
        if self.options.migration_address:
            return Address(self.options.migration_address, "option")
        announced = text_of(configuration.qemu, "migration_host")
        if announced:
            found = addresses_of(announced) or [announced]
            return Address(found[0], "qemu.conf migration_host")
        listen = text_of(configuration.qemu, "migration_address")
        if not is_wildcard(listen):
            return Address(listen, "qemu.conf migration_address")
        others = [one for one in host.hostname_addresses or [] if not is_loopback(one)]
        return Address(others[0], "hostname") if others else Address()


def _peers_by(path: MigrationPath) -> list[str]:
    """Addresses of the peers whose migrations arrive by the migration interface."""
    peers = [route.destination for route in path.routes if route.interface and route.interface == path.interface]
    return [address for peer in peers for address in addresses_of(peer) or []]


def _daemon_ports(configuration: Configuration) -> dict[str, int]:
    settings = configuration.daemon
    return {
        "tcp": number_of(settings, "tcp_port", 16509),
        "tls": number_of(settings, "tls_port", 16514),
        "ssh": _SSH_PORT,
    }


def _with_process(guest: GuestDocument) -> GuestDocument:
    found = guest_memory(guest.name, guest.uuid, guest.memory.total_bytes) if guest.active else None
    size_bytes = found.size_bytes if found else None
    return changed(guest, resident_bytes=size_bytes, slowed_down=is_noted(guest.uuid) if guest.active else False)
