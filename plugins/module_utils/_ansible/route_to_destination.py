# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host, as the source, finds out about the way to a destination."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._core.errors import MigrationError
from .._core.host.document import HostDocument
from .._core.host.network import Route
from .._core.readiness.checks.check_types import Attempt, Probe
from .._core.readiness.daemon_address import DaemonAddress, port_to_try, target_of_host, target_of_uri
from .._host.files import at_once
from .._host.route import read_route
from .._host.sockets import addresses_of, connect
from .._libvirt.connection import Connection

# Choices: what takes longer is told as not reached.
_CONNECT_LIMIT_S = 2.0
_ALL_LIMIT_S = 6.0
_LOGIN_LIMIT_S = 15.0


def probe_all(destinations: t.Sequence[HostDocument], uri: str = "") -> list[Probe]:
    """All at once, since one that does not answer takes seconds. ``uri``: how the source reaches the only one."""
    jobs = {str(number): _job(one, uri) for number, one in enumerate(destinations)}
    found = at_once(jobs, _ALL_LIMIT_S)
    return [
        replace(found.get(str(number), Probe()), route=_route(one.migration.address))
        for number, one in enumerate(destinations)
    ]


def _route(address: str) -> t.Optional[Route]:
    return read_route(address) if address else None


def _job(destination: HostDocument, uri: str) -> t.Callable[[], Probe]:
    def probe() -> Probe:
        daemon = target_of_uri(uri) or target_of_host(destination)
        return Probe(
            name_addresses=(addresses_of(destination.hostname) or []) if destination.hostname else None,
            daemon=_attempt(daemon),
            port=_attempt(port_to_try(destination)),
        )

    return probe


def _attempt(target: t.Optional[DaemonAddress]) -> t.Optional[Attempt]:
    return Attempt(*target, *connect(*target, _CONNECT_LIMIT_S)) if target else None


def log_in(uri: str, probe: Probe) -> tuple[Probe, t.Optional[Connection]]:
    """Open the destination's libvirt as the source's daemon would, being root here as it is."""
    if probe.daemon is not None and probe.daemon.answer != "accepted":
        problem = "its daemon cannot be reached."
        return replace(probe, connection_uri=uri, connection_problem=problem), None
    try:
        connection = Connection(uri, limit_s=_LOGIN_LIMIT_S, whose="the destination")
    except MigrationError as exc:
        found = replace(probe, connection_uri=uri, connection_problem=exc.problem, connection_remedy=exc.remedy)
        return found, None
    return replace(probe, connection_uri=uri), connection
