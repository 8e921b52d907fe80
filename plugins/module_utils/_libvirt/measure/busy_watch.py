# SPDX-License-Identifier: GPL-3.0-or-later
"""How busy the processors of a guest are while it is measured."""

from __future__ import annotations

import time

from ..._core.errors import MigrationError
from ..._core.forecast.dirty_curve import busy_shares
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within


class BusyWatch:
    """The part of the time for which each processor of a guest runs, from now on."""

    def __init__(self, guest: Guest) -> None:
        self._guest, self._began_s, self._before = guest, time.monotonic(), _times_ns(guest)

    def shares(self) -> tuple[float, ...]:
        """Until now; empty: not known."""
        after = _times_ns(self._guest)
        return busy_shares(self._before, after, time.monotonic() - self._began_s)


def _times_ns(guest: Guest) -> list[int]:
    try:
        found, _maps = within(guest.raw.vcpus, f"reading the processor times of {guest.name!r}")
    except (libvirt.libvirtError, MigrationError):
        return []
    return [int(time_ns) for _number, _state, time_ns, _cpu in found]
