# SPDX-License-Identifier: GPL-3.0-or-later
"""The half on this host of a guest whose post-copy broke on the way here: it is told to wait for its source again.

libvirt does this itself where it can (QEMU's ``migrate-recover``), but 11.2 and 11.3 read through a null pointer on the
way there, whatever the call says (qemuProcessIncomingDefNew in libvirt 11.3.0).
"""

from __future__ import annotations

import socket
import typing as t
from contextlib import closing
from pathlib import Path

from ..._core.errors import MigrationError
from ..._core.host.parse.migration_path import PORT_MAX, PORT_MIN
from ..configuration import number_of, read_configuration, text_of
from ..status_file import STATUS_DIRECTORY, incoming_half
from .monitor import QemuMonitor

_PAUSED = "postcopy-paused"


def listen_again(
    name: str,
    uuid: str,
    port: t.Optional[int],
    *,
    only_look: bool = False,
    directory: t.Union[str, Path] = STATUS_DIRECTORY,
) -> int:
    """The port at which it waits; 0 for one that would be chosen. The daemon is stopped.

    QEMU may be told again, and gives up the port of before (seen with 7.2 and 10.0). Raises NOTHING_TO_RECOVER,
    NO_FREE_PORT, and what :class:`QemuMonitor` raises.
    """
    half = incoming_half(name, uuid, directory)
    if half is None or not half.postcopy_broke:
        raise MigrationError(
            "NOTHING_TO_RECOVER",
            f"This host has no half of {name!r} ({uuid}) whose post-copy broke.",
            state="Nothing was changed.",
            remedy="Run this on the destination host, with the name and the UUID that the guest has on the source"
            " ('virsh domuuid').",
        )
    with QemuMonitor(half.monitor) as monitor:
        job = monitor.ask("query-migrate")
        if job.get("status") != _PAUSED:
            raise MigrationError(
                "NOTHING_TO_RECOVER",
                f"QEMU says that the migration of {name!r} is {job.get('status')}, not that it broke.",
                state="Nothing was changed.",
                remedy="Start the daemon again, and look at the job on the source (migration_job_info).",
            )
        if only_look:
            return port or 0
        address, chosen = _where(port)
        monitor.ask("migrate-recover", uri=f"tcp:{address}:{chosen}")
        return chosen


def _where(port: t.Optional[int]) -> tuple[str, int]:
    """Address and port to wait at, as libvirt chooses them: of qemu.conf, else all addresses and the first free
    port."""
    settings = read_configuration().qemu
    everywhere = "::" if socket.has_ipv6 and _free(None, "::") else "0.0.0.0"  # noqa: S104 - as libvirt does
    address = text_of(settings, "migration_address") or everywhere
    if ":" in address and not address.startswith("["):
        address = f"[{address}]"
    if port is not None:
        return address, port
    first = number_of(settings, "migration_port_min", PORT_MIN)
    last = number_of(settings, "migration_port_max", PORT_MAX)
    found = next((one for one in range(first, last + 1) if _free(one, address.strip("[]"))), None)
    if found is None:
        raise MigrationError(
            "NO_FREE_PORT",
            f"No port from {first} to {last} is free on this host.",
            state="Nothing was changed.",
            remedy="See who holds them ('ss -tlnp'), or name a free one as port.",
        )
    return address, found


def _free(port: t.Optional[int], address: str) -> bool:
    """Whether a program could wait there; without a port, whether the host has addresses of that kind."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            own.bind((address, port or 0))
    except OSError:
        return False
    return True
