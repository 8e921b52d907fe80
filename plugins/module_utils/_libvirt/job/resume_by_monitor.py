# SPDX-License-Identifier: GPL-3.0-or-later
"""Resuming a broken post-copy by QEMU's own monitor, where libvirt on the destination would crash on it.

The half on the destination waits already. libvirt on both hosts follows QEMU's events from then on, and completes the
migration as one that nobody attends (seen with libvirt 11.3.0 and QEMU 10.0.13).
"""

from __future__ import annotations

import json
import typing as t

from ..._core.errors import MigrationError
from ..._core.libvirt_uri import is_host, parse_migration_uri
from ..._host.qemu.monitor import refused
from ..connection import connect_destination, libvirt
from ..errors import translate
from ..guest import Guest
from ..timeout import unlimited, within

try:
    import libvirt_qemu
except ImportError:
    libvirt_qemu = None


def resume_by_monitor(guest: Guest, destination_uri: str, migrate_uri: t.Optional[str], port: int) -> None:
    """Send the rest to a half that waits at this port of the destination. Returns when QEMU has taken the order."""
    if libvirt_qemu is None:
        raise MigrationError(
            "LIBVIRT_BINDING_MISSING",
            "The part of libvirt-python that talks to QEMU itself (libvirt_qemu) is not installed on this host.",
            state="Both halves of the guest were left as they are.",
            remedy="Install the whole of the package python3-libvirt.",
        )
    order = {"execute": "migrate", "arguments": {"uri": _incoming(destination_uri, migrate_uri, port), "resume": True}}
    raw, failure_sentence = unlimited(guest.raw), f"{guest.name!r} was not resumed by the monitor of its QEMU."
    try:
        text = within(
            lambda: libvirt_qemu.qemuMonitorCommand(raw, json.dumps(order), 0),
            f"resuming the migration of {guest.name!r}",
        )
    except libvirt.libvirtError as exc:
        raise translate(exc, failure_sentence, guest_state=guest.state_text()) from exc
    answer = json.loads(text)
    if "error" in answer:
        raise refused(failure_sentence, answer)


def _incoming(destination_uri: str, migrate_uri: t.Optional[str], port: int) -> str:
    """Where QEMU is to send to, as libvirt would have said: the host of the migration URI, else what the destination
    calls itself."""
    if migrate_uri:
        given = parse_migration_uri(migrate_uri, "migrate_uri")
        if given.scheme != "tcp":
            raise MigrationError("NOT_SUPPORTED", "Only a migration over TCP can be resumed by QEMU's monitor.")
        host = given.host
    else:
        with connect_destination(destination_uri) as there:
            host = str(there.raw.getHostname())
        if not is_host(host):  # another host says it, and QEMU reads options after it
            raise MigrationError(
                "NO_DESTINATION",
                f"The destination calls itself {host!r}, which is no name of a host.",
                state="Both halves of the guest were left as they are.",
                remedy="Say where its memory goes as migrate_uri, such as tcp://10.0.0.12.",
            )
    return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"
