# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices, disk formats and features whose state QEMU does not send: it refuses such a guest at the start.

Each is marked as unmigratable in the sources of QEMU 10.0, or adds a blocker of the migration when it is made. What
depends on more than the definition (devices that are passed through, virtiofs, launch security) has checks of its own.
"""

from __future__ import annotations

import typing as t

from .elements import Devices, Element, below, inside


class Unmigratable(t.NamedTuple):
    """``way``: of names below the device, to the element with the attribute. ``source``: a file of QEMU 10.0."""

    element: str
    way: tuple[str, ...]
    attribute: str
    values: tuple[str, ...]
    source: str


UNMIGRATABLE = (
    Unmigratable("crypto", (), "model", ("virtio",), "hw/virtio/virtio-crypto.c"),
    Unmigratable("iommu", (), "model", ("amd",), "hw/i386/amd_iommu.c"),
    Unmigratable("controller", (), "type", ("nvme",), "hw/nvme/ctrl.c"),
    Unmigratable("sound", (), "model", ("usb",), "hw/usb/dev-audio.c"),
    Unmigratable("sound", (), "model", ("virtio",), "hw/audio/virtio-snd.c"),
    Unmigratable("serial", ("target",), "type", ("usb-serial",), "hw/usb/dev-serial.c"),
    Unmigratable("interface", ("model",), "type", ("usb-net",), "hw/usb/dev-network.c"),
    Unmigratable("input", (), "type", ("passthrough",), "hw/input/virtio-input-host.c"),
    Unmigratable("video", ("model", "acceleration"), "accel3d", ("yes",), "hw/display/virtio-gpu-base.c"),
)
# block/qcow.c, vdi.c, vmdk.c, vpc.c, vhdx.c and parallels.c of QEMU 10.0
UNMIGRATABLE_FORMATS = ("qcow", "vdi", "vmdk", "vpc", "vhdx", "parallels")


def unmigratable(root: Element, devices: Devices) -> list[str]:
    """In the words of the definition: ``sound usb``, ``disk vda of format vmdk``, ``hyperv passthrough``."""
    found = {
        f"{row.element} {value if value != 'yes' else row.attribute}"
        for row in UNMIGRATABLE
        if row.element in devices
        for value in (one.get(row.attribute, "") for one in below(devices, row.element, *row.way))
        if value in row.values
    }
    found |= {text for disk in devices.get("disk", ()) for text in _formats(disk)}
    # target/i386/kvm/kvm.c: whatever the host has is given to the guest.
    if any(one.get("mode") == "passthrough" for one in inside(root, "features", "hyperv")):
        found.add("hyperv passthrough")
    return sorted(found)


def _formats(disk: Element) -> t.Iterator[str]:
    """Of the image itself and of those that it is based on; an empty drive has none."""
    if disk.find("source") is None:
        return
    kinds = [one.get("type", "") for one in disk.findall("driver")]
    kinds += [one.get("type", "") for base in disk.iter("backingStore") for one in base.findall("format")]
    name = "".join(one.get("dev", "") for one in disk.findall("target"))
    yield from (f"disk {name} of format {kind}" for kind in kinds if kind in UNMIGRATABLE_FORMATS)
