# SPDX-License-Identifier: GPL-3.0-or-later
"""virDomainState and its reason: the only sign of some phases of a migration, and what an operator is told."""

from __future__ import annotations

import typing as t


class DomainState(t.NamedTuple):
    """virDomainState and its reason, as ``virDomain.state()`` returns them."""

    state: int
    reason: int

    @property
    def running(self) -> bool:
        return self.state == STATE_RUNNING

    @property
    def paused_for_migration(self) -> bool:
        return self.state == STATE_PAUSED and self.reason == _PAUSED_MIGRATION

    @property
    def moved_away(self) -> bool:
        return self.state == STATE_SHUTOFF and self.reason == _SHUTOFF_MIGRATED

    @property
    def in_postcopy(self) -> bool:
        return (self.state, self.reason) in (
            (STATE_PAUSED, _PAUSED_POSTCOPY),
            (STATE_RUNNING, _RUNNING_POSTCOPY),
        )

    @property
    def postcopy_failed(self) -> bool:
        return (self.state, self.reason) in (
            (STATE_PAUSED, _PAUSED_POSTCOPY_FAILED),
            (STATE_RUNNING, _RUNNING_POSTCOPY_FAILED),
        )

    @property
    def ended_orderly(self) -> bool:
        """Shut down by the guest itself, so that nothing of what it did is lost."""
        return self.state == STATE_SHUTOFF and self.reason == _SHUTOFF_SHUTDOWN

    @property
    def active(self) -> bool:
        """Whether there is a QEMU process for it, running or not."""
        return self.state not in (STATE_NONE, STATE_SHUTOFF)

    @property
    def arriving(self) -> bool:
        """On the destination of a migration in pre-copy; on the source the same state is that of the switch-over."""
        return self.state == STATE_PAUSED and self.reason in (_PAUSED_MIGRATION, _PAUSED_STARTING)

    @property
    def held_by_migration(self) -> bool:
        """Stopped by a migration; whoever does not know what became of that must not touch it."""
        return self.paused_for_migration or self.in_postcopy or self.postcopy_failed

    @property
    def state_text(self) -> str:
        return f"{self.name} ({self.reason_name})"

    @property
    def name(self) -> str:
        return _STATE_NAMES.get(self.state, "unknown")

    @property
    def reason_name(self) -> str:
        return _REASON_NAMES.get(self.state, {}).get(self.reason, "other")


STATE_NONE = 0
STATE_RUNNING = 1
STATE_PAUSED = 3
STATE_SHUTOFF = 5

_PAUSED_MIGRATION = 2
_SHUTOFF_SHUTDOWN = 1
_SHUTOFF_MIGRATED = 4
_PAUSED_STARTING = 11
_PAUSED_POSTCOPY = 12
_PAUSED_POSTCOPY_FAILED = 13
_RUNNING_POSTCOPY = 10
_RUNNING_POSTCOPY_FAILED = 11

_STATE_NAMES = {
    0: "no state",
    1: "running",
    2: "blocked",
    3: "paused",
    4: "shutting down",
    5: "shut off",
    6: "crashed",
    7: "suspended by the guest",
}
_REASON_NAMES = {
    1: {
        1: "booted",
        2: "migrated",
        3: "restored",
        4: "from snapshot",
        5: "unpaused",
        6: "migration cancelled",
        7: "save cancelled",
        8: "woken up",
        9: "crashed",
        10: "post-copy",
        11: "post-copy failed",
    },
    3: {
        1: "by the user",
        2: "migration",
        3: "save",
        4: "dump",
        5: "I/O error",
        6: "watchdog",
        7: "from snapshot",
        8: "guest shutdown",
        9: "snapshot",
        10: "crashed",
        11: "starting up",
        12: "post-copy",
        13: "post-copy failed",
        14: "API error",
    },
    5: {
        1: "shut down",
        2: "destroyed",
        3: "crashed",
        4: "migrated",
        5: "saved",
        6: "failed",
        7: "from snapshot",
        8: "by the daemon",
    },
}
