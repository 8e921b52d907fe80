# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP sockets of the host, and short connections to others."""

from __future__ import annotations

import errno
import os
import socket
import time
import typing as t

from .._core.host.parse.procfs import Socket, parse_sockets
from .files import at_once, names_in, read

_RESOLVE_LIMIT_S = 2.0  # a choice


def read_sockets() -> t.Optional[list[Socket]]:
    texts = [read("/proc/net/tcp"), read("/proc/net/tcp6")]
    if texts[0] is None:
        return None
    return [one for text in texts if text for one in parse_sockets(text)]


def holders(inodes: t.Collection[int]) -> dict[int, tuple[int, str]]:
    """Pid and name of the process that holds each of these sockets; all processes are looked at, so only if need be."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes if inode}
    found: dict[int, tuple[int, str]] = {}
    for name in names_in("/proc") if wanted else []:
        if not name.isdigit():
            continue
        for number in names_in(f"/proc/{name}/fd"):
            try:
                held = wanted.get(os.readlink(f"/proc/{name}/fd/{number}"))
            except OSError:
                continue
            if held is not None and held not in found:
                found[held] = (int(name), (read(f"/proc/{name}/comm") or "").strip())
    return found


def ssh_addresses(sockets: t.Iterable[Socket]) -> set[str]:
    """The host's own addresses over which somebody is logged in; the session that runs this is told by its own."""
    session = os.environ.get("SSH_CONNECTION", "").split()
    if len(session) >= 3:
        return {session[2]}
    return {one.address for one in sockets if one.established and one.port == 22}


def addresses_of(name: str) -> t.Optional[list[str]]:
    """What a name resolves to on this host; None when that fails or takes too long."""

    def look_up() -> list[str]:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(one[4][0]) for one in found))

    return at_once({"name": look_up}, _RESOLVE_LIMIT_S).get("name")


def connect(address: str, port: int, limit_s: float) -> tuple[str, float]:
    """Open and close a connection: ``accepted``, ``refused`` (the host answers), or why not; and the time in ms."""
    began_s = time.monotonic()
    try:
        socket.create_connection((address, port), limit_s).close()
        answer = "accepted"
    except ConnectionRefusedError:
        answer = "refused"
    except socket.timeout:
        answer = "no answer"
    except ValueError as exc:
        answer = str(exc)
    except OSError as exc:
        answer = errno.errorcode.get(exc.errno or 0, "") if exc.errno and exc.errno > 0 else ""
        answer = f"{exc.strerror or exc} ({answer})" if answer else str(exc.strerror or exc)
    return answer, (time.monotonic() - began_s) * 1000
