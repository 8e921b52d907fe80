"""A second version of libvirt and QEMU: Debian 13 in a chroot."""

from __future__ import annotations

from .errors import LabError


def trixie() -> str:
    raise LabError("Debian 13 hosts are not there yet")
