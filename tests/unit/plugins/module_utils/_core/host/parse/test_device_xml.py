# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.dataclass_json import to_plain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import (
    at,
    find,
    guest,
)


def test_ports_of_serial_devices_are_taken_too() -> None:
    serial = "<serial type='tcp'><source mode='bind' host='0.0.0.0' service='5900'/></serial>"
    repeated = serial.replace("serial", "console")
    domain = guest(serial + repeated)
    assert [(one.device, one.port) for one in domain.endpoints] == [("serial", 5900)]
    other = replace(guest(at("0.0.0.0")), uuid="other", name="crm01")
    finding = find("graphics", domain, {"destination.domains": [other]})
    assert (finding.status, "'crm01' has it" in finding.summary) == (FAIL, True), finding.summary


USB = (
    "<hostdev mode='subsystem' type='usb' managed='yes'>"
    "<source{0}><vendor id='0x0abc'/><product id='0x0001'/></source></hostdev>"
)


PCI = (
    "<hostdev mode='subsystem' type='pci'>"
    "<source><address domain='0' bus='0xaf' slot='0' function='0'/></source></hostdev>"
)


SECRET = "6dac5d5a-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (USB.format(" startupPolicy='optional'"), WARN, "loses it"),
        (USB.format(" startupPolicy='requisite'"), WARN, "loses it"),
        (USB.format(" startupPolicy='mandatory'"), WARN, "refuses to start it there"),
        (USB.format(""), WARN, "refuses to start it there"),
        (USB.format("") + PCI, WARN, "device's own driver"),
        (
            "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2026:erp/1'/></hostdev>",
            WARN,
            "over the network",
        ),
        (
            "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5001'/></hostdev>",
            FAIL,
            "scsi_host",
        ),
        (
            "<hostdev mode='capabilities' type='storage'><source><block>/dev/sdf</block></source></hostdev>",
            FAIL,
            "storage",
        ),
    ],
)
def test_host_devices(devices: str, status: str, says: str) -> None:
    finding = find("host_devices", guest(devices))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (("<tpm model='tpm-spapr'><backend type='emulator' version='2.0'/></tpm><tpm model='spapr-tpm-proxy'>"
         "<backend type='passthrough'><device path='/dev/tpmrm0'/></backend></tpm>"), FAIL, "the TPM of its host"),
        ("<tpm><backend type='emulator'/></tpm><tpm><backend type='external'/></tpm>", WARN, "somebody else"),
        (f"<tpm><backend type='emulator'><encryption secret='{SECRET}'/></backend></tpm>", WARN, "encrypted"),
        ("<tpm><backend type='emulator'><source type='dir' path='/srv/tpm'/></backend></tpm>", WARN, "/srv/tpm"),
        ("<tpm><backend type='teapot'/></tpm>", WARN, "teapot"),
        ("<tpm><backend type='emulator' version='2.0'/></tpm>", PASS, "libvirt moves"),
    ],
)  # fmt: skip
def test_tpms(devices: str, status: str, says: str) -> None:
    domain = guest(devices)
    finding = find("tpm", domain)
    assert (finding.status, says in finding.summary) == (status, True), finding.summary
    # The name of a secret stands where those of a destination are compared with it, and nowhere else.
    assert domain.secrets == ([f"uuid:{SECRET}"] if SECRET in devices else [])
    assert SECRET not in str(to_plain(replace(domain, secrets=[])))


def test_vsock() -> None:
    assert guest("<vsock model='virtio'><cid auto='no' address='7'/></vsock>").vsock_cid == 7
    assert guest("<vsock model='virtio'><cid auto='yes' address='7'/></vsock>").vsock_cid is None


def test_a_device_that_nobody_knows_is_named() -> None:
    finding = find("other_devices", guest("<teapot model='utah'/><hub type='usb'/>"))
    assert (finding.status, finding.summary) == (WARN, "Devices that no check looks at: teapot.")
