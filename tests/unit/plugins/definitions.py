# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions of guests, from the XML to what a readiness check finds between the two healthy hosts of ``pairs``."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import HugePages
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import (
    parse_domain,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    Finding,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GIB, MIB, Setup

BY_ID = {check.id: check for check in CHECKS}
HUGE = [HugePages(0, GIB, 2, 2), HugePages(0, 2 * MIB, 4096, 4096), HugePages(1, 2 * MIB, 0, 0)]


def guest(devices: str = "", parts: str = "", os_parts: str = "", cpu: str = "") -> GuestDocument:
    xml = f"""
<domain type='kvm' id='3'>
  <name>erp01</name><uuid>1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11</uuid>
  <memory unit='KiB'>8388608</memory><currentMemory unit='KiB'>8388608</currentMemory>
  <vcpu placement='static'>4</vcpu>{parts}
  <os><type arch='x86_64' machine='pc-q35-9.0'>hvm</type>{os_parts}</os>
  <cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Skylake-Server</model>{cpu}</cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices>
</domain>"""
    return replace(parse_domain(xml), state="running", state_reason="booted", snapshots=0, checkpoints=0, job="")


SRV = "<source file='/srv/nfs/a.qcow2'>{0}</source>"


def disk(inside: str, after: str = "", driver: str = "qcow2") -> str:
    """With an image on what both hosts have."""
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='{driver}' cache='none'/>{SRV.format(inside)}{after}"
        "<target dev='vda' bus='virtio'/></disk>"
    )


def find(check: str, domain: GuestDocument, changes: t.Mapping[str, t.Any] | None = None) -> Finding:
    found = BY_ID[check].of_guest
    assert found is not None
    return found(Setup().but({"domain": domain, **(changes or {})}).case)


def nic(kind: str, source: str, more: str = "") -> str:
    return f"<interface type='{kind}'><mac address='52:54:00:00:00:01'/>{source}{more}</interface>"


def console(listen: str, kind: str = "vnc") -> str:
    return f"<graphics type='{kind}' port='5900' autoport='yes'>{listen}</graphics>"


def at(address: str) -> str:
    return console(f"<listen type='address' address='{address}'/>")
