# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of the tests of readiness checks: a check, made to pass, to warn and to fail for a cause of its own."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    GuestCpu,
    HostDevice,
    Nic,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import (
    Interface,
    PortOpening,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    PASS,
    SKIP,
    Check,
    Finding,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GUEST,
    ROLES,
    Setup,
    host,
    tls_file,
)

BY_ID = {check.id: check for check in CHECKS}
PCI = HostDevice("pci", "0000:af:00.0")
BRIDGE = Nic("52:54:00:00:00:01", "bridge", bridge="br0")
ON_BLUE = Nic("52:54:00:00:00:01", "network", network="blue", portgroup="web")
PROFILE = host(2).cpu.profiles[0]
PASSTHROUGH = GuestCpu("host-passthrough")


def find(check: Check, setup: Setup) -> Finding:
    if check.of_hosts is not None:
        return check.of_hosts(setup.pair)
    assert check.of_guest is not None
    return check.of_guest(setup.case)


def interfaces(**mtu: int) -> list[Interface]:
    return [Interface(name, "bridge", mtu=value) for name, value in mtu.items()]


def certificates(**changes: t.Any) -> list[t.Any]:
    return [tls_file(role, "10.231.1.12", **(changes if role == "server" else {})) for role in ROLES]


def domains(**changes: t.Any) -> list[t.Any]:
    return [replace(GUEST, **changes)]


def opened(verdict: str) -> list[PortOpening]:
    return [PortOpening("migration", 49152, 49215, verdict, "the reason")]


TLS = {"intent.tls": True}
NAMED = {"destination.hostname": "kvm02.example.org"}
COPY = {"intent.copy_storage": "all"}
NO_LOCKS = {f"{side}.daemon.qemu_settings": {} for side in ("source", "destination")}
UNASKED = {"cpu": None}
NEVER = {"intent.policy": Policy(postcopy="never")}

# Check, status, what is changed on the healthy hosts of ``pairs``, and a word of the summary.
Row = tuple[str, str, dict[str, t.Any], str]


def ids(row: t.Any) -> str:
    return f"{row[0]}-{row[1]}"


def see(row: Row) -> None:
    """Fails where the check does not find what its row says."""
    name, status, changes, says = row
    finding = find(BY_ID[name], Setup().but(changes))
    assert finding.status == status, finding.summary
    assert says in finding.summary, finding.summary
    assert finding.summary.endswith((".", ")"))
    assert bool(finding.remedy) or status in (PASS, SKIP)
