# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests need of the host or have of it, without asking them."""

from __future__ import annotations

import os
import typing as t

from .._core.unreadable import whole
from .files import names_in, read, read_int

_DIRECTORY = "/run/libvirt/qemu"
_FIRMWARE = (
    "/usr/share/OVMF",
    "/usr/share/AAVMF",
    "/usr/share/edk2/ovmf",
    "/usr/share/edk2/aarch64",
    "/usr/share/edk2/x64",
    "/usr/share/qemu",
)


def resident_bytes(name: str) -> t.Optional[int]:
    """What of the guest's memory the host has really given it: about what a first pass sends."""
    if "/" in name:
        return None
    pid = read_int(f"{_DIRECTORY}/{name}.pid")
    words = (read(f"/proc/{pid}/statm") or "").split() if pid else []
    pages = whole(words[1]) if len(words) > 1 else None
    return pages * os.sysconf("SC_PAGE_SIZE") if pages is not None else None


def firmware_files() -> list[str]:
    """Firmware images where distributions put them; a guest's must be at the same place on its destination."""
    found = (f"{base}/{name}" for base in _FIRMWARE for name in names_in(base))
    return sorted(path for path in found if path.endswith((".fd", ".qcow2", ".raw")))
