# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks, and what the two hosts have mounted where they are."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Filesystem
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Disk
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    Finding,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup

REACHABLE = next(check for check in CHECKS if check.id == "disks_reachable")


Mounted = tuple[str, str, str]  # mount point, source, type


PATH = "/srv/vm/erp01.qcow2"


def find(setup: Setup) -> Finding:
    assert REACHABLE.of_guest is not None
    return REACHABLE.of_guest(setup.case)


def filesystem(mounted: Mounted, **more: t.Any) -> Filesystem:
    return Filesystem(*mounted, **more)


def setup(here: Mounted, there: Mounted | None, path: str = PATH, **changes: t.Any) -> Setup:
    point, source, fs_type = here
    disk = Disk("vda", type="file", source=path, fs_type=fs_type, mount_point=point, mount_source=source)
    found: dict[str, t.Any] = {
        "domain.disks": [disk],
        "source.storage.filesystems": [filesystem(here)],
        "destination.storage.filesystems": [filesystem(there)] if there else [],
    }
    return Setup().but({**found, **{name.replace("__", "."): value for name, value in changes.items()}})


def vm(source: str, fs_type: str, point: str = "/srv/vm") -> Mounted:
    return (point, source, fs_type)


def network(protocol: str, *hosts: str) -> str:
    return (
        f"<disk type='network'><source protocol='{protocol}' name='erp'>{''.join(f'<host {one}/>' for one in hosts)}"
        "</source><target dev='vda'/></disk>"
    )
