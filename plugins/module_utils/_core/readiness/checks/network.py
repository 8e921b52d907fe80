# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: the way from the source to the destination."""

from __future__ import annotations

from ...host.document import HostDocument
from ...units import BYTES_PER_MBIT, TIB, human_bytes, human_ms, human_rate
from .check_types import FAIL, WARN, Case, Check, Finding, Pair, failed, listed, passed, skipped, warned

_THEME = "network"
_BUSY_SHARE = 0.5  # of the speed, by others, while it was looked at; a choice
_LARGE_GUEST_BYTES = TIB
_LARGE_GUEST_MBIT_PER_S = 25_000  # what the manuals want for a guest of more than 1 TB
_LONG_PASS_S = 3600.0  # a choice


def _route(pair: Pair) -> Finding:
    route, path = pair.probe.route, pair.source.migration
    if route is None:
        return skipped(
            "The route from the source to the destination was not looked up.",
            "Run the check on the source, with a destination whose migration address is known.",
        )
    if route.problem:
        return failed(
            f"The source has no route to {route.destination}: {route.problem}.",
            "Correct the addresses or routes of the migration network.",
            destination=route.destination,
        )
    if route.interface == "lo":
        return failed(
            f"On the source {route.destination} is an address of its own.",
            "Give each host its own address, and correct migration_host or the names.",
            destination=route.destination,
        )
    if path.address_interface and route.interface != path.address_interface:
        return warned(
            f"The source sends to {route.destination} over {route.interface}, while its own migration address is on"
            f" {path.address_interface}: the stream does not use the migration network both ways.",
            "Put both migration addresses into one network, or correct the routes.",
            interface=route.interface,
            address_interface=path.address_interface,
            gateway=route.gateway,
        )
    return passed(
        f"The stream leaves the source by {route.interface}.", interface=route.interface, gateway=route.gateway
    )


def _reachable(pair: Pair) -> Finding:
    daemon = pair.probe.daemon
    if daemon is None:
        return skipped("Not tried.", "Give destination_uri, and run the check on the source.")
    if daemon.answer == "accepted":
        return passed(
            f"The daemon's port {daemon.port} on {daemon.address} answers in {human_ms(daemon.time_ms)}.",
            address=daemon.address,
            port=daemon.port,
        )
    return failed(
        f"The source cannot connect to the destination's daemon at {daemon.address} port {daemon.port}:"
        f" {daemon.answer}.",
        "Start the daemon's socket there (libvirtd-tcp.socket, virtproxyd-tls.socket, sshd, ...), and let the source"
        " through the firewall.",
        address=daemon.address,
        port=daemon.port,
        answer=daemon.answer,
    )


def _daemon_login(pair: Pair) -> Finding:
    probe = pair.probe
    if not probe.connection_uri:
        return skipped("Not tried.", "Give destination_uri, and run the check on the source as root.")
    if probe.connection_problem:
        return failed(
            f"The source's root cannot log in to the destination's libvirt: {probe.connection_problem}",
            probe.connection_remedy or "Try 'virsh -c URI list' as root on the source.",
            uri=probe.connection_uri,
        )
    return passed("The source's root can log in to the destination's libvirt.", uri=probe.connection_uri)


def _mtu(pair: Pair) -> Finding:
    here, there = pair.source.migration, pair.destination.migration
    if here.mtu is None or there.mtu is None:
        return skipped("The MTU of one of the migration interfaces is not known.")
    if here.mtu != there.mtu:
        return warned(
            f"The MTU is {here.mtu} on the source ({here.interface}) and {there.mtu} on the destination"
            f" ({there.interface}): large packets may be lost without a word, and the stream hangs.",
            "Set the same MTU on both, and on the switches between.",
            source_mtu=here.mtu,
            destination_mtu=there.mtu,
        )
    return passed(f"Both have an MTU of {here.mtu}.", mtu=here.mtu)


def _dedicated(pair: Pair) -> Finding:
    found = [*_shared_with(pair.source), *_shared_with(pair.destination)]
    if found:
        return warned(
            f"The migration interface is shared: {listed(found)}. A migration takes bandwidth from them, and they from"
            " it.",
            "Give migrations an interface of their own (migration_host in qemu.conf), or limit their bandwidth.",
            shared=found,
        )
    if pair.source.migration.carries_default_route is None or pair.destination.migration.carries_default_route is None:
        return skipped("What else uses the migration interface is not known.")
    return passed(
        f"Migrations have {pair.source.migration.interface} on the source and {pair.destination.migration.interface} on"
        " the destination to themselves."
    )


