# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's own metadata wants to be stopped in it, as far as an administrator lets guests say that."""

from __future__ import annotations

import typing as t

from ..._core.guest_metadata import GUEST_NAMESPACE
from ..._core.host.parse.systemd_units import units_of_metadata
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within

_ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT


def wanted_units(guest: Guest, may: t.Sequence[str]) -> tuple[list[str], list[str]]:
    """The units that match one of these patterns, and why others do not count."""
    if not may:
        return [], []
    try:
        doing = f"reading the metadata of {guest.name!r}"
        text = within(lambda: guest.raw.metadata(_ELEMENT, GUEST_NAMESPACE, 0), doing)
    except libvirt.libvirtError:
        return [], []  # it has none
    return units_of_metadata(text, may)
