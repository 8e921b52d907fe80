# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts and the guests of the first one, before and after each run."""

from __future__ import annotations

import contextlib
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from virtlab.errors import LabError
from virtlab.lab import Lab
from virtlab.migrate import Migration

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.events import Events

from .compared import DESTINATIONS, GUESTS, LINK_MBIT, SOURCE
from .kept import Passenger

_FAST_MBIT = 4000
_SETTLES_S = 3.0
_HOME_WITHIN_S = 240.0
_HOSTS = (SOURCE, *DESTINATIONS)

T = t.TypeVar("T")


class HarmedError(Exception):
    """A guest lost memory, or runs twice: the one thing that must never happen."""


class Yard:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.uuids = dict(self._each(lambda name: lab.guest_start(name, host=SOURCE, options=GUESTS[name]).uuid))

    def _each(self, work: t.Callable[[str], T]) -> list[tuple[str, T]]:
        with ThreadPoolExecutor(4) as pool:
            return list(zip(GUESTS, pool.map(work, GUESTS)))

    # --- before and after

    def calm(self) -> None:
        self._each(lambda name: self.lab.guest_load(name, pages_per_s=0, timeout_s=60))

    def ready(self) -> None:
        """Everybody works, over the link that is measured, and from now on everything counts."""
        for host in _HOSTS:
            self.lab.link_set(host, mbit=LINK_MBIT)
        self._each(lambda name: self.lab.guest_load(name, pages_per_s=GUESTS[name].pages_per_s, timeout_s=60))
        time.sleep(_SETTLES_S)
        self._each(self.lab.guest_mark)

    def home(self) -> None:
        self.calm()
        for host in _HOSTS:
            self.lab.link_set(host, mbit=_FAST_MBIT)
        self._each(self._bring)

    def _bring(self, name: str) -> None:
        deadline_s = time.monotonic() + _HOME_WITHIN_S
        while True:
            where = self._settled(name, deadline_s)
            if where == SOURCE:
                return
            moved = self.migrate(name, SOURCE, where, ("--undefinesource",))
            if moved.wait(_HOME_WITHIN_S) != 0 and time.monotonic() > deadline_s:
                raise LabError(f"{name} does not come home: {moved.output()}")

    def _settled(self, name: str, deadline_s: float) -> str:
        """The one host that it runs on, once no job holds it."""
        while time.monotonic() < deadline_s:
            running = self.running_on(name)
            if len(running) == 1:
                with contextlib.suppress(LabError):
                    if "None" in self.lab.virsh(running[0], "domjobinfo", self.uuids[name]).stdout:
                        return running[0]
            time.sleep(0.3)
        raise HarmedError(f"{name} runs on {self.running_on(name) or 'no host'}, or keeps its job")

    # --- what is done and seen

    def migrate(self, name: str, to: str, source: str = SOURCE, flags: t.Sequence[str] = ()) -> Migration:
        return self.lab.migrate(name, source=source, destination=to, flags=flags)

    def abort(self, name: str) -> None:
        self.lab.virsh(SOURCE, "domjobabort", self.uuids[name], check=False)

    def running_on(self, name: str) -> list[str]:
        return [host for host, state in self.lab.guest_states(name).items() if state.startswith("running")]

    def empty(self) -> bool:
        """As libvirt says: nothing runs on the host."""
        return not self.lab.virsh(SOURCE, "list", "--uuid").stdout.split()

    def wire_bytes(self) -> int:
        """What the source has sent over its migration link."""
        address = self.lab.host(SOURCE).migration_address
        devices = self.lab.execute(SOURCE, "ip", "-o", "-4", "addr", "show").stdout.splitlines()
        device = next(line.split()[1] for line in devices if f" {address}/" in line)
        return int(self.lab.execute(SOURCE, "cat", f"/sys/class/net/{device}/statistics/tx_bytes").stdout)

    @contextlib.contextmanager
    def heard(self) -> t.Iterator[Events]:
        """What the source's libvirt says of transfers that it has completed; afterwards it forgets them."""
        uri = f"qemu+tcp://{self.lab.host(SOURCE).mgmt_address}/system"
        with Connection(uri, events=True) as connection, Events(connection) as events:
            yield events

    def passengers(
        self, destinations: t.Mapping[str, str], messages: t.Mapping[str, str], events: Events
    ) -> tuple[Passenger, ...]:
        """What has become of each, from libvirt and from its inside."""
        found = self._each(
            lambda name: self._passenger(
                name, destinations[name], messages.get(name, ""), events.completion(self.uuids[name]) or {}
            )
        )
        return tuple(one for _name, one in found)

    def _passenger(self, name: str, destination: str, message: str, job: t.Mapping[str, t.Any]) -> Passenger:
        running = self.running_on(name)
        report = self.lab.guest_report(name, since_mark=True, ask_libvirt=False)
        check = self.lab.guest_verify(name, timeout_s=120)
        intact = check.ok and len(running) == 1 and report.split_brain_beats == 0 and report.bad_pages == 0
        moved = running == [destination]
        sent = int(job.get("memory_processed", 0))
        gap_ms = round(report.longest_gap_ms, 1)
        downtime_ms = job.get("downtime") if moved else None
        return Passenger(name, ",".join(running), moved, intact, downtime_ms, sent, gap_ms, message)
