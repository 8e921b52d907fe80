# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a destination's daemon: by a URI, or by what its document says."""

from __future__ import annotations

import typing as t

from ..addresses import is_wildcard
from ..host.document import HostDocument
from ..libvirt_uri import target_of

_PREFERRED = ("tls", "tcp", "ssh")


class DaemonAddress(t.NamedTuple):
    """Where a daemon of libvirt takes connections."""

    address: str
    port: int


def target_of_uri(uri: str) -> t.Optional[DaemonAddress]:
    """The daemon that a libvirt URI leads to; None for one of this host, or what is no URI."""
    found = target_of(uri)
    return DaemonAddress(*found) if found else None


def target_of_host(host: HostDocument) -> t.Optional[DaemonAddress]:
    """The daemon of a host, by what it listens on: TLS before TCP before SSH; None where that is not known."""
    for transport in _PREFERRED:
        for one in host.daemon.listeners or []:
            if one.transport == transport:
                return DaemonAddress(host.hostname if is_wildcard(one.address) else one.address, one.port)
    return None


def port_to_try(host: HostDocument) -> t.Optional[DaemonAddress]:
    """A migration port that may be connected to without disturbing anybody.

    A connection to a port where a guest is awaited would be taken for it. libvirt gives ports out from the lowest one
    up, so that the highest one is free unless nearly all are in use.
    """
    path = host.migration
    if not path.address or path.ports_used is None:
        return None
    if path.port_max in path.ports_used or 2 * len(path.ports_used) >= len(path.ports) or len(path.ports) < 8:
        return None
    return DaemonAddress(path.address, path.port_max)
