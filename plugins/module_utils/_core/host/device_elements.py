# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of device that a guest can have, and the checks that look at it.

The elements are those below ``devices`` in libvirt's schema, src/conf/schemas/domaincommon.rng of 11.3.0; those of its
Go binding of June 2026 (DomainDeviceList of libvirt-go-xml-module, which follows libvirt 12.4) are the same. What is
not here is named by the check ``other_devices``.
"""

from __future__ import annotations

import typing as t

# Nothing of its host is in these, whatever they are set to: QEMU makes them up and sends their state.
_QEMUS_OWN = ("device_state", "qemu_blockers")

DEVICE_ELEMENTS: t.Mapping[str, tuple[str, ...]] = {
    "emulator": ("emulator_path", "machine_type"),
    "disk": (
        "disks_reachable",
        "disk_room",
        "disk_cache",
        "disk_kind",
        "backing_images",
        "lock_manager",
        "secrets",
        "device_state",
    ),
    "controller": _QEMUS_OWN,
    "lease": ("device_files",),
    "filesystem": ("shared_directories",),
    "interface": ("guest_networks", "guest_mtu", "device_files", "boot_files"),
    "input": ("device_files", "device_state"),
    "sound": _QEMUS_OWN,
    "audio": ("device_files",),
    "hostdev": ("host_devices", "boot_files", "secrets"),
    "graphics": ("graphics", "device_files"),
    "video": ("device_files", "device_state"),
    "console": ("graphics", "device_files"),
    "parallel": ("graphics", "device_files"),
    "serial": ("graphics", "device_files"),
    "channel": ("graphics", "device_files"),
    "smartcard": ("device_files", "graphics"),
    "hub": _QEMUS_OWN,
    "redirdev": ("graphics", "device_files"),
    "redirfilter": _QEMUS_OWN,
    "rng": ("device_files", "graphics"),
    "tpm": ("tpm", "secrets"),
    "shmem": ("shared_memory",),
    "memory": ("memory_available", "hugepages", "numa_nodes", "device_files"),
    "crypto": ("device_state",),
    "watchdog": _QEMUS_OWN,
    "memballoon": ("sends_free_memory",),
    "nvram": _QEMUS_OWN,
    "panic": _QEMUS_OWN,
    "iommu": _QEMUS_OWN,
    "vsock": ("vsock",),
    "pstore": ("device_files",),
}
