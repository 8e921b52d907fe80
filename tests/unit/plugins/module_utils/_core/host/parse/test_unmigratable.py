# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import disk, find, guest

CRYPTO = "<crypto model='virtio' type='qemu'><backend model='builtin'/></crypto>"
TWO_CONTROLLERS = "<controller type='nvme' index='0'/><controller type='scsi' model='virtio-scsi'/>"
HOST_INPUT = "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>"
VHDX_BASE = "<backingStore type='file'><format type='vhdx'/><source file='/b'/></backingStore>"


def video(accelerated: str) -> str:
    return f"<video><model type='virtio'><acceleration accel3d='{accelerated}'/></model></video>"


@pytest.mark.parametrize(
    ("domain", "parts"),
    [
        (guest(CRYPTO), ["crypto virtio"]),
        (guest("<iommu model='amd'/>"), ["iommu amd"]),
        (guest("<iommu model='intel'/><iommu model='virtio'/><iommu model='smmuv3'/>"), []),
        (guest(TWO_CONTROLLERS), ["controller nvme"]),
        (guest("<sound model='usb'/><sound model='virtio'/><sound model='ich9'/>"), ["sound usb", "sound virtio"]),
        (guest("<serial type='pty'><target type='usb-serial' port='0'/></serial>"), ["serial usb-serial"]),
        (guest("<interface type='user'><model type='usb-net'/></interface>"), ["interface usb-net"]),
        (guest(HOST_INPUT), ["input passthrough"]),
        (guest(video("yes")), ["video accel3d"]),
        (guest(video("no")), []),
        (guest(parts="<features><hyperv mode='passthrough'/></features>"), ["hyperv passthrough"]),
        (guest(parts="<features><hyperv mode='custom'><relaxed state='on'/></hyperv></features>"), []),
        (guest(disk("", driver="vmdk")), ["disk vda of format vmdk"]),
        (guest(disk("", VHDX_BASE)), ["disk vda of format vhdx"]),
        (guest("<disk type='file' device='cdrom'><driver type='vmdk'/><target dev='sda'/></disk>"), []),
        (guest(disk("")), []),
    ],
)
def test_what_qemu_does_not_send(domain: GuestDocument, parts: list[str]) -> None:
    assert domain.unmigratable == parts
    finding = find("device_state", domain, {"objection": None, "source.versions.qemu": "10.0.2"})
    assert finding.status == (FAIL if parts else PASS)
