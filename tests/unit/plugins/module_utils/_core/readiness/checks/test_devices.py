# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    HostDevice,
    SharedDirectory,
    SharedMemory,
    Tpm,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    MigrationBlocker,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    PCI,
    Row,
    domains,
    ids,
    see,
)

ROWS: list[Row] = [
    ("host_devices", WARN, {"domain.host_devices": [HostDevice("usb", "0x1234:0xbeef")]}, "usb 0x1234:0xbeef"),
    (
        "host_devices",
        FAIL,
        {"domain.host_devices": [HostDevice("usb", "0x1234:0xbeef"), HostDevice("scsi_host", "naa.5001")]},
        "migrated: scsi_host naa.5001",
    ),
    ("host_devices", FAIL, {"domain.host_devices": [PCI], "destination.features": []}, "pci 0000:af:00.0"),
    ("host_devices", WARN, {"domain.host_devices": [PCI]}, "device's own driver"),
    ("host_devices", WARN, {"domain.host_devices": [HostDevice("mdev", "uuid", "vfio-pci")]}, "mdev vfio-pci"),
    ("host_devices", WARN, {"domain.host_devices": [HostDevice("net", "0000:3b:02.1", teaming=True)]}, "unplugged"),
    ("tpm", FAIL, {"domain.tpm": Tpm("2.0", "passthrough")}, "the TPM of its host"),
    ("tpm", WARN, {"domain.tpm": Tpm("2.0", "external")}, "somebody else"),
    ("tpm", WARN, {"domain.tpm": Tpm("2.0", "emulator", "/srv/nfs/tpm")}, "/srv/nfs/tpm"),
    ("tpm", PASS, {"domain.tpm": Tpm("2.0", "emulator")}, "libvirt moves the state"),
    (
        "firmware",
        FAIL,
        {"domain.firmware": "efi", "domain.loader": "/usr/share/OVMF/OVMF_CODE.fd", "destination.firmware_files": []},
        "does not have",
    ),
    ("firmware", WARN, {"domain.firmware": "efi", "domain.loader": "/opt/own.fd"}, "is not known"),
    ("firmware", PASS, {"domain.firmware": "efi", "domain.loader": "/usr/share/OVMF/OVMF_CODE.fd"}, "has its firmware"),
    (
        "firmware",
        WARN,
        {
            "domain.firmware": "efi",
            "domain.loader": "/usr/share/OVMF/OVMF_CODE.fd",
            "domain.nvram_template": "/opt/vars.fd",
        },
        "/opt/vars.fd",
    ),
    (
        "firmware",
        SKIP,
        {"domain.firmware": "efi", "domain.loader": "/opt/own.fd", "destination.firmware_files": None},
        "not known",
    ),
    (
        "shared_directories",
        WARN,
        {"domain.shared_directories": [SharedDirectory("virtiofs", "/srv", "srv")]},
        "migrate-precopy",
    ),
    ("shared_directories", FAIL, {"domain.shared_directories": [SharedDirectory("path", "/srv", "srv")]}, "srv (path)"),
    (
        "shared_directories",
        FAIL,
        {"domain.shared_directories": [SharedDirectory("virtiofs")], "source.features": []},
        "cannot be migrated",
    ),
    (
        "shared_memory",
        FAIL,
        {"domain.shared_memory": [SharedMemory("shared", "ivshmem-plain", "peer")]},
        "not the master",
    ),
    ("shared_memory", FAIL, {"domain.shared_memory": [SharedMemory("m", "ivshmem", "master")]}, "does not migrate"),
    (
        "shared_memory",
        WARN,
        {"domain.shared_memory": [SharedMemory("shared", "ivshmem-plain", "master")]},
        "stay behind",
    ),
    ("launch_security", FAIL, {"domain.launch_security": "sev-snp"}, "sev-snp"),
    ("qemu_arguments", WARN, {"domain.qemu_arguments": True}, "past libvirt"),
    ("device_files", WARN, {"domain.needed_files": ["/dev/hwrng"]}, "/dev/hwrng"),
    ("device_files", PASS, {"domain.needed_files": ["/srv/nfs/nvdimm.img"]}, "no files"),
    (
        "vsock",
        FAIL,
        {"domain.vsock_cid": 3, "destination.domains": domains(uuid="other", name="crm01", vsock_cid=3)},
        "that of 'crm01'",
    ),
    ("vsock", PASS, {"domain.vsock_cid": 3, "destination.domains": domains(uuid="other", vsock_cid=4)}, "is free"),
    ("vsock", PASS, {"domain.vsock_cid": 3, "destination.domains": domains(vsock_cid=3)}, "is free"),
    ("other_devices", WARN, {"domain.not_looked_at": ["teapot"]}, "no check looks at: teapot"),
    (
        "device_state",
        FAIL,
        {"objection": None, "domain.unmigratable": ["crypto virtio"], "source.versions.qemu": "10.0.2"},
        "refuses to migrate crypto virtio",
    ),
    ("device_state", WARN, {"objection": None, "domain.unmigratable": ["crypto virtio"]}, "is not known"),
    (
        "device_state",
        PASS,
        {"objection": MigrationBlocker(True), "domain.unmigratable": ["crypto virtio"]},
        "QEMU itself has nothing",
    ),
    # (shown on the lab)
    (
        "qemu_blockers",
        FAIL,
        {"objection": MigrationBlocker(True, "State blocked by non-migratable device")},
        "non-migratable",
    ),
    ("qemu_blockers", SKIP, {"objection": MigrationBlocker(False, "a job runs on it")}, "a job runs on it"),
    ("qemu_blockers", SKIP, {"objection": None}, "were not asked"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
