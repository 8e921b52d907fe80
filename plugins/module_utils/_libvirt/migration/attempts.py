# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed attempt to send a guest has taught, for the next one of this run or of another."""

from __future__ import annotations

import contextlib
import time

from ..._core.errors import MigrationError
from ..._core.forecast.link_bandwidth import DestinationPath
from ..._core.migration.last_attempt import (
    ATTEMPT_NAMESPACE,
    ATTEMPT_PREFIX,
    LastAttempt,
    carried_bytes_per_s,
    read_attempt,
)
from ..._core.units import MIB, human_ms, human_rate
from ..connection import libvirt
from ..guest import Guest
from ..metadata import LIVE, element_of, write_element


def learnt_before(guest: Guest, destination: str, path: DestinationPath) -> tuple[DestinationPath, str]:
    """The way with what an earlier run has seen it carry, where that is less; and what is to be told of it.

    What cannot be read is as if there was none: it only helps to plan.
    """
    text = None
    with contextlib.suppress(MigrationError, libvirt.libvirtError):
        text = element_of(guest, ATTEMPT_NAMESPACE, (LIVE,))
    now_s = time.time()
    note = read_attempt(text, guest.uuid, destination, now_s)
    if note is None or _known(path) <= note.carried_bytes_per_s:
        return path, ""
    ago = human_ms((now_s - note.ended_epoch_s) * 1000)
    told = (
        f"{guest.name!r} was not sent to {destination} {ago} ago, when the network carried"
        f" {human_rate(note.carried_bytes_per_s)}: that is what is reckoned with."
    )
    return _limited(path, note.carried_bytes_per_s), told


def learn(guest: Guest, destination: str, path: DestinationPath, failed: MigrationError) -> DestinationPath:
    """The way with what this attempt has seen it carry, where that is less, which is noted for other runs, too."""
    carried = carried_bytes_per_s(failed)
    if carried is None or _known(path) <= carried:
        return path
    note = LastAttempt(guest.uuid, destination, int(time.time()), carried)
    doing = f"noting what the network carried for {guest.name!r}"
    with contextlib.suppress(MigrationError, libvirt.libvirtError):
        write_element(guest, note.xml(), ATTEMPT_PREFIX, ATTEMPT_NAMESPACE, LIVE, doing)
    return _limited(path, carried)


def _known(path: DestinationPath) -> float:
    """In bytes/s; infinite for not known."""
    return float("inf") if path.link_mib_per_s is None else path.link_mib_per_s * MIB


def _limited(path: DestinationPath, carried: int) -> DestinationPath:
    return path._replace(link_mib_per_s=carried / MIB)
