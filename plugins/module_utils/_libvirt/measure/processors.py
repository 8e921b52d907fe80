# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""For how much of the time a guest's virtual processors run."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.forecast.throttle import busy_shares
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within

T = t.TypeVar("T")


def busy_while(guest: Guest, work: t.Callable[[], T]) -> tuple[T, tuple[float, ...]]:
    """What ``work`` returns, and the part of the time for which each processor ran meanwhile; empty: not known."""
    began_s, before = time.monotonic(), _times_ns(guest)
    result = work()
    after = _times_ns(guest)
    return result, busy_shares(before, after, time.monotonic() - began_s)


def _times_ns(guest: Guest) -> list[int]:
    try:
        found, _maps = within(guest.raw.vcpus, f"reading the processor times of {guest.name!r}")
    except (libvirt.libvirtError, MigrationError):
        return []
    return [int(time_ns) for _number, _state, time_ns, _cpu in found]
