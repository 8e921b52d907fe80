# SPDX-License-Identifier: GPL-3.0-or-later
"""All readiness checks, in the order of the reference page: each is an entry in the ``CHECKS`` of its theme's file."""

from __future__ import annotations

from . import (
    convergence,
    cpu,
    devices,
    disk_settings,
    guest_network,
    identity,
    listening,
    machine,
    memory,
    network,
    ports,
    requested_pages,
    secrets,
    security,
    spare_memory,
    state,
    storage,
    versions,
)
from .check_types import Check

CHECKS: tuple[Check, ...] = (
    *identity.CHECKS,
    *state.CHECKS,
    *listening.CHECKS,
    *devices.CHECKS,
    *cpu.CHECKS,
    *machine.CHECKS,
    *memory.CHECKS,
    *spare_memory.CHECKS,
    *storage.CHECKS,
    *disk_settings.CHECKS,
    *secrets.CHECKS,
    *guest_network.CHECKS,
    *network.CHECKS,
    *ports.CHECKS,
    *versions.CHECKS,
    *security.CHECKS,
    *convergence.CHECKS,
    *requested_pages.CHECKS,
)
