# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Calls that must not hang: a stopped QEMU never answers its monitor, and libvirt waits for it without end."""

from __future__ import annotations

import threading
import typing as t

from .._core.errors import MigrationError

T = t.TypeVar("T")

CALL_LIMIT_S = 20.0


def within(call: t.Callable[[], T], doing: str, limit_s: float = CALL_LIMIT_S) -> T:
    """The result of ``call``, or MONITOR_HUNG after ``limit_s``; the call itself cannot be taken back."""
    outcome: dict[str, t.Any] = {}

    def run() -> None:
        try:
            outcome["value"] = call()
        except BaseException as exc:
            outcome["error"] = exc

    thread = threading.Thread(target=run, name="libvirt-call", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise MigrationError(
            "MONITOR_HUNG",
            f"libvirt did not answer for {limit_s:g} s while {doing}.",
            state="QEMU or its host is stopped or overloaded; the request may still take effect when it wakes up.",
            remedy="Look at the QEMU process on this host (stopped? storage gone?) and at the daemon's log, then look"
            " at the job again before the next step.",
        )
    if "error" in outcome:
        raise outcome["error"]
    return t.cast(T, outcome["value"])
