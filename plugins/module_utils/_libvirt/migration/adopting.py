# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What is known of a job that somebody else has started."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._core.forecast.plan import Plan, adopted_plan
from ..._host.status_file import start_flags
from ..connection import Connection
from ..guest import Guest
from ..job.postcopy import host_devices


def plan_of_running(connection: Connection, guest: Guest, bandwidth_mib_per_s: t.Optional[int]) -> Plan:
    """``bandwidth_mib_per_s``: what its limit may be raised to (0: no limit; None: it is left alone)."""
    flags = start_flags(guest.name, guest.uuid) if connection.local else None
    postcopy, auto_converge = (flags.postcopy, flags.auto_converge) if flags else (None, None)
    plan = adopted_plan(postcopy, auto_converge, host_devices=host_devices(guest))
    return replace(plan, bandwidth_mib_per_s=bandwidth_mib_per_s)
