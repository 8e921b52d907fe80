# SPDX-License-Identifier: GPL-3.0-or-later
"""From definitions, in which a device of the host may be a device, an interface or half of a failover pair."""

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import guest

ADDRESS = "<source><address type='pci' domain='0' bus='0x3b' slot='2' function='1'/></source>"
PCI = f"<hostdev mode='subsystem' type='pci'>{ADDRESS}</hostdev>"
VIRTUAL_FUNCTION = f"<interface type='hostdev'>{ADDRESS}</interface>"
TRANSIENT = "<teaming type='transient' persistent='ua-net0'/>"
FILES = "<memoryBacking><source type='file'/><access mode='{0}'/>{1}</memoryBacking>"
LOCKED = "<memoryBacking><locked/></memoryBacking>"
NVDIMM = "<memory model='nvdimm'><source><path>/dev/pmem0</path></source><target><size>1</size></target></memory>"
VIRTIOFS = "<filesystem type='mount'><driver type='virtiofs'/><source dir='/a'/><target dir='a'/></filesystem>"
NINE_P = "<filesystem type='mount'><driver type='path'/><source dir='/a'/><target dir='a'/></filesystem>"
VHOST_USER = "<interface type='vhostuser'><source type='unix' path='/run/a.sock' mode='server'/></interface>"


@pytest.mark.parametrize(
    ("devices", "parts", "ids"),
    [
        ("", "", []),
        (PCI, "", ["HOST_DEVICES"]),
        (VIRTUAL_FUNCTION, "", ["HOST_DEVICES"]),
        ("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>", "", ["HOST_DEVICES"]),
        (VIRTUAL_FUNCTION.replace("</interface>", f"{TRANSIENT}</interface>"), "", []),
        (PCI.replace("</hostdev>", f"{TRANSIENT}</hostdev>"), "", []),
        (NVDIMM, "", ["NVDIMM"]),
        (VIRTIOFS, "", ["VIRTIOFS"]),
        (NINE_P, "", []),
        ("", FILES.format("shared", ""), ["SHARED_FILE_MEMORY"]),
        ("", FILES.format("private", ""), []),
        ("", FILES.format("shared", "<hugepages/>"), []),
        # QEMU unlocks it for the time, and finds out itself what a backend can do.
        ("", LOCKED, []),
        (VHOST_USER, "", []),
        (PCI + VIRTUAL_FUNCTION + VIRTIOFS, "", ["HOST_DEVICES", "VIRTIOFS"]),
    ],
)
def test_what_a_definition_says(devices: str, parts: str, ids: list[str]) -> None:
    assert [one.id for one in guest(devices, parts).postcopy_obstacles] == ids


def test_devices_that_are_unplugged_do_not_count() -> None:
    paired = VIRTUAL_FUNCTION.replace("</interface>", f"{TRANSIENT}</interface>")
    found = guest(PCI + VIRTUAL_FUNCTION + paired)
    assert (len(found.host_devices), len(found.sent_host_devices)) == (3, 2)
    assert found.postcopy_obstacles[0].why.startswith("it has 2 host device(s)")
