# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: what of the guest listens on an address or a port of its host."""

from __future__ import annotations

import typing as t

from ...addresses import address_of, among, on_every_host, same_address, scope_of
from ...host.document import HostDocument
from ...host.guest import Graphics, GuestDocument
from .check_types import FAIL, Case, Check, Finding, failed, passed, skipped

_THEME = "state of the guest"
_NO_SOCKET = ("socket", "none")
_OWN_ADDRESS = "Let it listen on 0.0.0.0 or 127.0.0.1, or say in destination_changes on which address it is to there."


def _listening(case: Case) -> Finding:
    """A console or a serial device that listens on an address of the source finds none on the destination."""
    unknown: list[str] = []
    for console, here in zip(case.arriving.graphics, case.guest.graphics):
        found = _console(console, here, case)
        if isinstance(found, str):
            unknown.append(found)
        elif found is not None:
            return found
    for one in case.arriving.endpoints:
        there = _held(one.address, case.destination)
        words = f"Its {one.device} device listens on {one.address}"
        if there is False:
            return failed(f"{words}, which is no address of the destination.", _OWN_ADDRESS, listen=one.address)
        if there is None:
            unknown.append(f"{words}.")
    taken = _port_taken(case)
    if taken is not None:
        return taken
    if unknown:
        return skipped(
            f"Whether the destination can give it the addresses is not known. {unknown[0]}",
            "Look at the definition that libvirt sends: 'virsh dumpxml --migratable'.",
        )
    return passed("Its consoles can listen on the destination.")


def _console(console: Graphics, here: Graphics, case: Case) -> t.Union[Finding, str, None]:
    """What stands against it, a sentence on what is not known, or nothing. ``here``: as it is on the source."""
    host, name = case.destination, f"Its {console.type} console"
    if console.listen_type in _NO_SOCKET:
        return None
    if console.listen_type == "network" and console.network:
        if host.networks is None:
            return f"{name} listens where the network {console.network!r} is."
        return _of_network(console, host)
    if on_every_host(console.listen):
        return None
    if console.sent is False or (console.sent is None and _from_configuration(here, case.source)):
        # Of the definition that is sent libvirt leaves it out, and the destination takes its own.
        return _of_configuration(console, host)
    there = _held(console.listen, host)
    if there:
        return None
    if there is None:
        return f"{name} listens on {console.listen}."
    if console.sent is None:
        return (
            f"{name} listens on {console.listen}, which is no address of the destination; libvirt sends it only if it"
            " did not come from qemu.conf."
        )
    return failed(
        f"{name} listens on {console.listen}, which is no address of the destination.",
        _OWN_ADDRESS,
        listen=console.listen,
    )


def _of_network(console: Graphics, host: HostDocument) -> t.Optional[Finding]:
    network = host.network(console.network)
    if network is not None and network.active is not False:
        return None
    what = "does not have" if network is None else "has not started"
    return failed(
        f"Its {console.type} console listens where the network {console.network!r} is, which the destination {what}.",
        "Define and start the network there, or name the one that it has instead in destination_changes.",
        network=console.network,
    )


def _setting(console: Graphics, host: HostDocument) -> str:
    return str(host.daemon.qemu_settings.get(f"{console.type}_listen") or "127.0.0.1")


def _from_configuration(console: Graphics, host: HostDocument) -> bool:
    return same_address(_setting(console, host), console.listen)


def _of_configuration(console: Graphics, host: HostDocument) -> t.Optional[Finding]:
    listen = _setting(console, host)
    if _held(listen, host) is not False:
        return None
    return failed(
        f"qemu.conf on the destination lets {console.type} consoles listen on {listen}, which is no address of it.",
        f"Correct {console.type}_listen there.",
        listen=listen,
    )


def _held(text: str, host: HostDocument) -> t.Optional[bool]:
    """Whether the host can listen on it; None when that is not known."""
    if on_every_host(text):
        return True
    if host.interfaces is None:
        return None
    if address_of(text) is None:
        # What a name leads to there only the host itself knows.
        own = {host.hostname, host.name, host.hostname.partition(".")[0]} - {""}
        return True if among(text, own) else None
    scope = scope_of(text)
    return any(among(text, one.addresses) for one in host.interfaces if not scope or one.name == scope)


def _port_taken(case: Case) -> t.Optional[Finding]:
    found = case.residents.on_port(_fixed_ports(case.guest), case.guest)
    if found is None:
        return None
    port, other = found
    return failed(
        f"Its console needs port {port}, and {other.name!r} has it on the destination.",
        "Let libvirt choose the port (autoport='yes'), or give one of them another port.",
        port=port,
    )


def _fixed_ports(guest: GuestDocument) -> set[int]:
    chosen = {one.port for one in guest.graphics if one.port and one.port > 0 and not one.autoport}
    return chosen | {one.port for one in guest.endpoints if one.port and one.protocol == "tcp"}


CHECKS = (
    Check(
        "graphics", _THEME, "Can its consoles and serial devices listen on the destination?",
        "QEMU does not start there: it cannot bind.", (FAIL,), of_guest=_listening,
    ),
)  # fmt: skip