def _shared_with(host: HostDocument) -> list[str]:
    path = host.migration
    found = [f"with guests on {link}" for link in path.carries_guests]
    found += ["with the default route"] if path.carries_default_route else []
    found += ["with SSH"] if path.carries_ssh else []
    return [f"{path.interface} of {host.name} {one}" for one in found]


def _load(pair: Pair) -> Finding:
    seen = False
    for host in (pair.source, pair.destination):
        path = host.migration
        if path.load is None or not path.speed_mbit_per_s or not path.speed_is_real:
            continue
        seen = True
        used = max(path.load.rx_bytes_per_s, path.load.tx_bytes_per_s)
        share = used / (path.speed_mbit_per_s * BYTES_PER_MBIT)
        if share > _BUSY_SHARE:
            return warned(
                f"{path.interface} of {host.name} carries {human_rate(used)} already, {share:.0%} of what it can.",
                "Wait, or find out what uses it.",
                host=host.name,
                bytes_per_s=used,
                share=round(share, 2),
            )
    return passed("Both migration interfaces have room.") if seen else skipped("The load is not known.")


def _speed(case: Case) -> Finding:
    """The manuals want 25 Gbit/s above 1 TB; below that, time is what counts."""
    paths = [host.migration for host in (case.source, case.destination)]
    known = [path for path in paths if path.speed_mbit_per_s and path.speed_is_real]
    if not known:
        return skipped("The real speed of the migration interfaces is not known; virtual ones report made-up speeds.")
    slowest = min(known, key=lambda path: path.speed_mbit_per_s or 0)
    speed, memory = slowest.speed_mbit_per_s or 0, case.guest.memory.total_bytes
    pass_s = memory / (speed * BYTES_PER_MBIT)
    evidence = {"speed_mbit_per_s": speed, "memory_bytes": memory, "first_pass_s": round(pass_s, 1)}
    if slowest.duplex == "half":
        return warned(f"{slowest.interface} is half duplex.", "Correct the settings of port and switch.", **evidence)
    if memory > _LARGE_GUEST_BYTES and speed < _LARGE_GUEST_MBIT_PER_S:
        return warned(
            f"{human_bytes(memory)} of memory over {speed} Mbit/s: above 1 TiB at least 25 Gbit/s are advised. One pass"
            f" takes {human_ms(pass_s * 1000)}.",
            "Use faster interfaces for migrations, or several connections where a bond can use them.",
            **evidence,
        )
    if pass_s > _LONG_PASS_S:
        return warned(
            f"One pass over {human_bytes(memory)} of memory takes {human_ms(pass_s * 1000)} at {speed} Mbit/s.",
            "Use a faster interface for migrations.",
            **evidence,
        )
    return passed(f"One pass over its memory takes about {human_ms(pass_s * 1000)} at {speed} Mbit/s.", **evidence)


CHECKS = (
    Check(
        "migration_route", _THEME, "Does the stream leave the source by the migration network?",
        "There is no way, or it takes another network than was meant.", (WARN, FAIL), of_hosts=_route,
    ),
    Check(
        "destination_reachable", _THEME, "Does the destination's daemon answer the source?",
        "The migration does not start.", (FAIL,), of_hosts=_reachable,
    ),
    Check(
        "daemon_login", _THEME, "May the source's daemon log in to the destination's libvirt?",
        "The migration does not start. A peer-to-peer migration logs in as the source's root.", (FAIL,),
        of_hosts=_daemon_login,
    ),
    Check(
        "migration_mtu", _THEME, "Have both migration interfaces the same MTU?",
        "Large packets are lost and the stream hangs.", (WARN,), of_hosts=_mtu,
    ),
    Check(
        "dedicated_interface", _THEME, "Have migrations an interface to themselves on both hosts?",
        "Guests and migrations slow each other down, and SSH may be lost.", (WARN,), of_hosts=_dedicated,
    ),
    Check(
        "interface_load", _THEME, "Is the migration interface free at the moment?",
        "The migration gets less than the interface could carry.", (WARN,), of_hosts=_load,
    ),
    Check(
        "interface_speed", _THEME, "Is the interface fast enough for a guest of this size?",
        "One pass takes too long; above 1 TiB of memory 25 Gbit/s are advised.", (WARN,), of_guest=_speed,
    ),
)  # fmt: skip
