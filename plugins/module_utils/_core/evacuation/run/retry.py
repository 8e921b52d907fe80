# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed transfer of an evacuation calls for: another attempt, another destination, or nothing more."""

from __future__ import annotations

import enum

TRY_AGAIN_AFTER_S = (5.0, 15.0, 45.0)  # a choice: longer each time, a minute in all


class RetryDecision(enum.Enum):
    """``AGAIN``: later, to the same destination; ``STOP_ALL``: no guest more is begun."""

    AGAIN = "again"
    OTHER_DESTINATION = "other_destination"
    GIVE_UP = "give_up"
    STOP_ALL = "stop_all"


class _Kind(enum.Enum):
    """What a reason speaks of."""

    ALARM = "alarm"  # something is wrong that nobody may make worse
    DESTINATION = "destination"  # it is away or has no room: its other guests will fare no better
    CORDONED = "cordoned"  # it is to take nobody, as somebody decided; its other guests fare no better
    FIT = "fit"  # the destination does not fit this guest; others may fit
    GUEST_HELD = "guest held"  # by other work on it, which ends
    TRANSIENT = "transient"  # of hosts and network, and may be otherwise in a moment


# Every reason that calls for more than giving the guest up. Another attempt looks first where the guest is, adopts what
# moves, and at a broken post-copy joins it and touches neither half; so it can be made after whatever is not known.
_KINDS: dict[str, _Kind] = {
    "SPLIT_BRAIN": _Kind.ALARM,
    # the destination
    "CONNECTION_FAILED": _Kind.DESTINATION,
    "DESTINATION_CORDONED": _Kind.CORDONED,
    "DESTINATION_MEMORY": _Kind.DESTINATION,
    "HOSTNAME_LOCALHOST": _Kind.DESTINATION,
    "NAME_NOT_RESOLVED": _Kind.DESTINATION,
    "PORT_UNAVAILABLE": _Kind.DESTINATION,
    "SSH_FAILED": _Kind.DESTINATION,
    "TLS_FAILED": _Kind.DESTINATION,
    "TLS_REQUIRED": _Kind.DESTINATION,
    # the destination and this guest
    "CPU_INCOMPATIBLE": _Kind.FIT,
    "DEFINITION_INVALID": _Kind.FIT,
    "DEFINITION_MISMATCH": _Kind.FIT,
    "DESTINATION_FULL": _Kind.FIT,
    "DEVICE_MISSING": _Kind.FIT,
    "EMULATOR_MISSING": _Kind.FIT,
    "FIRMWARE_MISSING": _Kind.FIT,
    "GUEST_EXISTS": _Kind.FIT,
    "HOOK_FAILED": _Kind.FIT,
    "HOST_SETUP": _Kind.FIT,
    "INCOMPATIBLE": _Kind.FIT,
    "MACHINE_TYPE_MISSING": _Kind.FIT,
    "NETWORK_MISSING": _Kind.FIT,
    "PERSIST_FAILED": _Kind.FIT,
    "STORAGE_FULL": _Kind.FIT,
    "STORAGE_LOCKED": _Kind.FIT,
    "STORAGE_MISMATCH": _Kind.FIT,
    "STORAGE_MISSING": _Kind.FIT,
    "TSC_MISMATCH": _Kind.FIT,
    # other work on the guest: a backup, a snapshot, a measurement, a migration by somebody else
    "ALREADY_MEASURING": _Kind.GUEST_HELD,
    "ALREADY_MIGRATING": _Kind.GUEST_HELD,
    "BUSY": _Kind.GUEST_HELD,
    "INCOMING": _Kind.GUEST_HELD,
    "JOB_ELSEWHERE": _Kind.GUEST_HELD,
    "JOB_RUNNING": _Kind.GUEST_HELD,
    "NOT_NOW": _Kind.GUEST_HELD,
    "OTHER_JOB": _Kind.GUEST_HELD,
    "STILL_RESUMING": _Kind.GUEST_HELD,
    # hosts and network
    "ABORT_UNVERIFIED": _Kind.TRANSIENT,
    "CONNECTION_LOST": _Kind.TRANSIENT,
    "ENDED_BY_RESTART": _Kind.TRANSIENT,
    "LEFT_SMALL": _Kind.TRANSIENT,  # it has moved; the next attempt gives it its memory back
    "LIBVIRT_ERROR": _Kind.TRANSIENT,
    "MIGRATION_FAILED": _Kind.TRANSIENT,
    "MONITOR_HUNG": _Kind.TRANSIENT,
    "OPERATION_FAILED": _Kind.TRANSIENT,
    "POSTCOPY_BROKEN": _Kind.TRANSIENT,
    "POSTCOPY_SILENT": _Kind.TRANSIENT,
    "QEMU_DIED": _Kind.TRANSIENT,
    "STREAM_BROKEN": _Kind.TRANSIENT,  # by the network, or by an abort, which QEMU often tells in the same words
    "SYSTEM_ERROR": _Kind.TRANSIENT,
}
_DECISIONS = {
    _Kind.ALARM: RetryDecision.STOP_ALL,
    _Kind.DESTINATION: RetryDecision.OTHER_DESTINATION,
    _Kind.CORDONED: RetryDecision.OTHER_DESTINATION,
    _Kind.FIT: RetryDecision.OTHER_DESTINATION,
    _Kind.GUEST_HELD: RetryDecision.AGAIN,
    _Kind.TRANSIENT: RetryDecision.AGAIN,
}
DESTINATION_FAILED = frozenset(reason for reason, kind in _KINDS.items() if kind in (_Kind.DESTINATION, _Kind.CORDONED))
WROTE_TOO_FAST = frozenset(("GIVEN_UP", "NO_WAY"))  # the guest wrote too fast for its policy; it may be calmer later


def decide_retry(reason: str) -> RetryDecision:
    """By the reason code of a :class:`MigrationError`; what is not known is not tried again."""
    kind = _KINDS.get(reason)
    return RetryDecision.GIVE_UP if kind is None else _DECISIONS[kind]


def calls_for_another(reason: str) -> bool:
    """Whether the guest may fare better at another destination."""
    return decide_retry(reason) is RetryDecision.OTHER_DESTINATION


def infrastructure(reason: str) -> bool:
    """Whether it says something about hosts and network, and not about the one guest."""
    return _KINDS.get(reason) in (_Kind.DESTINATION, _Kind.TRANSIENT)


def back_off_s(attempts: int) -> float:
    """How many seconds to wait after so many attempts (1 or more)."""
    return TRY_AGAIN_AFTER_S[min(max(attempts, 1), len(TRY_AGAIN_AFTER_S)) - 1]
