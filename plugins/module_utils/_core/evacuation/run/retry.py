# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed transfer of an evacuation calls for: another attempt, another destination, or nothing more."""

from __future__ import annotations

import enum

TRY_AGAIN_AFTER_S = (5.0, 15.0, 45.0)


class RetryDecision(enum.Enum):
    AGAIN = "again"
    OTHER_DESTINATION = "other_destination"
    GIVE_UP = "give_up"
    STOP_ALL = "stop_all"


# The destination is away or has no room: its other guests will fare no better.
DESTINATION_SICK = frozenset(
    (
        "CONNECTION_FAILED",
        "DESTINATION_MEMORY",
        "HOSTNAME_LOCALHOST",
        "NAME_NOT_RESOLVED",
        "PORT_UNAVAILABLE",
        "SSH_FAILED",
        "TLS_FAILED",
        "TLS_REQUIRED",
    )
)
# The destination does not fit this guest; others may fit.
_DOES_NOT_FIT = frozenset(
    (
        "CPU_INCOMPATIBLE",
        "DEFINITION_INVALID",
        "DEFINITION_MISMATCH",
        "DESTINATION_FULL",
        "DEVICE_MISSING",
        "EMULATOR_MISSING",
        "FIRMWARE_MISSING",
        "GUEST_EXISTS",
        "HOOK_FAILED",
        "HOST_SETUP",
        "INCOMPATIBLE",
        "MACHINE_TYPE_MISSING",
        "NETWORK_MISSING",
        "PERSIST_FAILED",
        "STORAGE_FULL",
        "STORAGE_LOCKED",
        "STORAGE_MISMATCH",
        "STORAGE_MISSING",
        "TSC_MISMATCH",
    )
)
# What may be otherwise in a moment. Another attempt at a broken post-copy joins it, and touches neither half.
_PASSES = frozenset(
    (
        "ALREADY_MEASURING",
        "ALREADY_MIGRATING",
        "CONNECTION_LOST",
        "ENDED_BY_RESTART",
        "INCOMING",
        "JOB_ELSEWHERE",
        "JOB_RUNNING",
        "LIBVIRT_ERROR",
        "MIGRATION_FAILED",
        "MONITOR_HUNG",
        "NOT_NOW",
        "OPERATION_FAILED",
        "OTHER_JOB",
        "POSTCOPY_BROKEN",
        "POSTCOPY_SILENT",
        "QEMU_DIED",
        "SYSTEM_ERROR",
    )
)
_ALARMS = frozenset(("SPLIT_BRAIN",))


def decide_retry(reason: str) -> RetryDecision:
    """By the reason code of a :class:`MigrationError`; what is not known is not tried again."""
    if reason in _ALARMS:
        return RetryDecision.STOP_ALL
    if reason in DESTINATION_SICK or reason in _DOES_NOT_FIT:
        return RetryDecision.OTHER_DESTINATION
    return RetryDecision.AGAIN if reason in _PASSES else RetryDecision.GIVE_UP


def infrastructure(reason: str) -> bool:
    """Whether it says something about hosts and network, and not about the one guest."""
    return reason in DESTINATION_SICK or reason in _PASSES - {"INCOMING", "JOB_ELSEWHERE", "JOB_RUNNING", "OTHER_JOB"}


def back_off_s(attempts: int) -> float:
    """How long to wait after so many attempts."""
    return TRY_AGAIN_AFTER_S[min(max(attempts, 1), len(TRY_AGAIN_AFTER_S)) - 1]
