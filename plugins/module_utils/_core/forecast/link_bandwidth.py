# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration's link carries, and how that is known."""

from __future__ import annotations

import typing as t

from ..units import MIB

_OF_THE_WIRE = 0.94  # what TCP leaves of a link's speed


class DestinationPath(t.NamedTuple):
    """The way that a migration takes.

    ``destination_uri``: of the daemon that receives the guest; ``migrate_uri``: where its data goes, None for the
    address that the destination announces. ``link_mib_per_s``: what the link carries, None when nobody has said it;
    ``bandwidth_mib_per_s``: a limit for the migration, also in post-copy (0: none).
    """

    destination_uri: str
    migrate_uri: t.Optional[str] = None
    link_mib_per_s: t.Optional[float] = None
    bandwidth_mib_per_s: int = 0


class RouteDevice(t.NamedTuple):
    """The interface to a host, and the speed of the device below it; None for what is not known."""

    interface: t.Optional[str] = None
    speed_mbit_per_s: t.Optional[int] = None


class ExpectedBandwidth(t.NamedTuple):
    """``bytes_per_s``: None when it is not known; ``known_from``: the name of an option, or in words.

    ``link_bytes_per_s``: what the link carries where a limit keeps the migration below that; else None.
    """

    bytes_per_s: t.Optional[int]
    known_from: str
    link_bytes_per_s: t.Optional[int] = None


def carried_bytes_per_s(speed_mbit_per_s: int) -> int:
    """What of a link's speed reaches the other end."""
    return int(speed_mbit_per_s * 1e6 / 8 * _OF_THE_WIRE)


def expected_bandwidth(
    link_mib_per_s: t.Optional[float], limit_mib_per_s: int, way: RouteDevice, last_bytes_per_s: t.Optional[int] = None
) -> ExpectedBandwidth:
    """What the user says the link carries, else the device's speed, else what the last migration had.

    Never more than the limit (0: none).
    """
    if link_mib_per_s is not None:
        found: t.Optional[int] = max(1, int(link_mib_per_s * MIB))
        source = "link_mib_per_s"
    elif way.speed_mbit_per_s is not None:
        found = carried_bytes_per_s(way.speed_mbit_per_s)
        source = f"the speed of the device below {way.interface}, {way.speed_mbit_per_s} Mbit/s"
    elif last_bytes_per_s:
        found, source = last_bytes_per_s, "last_migration"
    else:
        found = None
        named = f"{way.interface}, which tells no speed of a device"
        route = named if way.interface else "an interface that is not known here"
        source = f"not known: the way leads over {route}"
    limit = limit_mib_per_s * MIB
    if limit and (found is None or limit < found):
        # Without a known link the limit is the best guess: it is meant to be reached.
        return ExpectedBandwidth(limit, "bandwidth_mib_per_s", found)
    return ExpectedBandwidth(found, source)
