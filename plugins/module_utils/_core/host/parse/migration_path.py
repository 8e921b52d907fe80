# SPDX-License-Identifier: GPL-3.0-or-later
"""The way that migrations take on a host, from all that is known of its network."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..document import HostDocument
from ..network import Interface, InterfaceLoad, MigrationPath, PortUser, Route
from .interfaces import shared_with_guests, speed_of, stack_of, standing_on, switched_by_ovs, with_address
from .procfs import Socket

PORT_MIN, PORT_MAX = 49152, 49215  # libvirt's own
_LEAST_WINDOW_S = 0.05  # two moments closer to each other give no rate; a choice

Counters = t.Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Address:
    """``source``: the option, setting or name that it is from."""

    address: str = ""
    source: str = ""


@dataclass(frozen=True)
class NetworkFacts:
    """``counters``: those of two moments, ``window_s`` apart."""

    address: Address
    listen_address: str = ""
    interfaces: t.Optional[t.Sequence[Interface]] = None
    routes: t.Sequence[Route] = ()
    default_routes: t.Optional[t.Collection[str]] = None
    ssh_addresses: t.Optional[t.Collection[str]] = None
    guest_links: t.Sequence[str] = ()
    sockets: t.Optional[t.Sequence[Socket]] = None
    port_min: int = PORT_MIN
    port_max: int = PORT_MAX
    holders: t.Mapping[int, tuple[int, str]] = field(default_factory=dict)  # pid and name, by inode of a socket
    counters: tuple[Counters, Counters] = field(default_factory=lambda: ({}, {}))
    window_s: float = 0.0
    send_queue_bytes: t.Optional[int] = None


def migration_path(facts: NetworkFacts) -> MigrationPath:
    """The interface by which migrations arrive, down to its hardware, and what else goes over it."""
    known = {one.name: one for one in facts.interfaces or []}
    holder = with_address(facts.address.address, known.values())
    name = _interface(facts, holder)
    stack = stack_of(name, known)
    speed, real = speed_of(name, known)
    own, hardware = known.get(name), _hardware(stack, known)
    return MigrationPath(
        address=facts.address.address,
        address_from=facts.address.source,
        listen_address=facts.listen_address,
        address_interface=holder.name if holder else "",
        interface=name,
        stack=stack,
        # What Open vSwitch sends over which port is not to be seen, so that no speed is better than a wrong one.
        speed_mbit_per_s=None if switched_by_ovs(stack, known) and not real else speed,
        speed_is_real=real,
        duplex=hardware.duplex if hardware else "",
        mtu=own.mtu if own else None,
        driver=hardware.driver if hardware else "",
        carries_default_route=_carries(stack, facts.default_routes, known),
        carries_ssh=_carries(stack, _holders(facts.ssh_addresses, known), known),
        carries_guests=shared_with_guests(stack, facts.guest_links, known),
        load=_load(facts, name),
        send_queue_bytes=facts.send_queue_bytes,
        port_min=facts.port_min,
        port_max=facts.port_max,
        ports_used=_ports_used(facts),
        ports_used_by=_port_users(facts),
        routes=list(facts.routes),
    )


def guest_links(host: HostDocument) -> list[str]:
    """The bridges and devices of the host that its guests and networks are connected to."""
    found = {nic.bridge or nic.device for domain in host.domains for nic in domain.interfaces}
    for network in host.networks or []:
        found |= {network.bridge, network.device}
    return sorted(found - {""})


def _interface(facts: NetworkFacts, holder: t.Optional[Interface]) -> str:
    """The kernel's choice counts: an address says nothing about the way that packets to a peer take."""
    for route in facts.routes:
        if route.interface and not route.problem and route.interface != "lo":
            return route.interface
    return holder.name if holder else ""


def _hardware(stack: t.Sequence[str], known: t.Mapping[str, Interface]) -> t.Optional[Interface]:
    real = [known[name] for name in stack if known[name].physical]
    return max(real, key=lambda one: one.speed_mbit_per_s or 0) if real else known.get(stack[0]) if stack else None


def _carries(
    stack: t.Sequence[str], others: t.Optional[t.Collection[str]], known: t.Mapping[str, Interface]
) -> t.Optional[bool]:
    """Whether one of these interfaces stands on the same hardware."""
    if others is None or not stack:
        return None
    hardware = {name for name in stack if known[name].physical} or {stack[-1]}
    return not standing_on(hardware, known).isdisjoint(others)


def _holders(
    addresses: t.Optional[t.Collection[str]], known: t.Mapping[str, Interface]
) -> t.Optional[t.Collection[str]]:
    if addresses is None:
        return None
    holders = (with_address(address, known.values()) for address in addresses)
    return {holder.name for holder in holders if holder is not None}


def _load(facts: NetworkFacts, name: str) -> t.Optional[InterfaceLoad]:
    before, after = facts.counters[0].get(name), facts.counters[1].get(name)
    if before is None or after is None or facts.window_s < _LEAST_WINDOW_S:
        return None
    received, sent = (max(0, late - early) for early, late in zip(before, after))
    return InterfaceLoad(round(facts.window_s, 3), int(received / facts.window_s), int(sent / facts.window_s))


def _ports_used(facts: NetworkFacts) -> t.Optional[list[int]]:
    """Ports of the range that somebody listens on. Not those of connections going out, which disturb nobody."""
    if facts.sockets is None:
        return None
    return sorted({one.port for one in listening_within(facts.sockets, facts.port_min, facts.port_max)})


def listening_within(sockets: t.Iterable[Socket], port_min: int, port_max: int) -> list[Socket]:
    """The sockets that listen on ports of this range, both ends included."""
    return [one for one in sockets if one.listening and port_min <= one.port <= port_max]


def _port_users(facts: NetworkFacts) -> list[PortUser]:
    ports: dict[tuple[int, str], set[int]] = {}
    for one in listening_within(facts.sockets or [], facts.port_min, facts.port_max):
        if one.inode in facts.holders:
            ports.setdefault(facts.holders[one.inode], set()).add(one.port)
    return [PortUser(name, pid, sorted(held)) for (pid, name), held in sorted(ports.items())]
