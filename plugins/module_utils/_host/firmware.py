# SPDX-License-Identifier: GPL-3.0-or-later
"""Firmware images for guests that this host has."""

from __future__ import annotations

from .files import names_in

_FIRMWARE = (
    "/usr/share/OVMF",
    "/usr/share/AAVMF",
    "/usr/share/edk2/ovmf",
    "/usr/share/edk2/aarch64",
    "/usr/share/edk2/x64",
    "/usr/share/qemu",
)


def firmware_files() -> list[str]:
    """Firmware images where distributions put them; a guest's must be at the same place on its destination."""
    found = (f"{base}/{name}" for base in _FIRMWARE for name in names_in(base))
    return sorted(path for path in found if path.endswith((".fd", ".qcow2", ".raw")))
