# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a migration from beside, whoever runs it: when it began and ended, what libvirt says of it; and cuts it."""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection, libvirt
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.events import Events
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.end import ended
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.sampling import glance

_LOOK_EVERY_S = 0.25
_CUT_AGAIN_S = 5.0
_GIVE_UP_AFTER_CUT_S = 240.0


class BrokenRunError(Exception):
    """The run tells nothing about the strategy; the guest is to be replaced."""


@dataclass
class Seen:
    """``began_s`` and ``ended_s`` are of this machine's monotonic clock; None: no job was seen."""

    began_s: t.Optional[float] = None
    ended_s: float = 0.0
    cut: bool = False
    split_s: float = 0.0
    max_throttle_percent: int = 0
    last: t.Optional[JobSample] = None
    final: t.Optional[JobSample] = None
    looks: list[tuple[float, int]] = field(default_factory=list)

    def take(self, sample: JobSample) -> None:
        if self.began_s is None:
            self.began_s = sample.at_s - sample.elapsed_ms / 1000
        if self.last and Phase.POSTCOPY in (self.last.phase, sample.phase):
            self.split_s += sample.at_s - self.last.at_s
        if sample.phase is Phase.PRECOPY:
            self.looks.append((sample.at_s, sample.memory.processed_bytes))
        self.max_throttle_percent = max(self.max_throttle_percent, sample.throttle_percent)
        self.last, self.ended_s = sample, sample.at_s

    def end(self, final: JobSample) -> None:
        self.final = final
        now_s = time.monotonic()
        if final.phase is Phase.COMPLETED and final.elapsed_ms:
            # By libvirt's own account; the look that found the job gone came later.
            now_s = (self.began_s or 0.0) + final.elapsed_ms / 1000
        if self.last and self.last.phase is Phase.POSTCOPY:
            self.split_s += max(0.0, now_s - self.ended_s)
        self.ended_s = now_s


def watch(uri: str, uuid: str, busy: t.Callable[[], bool], cut_s: float) -> Seen:
    """Until ``busy`` is over and no job runs; a job older than ``cut_s`` is aborted, unless it is in post-copy."""
    seen = Seen()
    with Connection(uri, events=True) as connection, Events(connection) as events:
        guest = find_guest(connection, None, uuid)
        cut_at_s = 0.0
        while True:
            sample = _look(guest)
            if sample is None:
                if seen.last is not None and seen.final is None:
                    seen.end(_end(guest, events))
                if not busy():
                    return seen
            else:
                seen.take(sample)
                seen.final = None
                cut_at_s = _cut(guest, sample, seen, cut_s, cut_at_s)
            time.sleep(_LOOK_EVERY_S)


def _look(guest: Guest) -> t.Optional[JobSample]:
    try:
        return glance(guest)
    except libvirt.libvirtError:
        return None


def _end(guest: Guest, events: Events) -> JobSample:
    try:
        return ended(guest, events)
    except (libvirt.libvirtError, MigrationError) as exc:
        raise BrokenRunError(f"the end of the job is not known: {exc}") from exc


def _cut(guest: Guest, sample: JobSample, seen: Seen, cut_s: float, cut_at_s: float) -> float:
    """When the last abort was asked for. In post-copy both hosts hold a part of the guest, so it is waited for."""
    age_s = sample.at_s - (seen.began_s or sample.at_s)
    if age_s <= cut_s:
        return cut_at_s
    seen.cut = True
    if age_s > cut_s + _GIVE_UP_AFTER_CUT_S:
        raise BrokenRunError(f"the job has not ended {age_s:.0f} s after its start")
    if sample.phase in (Phase.POSTCOPY, Phase.POSTCOPY_FAILED) or sample.at_s - cut_at_s < _CUT_AGAIN_S:
        return cut_at_s
    with contextlib.suppress(libvirt.libvirtError):  # it may have ended just now; the next look tells
        guest.raw.abortJob()
    return sample.at_s
