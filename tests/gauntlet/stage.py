# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts and the guests of the gauntlet; each goes back and forth, and all but one are stopped meanwhile."""

from __future__ import annotations

import contextlib
import time
import typing as t

from virtlab.errors import LabError
from virtlab.guest import GuestOptions
from virtlab.lab import Lab
from virtlab.record import record_path

from .heartbeat import Pulse, Rhythm, beats, pulse, work_began_ms
from .watch import BrokenRunError

LINK_MBIT = 400
UNSENT_KIB = 128  # what the kernel may have waiting to be sent, so that pages that are asked for wait less
_BEAT_WITHIN_S = 20.0
_BEFORE_S = 2.0
_LEAST_BUSY_S = 1.0
_SETTLES_WITHIN_S = 60.0


class Actor:
    """One guest, and where it is."""

    def __init__(self, lab: Lab, workload: str, options: GuestOptions) -> None:
        self.lab, self.workload, self.options = lab, workload, options
        self.source, self.destination = "kvm01", "kvm02"
        self.name = "gauntlet-" + workload.replace(" ", "-")
        self.uuid = lab.guest_start(self.name, host=self.source, options=options).uuid
        self.wait_for_beat(time.monotonic())
        self.rhythm = Rhythm(options, work_began_ms(self.record))
        self._rate_before = 0.0

    @property
    def record(self) -> t.Any:
        return record_path(self.lab.state, self.uuid)

    def size(self) -> int:
        return int(self.record.stat().st_size)

    def uri(self, host: str) -> str:
        """As this machine reaches it."""
        return f"qemu+tcp://{self.lab.host(host).mgmt_address}/system"

    @property
    def destination_uri(self) -> str:
        """As the source reaches it."""
        return f"qemu+tcp://{self.destination}/system"

    def pause(self) -> None:
        self.lab.virsh(self.source, "suspend", self.uuid)

    def resume(self) -> None:
        self.lab.virsh(self.source, "resume", self.uuid)
        self.wait_for_beat(time.monotonic())

    def wait_for_beat(self, after_s: float) -> None:
        """Until a heartbeat has come that is younger than this."""
        deadline_s = time.monotonic() + _BEAT_WITHIN_S
        offset = max(0, self.size() - 4096)
        while not any(each.stamp_us > after_s * 1e6 for each in beats(self.record, offset)):
            if time.monotonic() > deadline_s:
                raise BrokenRunError(f"no heartbeat of {self.name} within {_BEAT_WITHIN_S:g} s")
            time.sleep(0.02)

    def rate_before(self) -> float:
        """Pages/s that it rewrites in peace; of one that is calm just now, what was measured when it was busy."""
        offset, began_us = max(0, self.size() - 4096), time.monotonic_ns() // 1000
        time.sleep(_BEFORE_S)
        found = self.pulse(offset, began_us, time.monotonic_ns() // 1000)
        if found.busy_s >= _LEAST_BUSY_S:
            self._rate_before = found.rate_pages_per_s
        return self._rate_before

    def pulse(self, offset: int, from_us: int, to_us: int) -> Pulse:
        return pulse(beats(self.record, offset), self.rhythm, from_us, to_us)

    def wait_for_phase(self, share: float) -> None:
        """Until so much of its period is over; at once for a guest that always does the same."""
        if not self.rhythm.period_ms:
            return
        last = beats(self.record, max(0, self.size() - 4096))[-1]
        age_ms = (time.monotonic_ns() // 1000 - last.stamp_us) / 1000
        ahead_ms = share * self.rhythm.period_ms - self.rhythm.phase_ms(last.guest_ms) - age_ms
        time.sleep(ahead_ms % self.rhythm.period_ms / 1000)

    def settle(self) -> list[str]:
        """Wait until no job holds it, and note where it is now; the hosts on which it runs."""
        deadline_s = time.monotonic() + _SETTLES_WITHIN_S
        while True:
            states = self.lab.guest_states(self.uuid)
            alive = [host for host, state in states.items() if not state.startswith("shut off")]
            running = [host for host in alive if states[host].startswith("running")]
            if len(alive) == 1 and running == alive and not self._has_job(alive[0]):
                break
            if time.monotonic() > deadline_s:
                return running
            time.sleep(0.2)
        if running[0] != self.source:
            self.source, self.destination = self.destination, self.source
        return running

    def _has_job(self, host: str) -> bool:
        return "None" not in self.lab.virsh(host, "domjobinfo", self.uuid, check=False).stdout

    def end(self) -> None:
        with contextlib.suppress(LabError):
            self.lab.guest_stop(self.uuid)


class Stage:
    """Starts guests when they are first needed; only one at a time has the machine."""

    def __init__(self, lab: Lab, options: t.Mapping[str, GuestOptions]) -> None:
        self.lab, self.options = lab, options
        self._actors: dict[str, Actor] = {}
        self._playing: t.Optional[Actor] = None

    def enter(self, workload: str) -> tuple[Actor, bool]:
        """The guest, ready, and whether it is a new one."""
        if self._playing and self._playing.workload == workload:
            return self._playing, False
        if self._playing:
            self._playing.pause()
            self._playing = None
        actor = self._actors.get(workload)
        new = actor is None
        if actor is None:
            actor = self._actors[workload] = Actor(self.lab, workload, self.options[workload])
        else:
            actor.resume()
        self._playing = actor
        return actor, new

    def discard(self, actor: Actor) -> None:
        """End a guest that may be broken; the next one of its kind is new."""
        actor.end()
        self._actors.pop(actor.workload, None)
        if self._playing is actor:
            self._playing = None

    def clear(self) -> None:
        for actor in list(self._actors.values()):
            self.discard(actor)
