# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the rules of a peer look after a real job: the same objects that the simulation runs."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection, libvirt
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.events import Events
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.limits import (
    set_bandwidth,
    set_max_downtime,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.sampling import glance
from ansible_collections.virtops.live_migration.tests.sim.driver import Strategy
from ansible_collections.virtops.live_migration.tests.sim.qemu import Start

from .start import Launch

_ENDS_WITHIN_S = 5.0


@dataclass
class Account:
    """What a strategy did, and what it said of the end. ``declined``: it started nothing."""

    by: str = ""
    actions: list[t.Mapping[str, t.Any]] = field(default_factory=list)
    expected_s: t.Optional[float] = None
    declined: bool = False
    message: str = ""
    record: t.Optional[t.Mapping[str, t.Any]] = None

    def note(self, sample: JobSample, action: Action, result: ActionResult) -> None:
        done = {"elapsed_ms": sample.elapsed_ms, "action": action.kind.value, "value": action.value}
        self.actions.append({**done, "reason": action.reason, "problem": result.problem})

    @property
    def aborted(self) -> bool:
        return any(each["action"] == Kind.ABORT.value for each in self.actions)


def drive(strategy: Strategy, start: Start, uri: str, destination_uri: str, uuid: str) -> Account:
    """Start a job for a strategy and do what it says, until the job has ended."""
    account = Account(by="rules")
    with Connection(uri, events=True) as connection, Events(connection) as events:
        guest = find_guest(connection, None, uuid)
        launch = Launch(guest, uri, destination_uri, start)
        results: list[ActionResult] = []
        next_poll_s = time.monotonic()
        while not launch.over:
            synced = _wait(events, uuid, min(next_poll_s - time.monotonic(), 1.0))
            due = time.monotonic() >= next_poll_s
            if not (due or (synced and strategy.events)):
                continue
            if due:
                next_poll_s = time.monotonic() + strategy.poll_s
            sample = _look(guest)
            if sample is None:
                # Not yet begun, or ended while the call has not come back.
                launch.join(0.02)
                continue
            actions = strategy.look(sample, synced and strategy.events, results)
            results = [_apply(guest, action) for action in actions if action.apply]
            for action, result in zip((each for each in actions if each.apply), results):
                account.note(sample, action, result)
        launch.join(_ENDS_WITHIN_S)
        account.message = str(launch.problem or "")
    return account


def _wait(events: Events, uuid: str, wait_s: float) -> bool:
    """Whether a bitmap sync of this guest came; syncs that piled up are one."""
    synced = False
    event = events.next(wait_s)
    while event is not None:
        synced = synced or event.uuid == uuid
        event = events.next(0.0)
    return synced


def _look(guest: Guest) -> t.Optional[JobSample]:
    try:
        sample = glance(guest)
    except (libvirt.libvirtError, MigrationError):  # the guest changes hosts at this moment
        return None
    return sample if sample is not None and sample.phase is not Phase.NONE else None


def _apply(guest: Guest, action: Action) -> ActionResult:
    value = int(action.value or 0)
    calls: dict[Kind, t.Callable[[], t.Any]] = {
        Kind.SET_DOWNTIME: lambda: set_max_downtime(guest, value),
        Kind.SET_BANDWIDTH: lambda: set_bandwidth(guest, value),
        Kind.START_POSTCOPY: guest.raw.migrateStartPostCopy,
        Kind.SUSPEND: guest.raw.suspend,
        Kind.ABORT: guest.raw.abortJob,
    }
    try:
        calls[action.kind]()
    except (libvirt.libvirtError, MigrationError) as exc:
        return ActionResult(action.kind, str(exc))
    return ActionResult(action.kind)
