# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether post-copy can work here, and what confines QEMU."""

from __future__ import annotations

import os
import typing as t

from .._core.host.document import Userfaultfd
from .files import read_int

_SYSCTL = "/proc/sys/vm/unprivileged_userfaultfd"
_DEVICE = "/dev/userfaultfd"


def read_userfaultfd(qemu_user: str, grants_device: bool) -> Userfaultfd:
    """``qemu_user``: as libvirt's label has it. ``grants_device``: libvirt and QEMU know the device."""
    sysctl, device = read_int(_SYSCTL), os.path.exists(_DEVICE)
    kernel = True if sysctl is not None or device else None
    usable, reason = _usable(sysctl, device, qemu_user, grants_device)
    return Userfaultfd(kernel, sysctl, device, usable, reason)


def _usable(sysctl: t.Optional[int], device: bool, qemu_user: str, grants_device: bool) -> tuple[t.Optional[bool], str]:
    if qemu_user in ("+0", "0", "root"):
        return True, "QEMU runs as root"
    if sysctl == 1:
        return True, "vm.unprivileged_userfaultfd is 1"
    if device and grants_device:
        return True, "libvirt gives QEMU /dev/userfaultfd"
    if sysctl is None and not device:
        # Kernels before 5.2 let everybody, and some are built without it.
        return None, "the kernel has no switch for it"
    why = "these versions of libvirt and QEMU do not use /dev/userfaultfd" if device else "there is no /dev/userfaultfd"
    return False, f"vm.unprivileged_userfaultfd is 0 and {why}"


def read_selinux() -> str:
    state = read_int("/sys/fs/selinux/enforce")
    return {None: "", 0: "permissive"}.get(state, "enforcing")


def read_kernel() -> str:
    return os.uname().release
