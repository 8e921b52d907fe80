# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's own metadata wants to be stopped in it, as far as an administrator lets guests say that."""

from __future__ import annotations

import typing as t

from ..._core.guest_metadata import GUEST_NAMESPACE
from ..._core.host.parse.systemd_units import units_of_metadata
from ..guest import Guest
from ..metadata import element_of


def wanted_units(guest: Guest, may: t.Sequence[str]) -> tuple[list[str], list[str]]:
    """The units that match one of these patterns, and why others do not count. Metadata that could not be read raises:
    the guest may want something."""
    if not may:
        return [], []
    text = element_of(guest, GUEST_NAMESPACE)
    return ([], []) if text is None else units_of_metadata(text, may)
