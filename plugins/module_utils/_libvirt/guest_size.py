# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a guest is, by its live definition: its memory, and how many devices of the host it has."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .._core.units import KIB
from .guest import Guest


class Size(t.NamedTuple):
    """``memory_bytes``: all memory of the guest (0: not known); ``host_devices``: how many devices of the host."""

    memory_bytes: int
    host_devices: int


def size_of(guest: Guest) -> Size:
    """Asks for the live definition."""
    return size_in(guest.definition())


def size_in(definition: ElementTree.Element) -> Size:
    memory = definition.findtext("./memory", "").strip()
    kib = int(memory) if memory.isascii() and memory.isdigit() else 0
    return Size(kib * KIB, len(definition.findall("./devices/hostdev")))
