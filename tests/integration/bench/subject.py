# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest under test: it is migrated back and forth, and its memory is checked after every test."""

from __future__ import annotations

import contextlib
import time
import typing as t

from virtlab.errors import LabError
from virtlab.guest import GuestOptions
from virtlab.lab import Lab
from virtlab.migrate import Migration

from .lab_versions import resume_crashes
from .resumed_by_qemu import resumed_by_qemu
from .runs import Running

LINK_MBIT = 400
# Of each wait: many times what it takes, since three labs may share a processor that is a third as fast.
LIMIT_S = 240.0
DEFAULT_DOWNTIME_MS = 300
UNLIMITED_MIB_PER_S = 8_796_093_022_207
RECOVERY_PAUSE_S = 2.0
HEARTBEATS_THERE = 20  # one second's

T = t.TypeVar("T")


def wait_for(look: t.Callable[[], T], what: str, timeout_s: float = LIMIT_S) -> T:
    """What `look` returns, once that is true."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := look()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.1)
    return found


class Subject:
    """One guest of the lab, the host it is on, and the other one."""

    def __init__(self, lab: Lab, name: str, options: GuestOptions) -> None:
        self.lab = lab
        self.name = name
        self.options = options
        self.source, self.destination = "kvm01", "kvm02"
        self.uuid = ""
        self.pages_per_s = options.pages_per_s

    def start(self) -> None:
        self.source, self.destination = "kvm01", "kvm02"
        self.pages_per_s = self.options.pages_per_s
        self.uuid = self.lab.guest_start(self.name, host=self.source, options=self.options).uuid

    def stop(self) -> None:
        if self.uuid:
            for host in (self.source, self.destination):
                with contextlib.suppress(LabError):
                    self.lab.cont_qemu(self.uuid, host=host)
            self.lab.guest_stop(self.uuid)
        self.uuid = ""

    def load(self, pages_per_s: int) -> None:
        """Let it rewrite so many pages a second, until the end of the test."""
        if pages_per_s != self.pages_per_s:
            self.lab.guest_load(self.uuid, pages_per_s=pages_per_s, timeout_s=LIMIT_S)
        self.pages_per_s = pages_per_s

    def virsh(self, command: str, *arguments: str, host: str = "", check: bool = True) -> str:
        """Run virsh on this guest, and return what it prints."""
        return self.lab.virsh(host or self.source, command, self.uuid, *arguments, check=check).stdout.strip()

    def state(self, host: str = "") -> str:
        """State and reason, empty where the guest is unknown."""
        return self.lab.guest_states(self.uuid).get(host or self.source, "")

    def job(self) -> dict[str, int]:
        """The statistics of the job on the source; empty when none runs."""
        return self._job_statistics(self.source)

    def completed_job(self, host: str) -> dict[str, int]:
        """Those of its last job there, which are forgotten by being read."""
        return self._job_statistics(host, "--completed")

    def _job_statistics(self, host: str, *flags: str) -> dict[str, int]:
        done = self.lab.virsh(host, "domjobinfo", self.uuid, *flags, "--rawstats", check=False)
        pairs = [line.split(":", 1) for line in done.stdout.splitlines() if ":" in line]
        found = {key.strip(): int(value) for key, value in pairs if value.strip().isdigit()}
        return found if "operation" in found else {}

    def memory_statistics(self) -> dict[str, int]:
        """Those of its balloon and its process, in KiB."""
        pairs = [line.split() for line in self.virsh("dommemstat").splitlines() if line.strip()]
        return {name: int(value) for name, value in pairs}

    def clients(self) -> int:
        """Connections to the daemon of the source over its own socket, which modules that run there use."""
        lines = self.lab.execute(self.source, "ss", "-Hxn", "state", "connected").stdout.splitlines()
        return sum("/libvirt-sock " in line for line in lines)

    def has_client(self, running: Running, before: int) -> None:
        """Wait until a module of this play has connected to the source; ``before``: how many clients it had then."""

        def connected() -> bool:
            assert running.process.poll() is None, running.said()
            return self.clients() > before

        wait_for(connected, "the module to be connected")

    def in_pass(self, number: int) -> None:
        """Wait until the memory is being sent for this time, or a later one."""
        wait_for(lambda: self.job().get("memory_iteration", 0) >= number, f"pass {number}")

    def migrate(self, *flags: str) -> Migration:
        """Start to migrate it; returns when its memory is being sent."""
        started = self.lab.migrate(self.uuid, source=self.source, destination=self.destination, flags=flags)

        def sending() -> bool:
            assert started.exit_code() in (None, 0), started.output()
            return started.exit_code() == 0 or self.job().get("memory_processed", 0) > 0

        wait_for(sending, "the memory to be sent")
        return started

    def arrives(self, migration: Migration) -> None:
        """Wait for the end of a migration that must succeed; the guest's two hosts change places."""
        assert migration.wait(LIMIT_S) == 0, migration.output()
        self.has_moved()

    def has_moved(self) -> None:
        """The guest's two hosts change places."""
        self.source, self.destination = self.destination, self.source
        assert self.state() == "running (migrated)"
        assert "running" not in self.state(self.destination)

    def switch_to_postcopy(self, mib_per_s: int) -> None:
        """Switch, and return when it works on the destination; the rest is fetched at this rate.

        It rewrites nothing from then on: pages that it waits for are sent beside the limit, and QEMU 10 sends them so
        fast that nothing is left. Broken any earlier, a QEMU 7.2 without KVM may wait for a page of the kernel for
        ever, and take no order.
        """
        self.in_pass(2)
        self.virsh("migrate-setspeed", str(mib_per_s), "--postcopy")
        self.lab.guest_mark(self.uuid)
        self.virsh("migrate-postcopy")

        def beats_there(at_least: int) -> bool:
            report = self.lab.guest_report(self.uuid, since_mark=True, ask_libvirt=False)
            return report.last_heartbeat_host == self.destination and report.heartbeats >= at_least

        wait_for(lambda: beats_there(1), "a heartbeat on the destination")
        self.load(0)
        self.lab.guest_mark(self.uuid)
        wait_for(lambda: beats_there(HEARTBEATS_THERE), "the guest's kernel on the destination")

    def recover(self) -> None:
        """Bring a broken post-copy back as an administrator would: repeat the call until the halves are joined."""
        if resume_crashes(self.lab, self.destination):
            resumed_by_qemu(self.lab, self.name, self.source, self.destination)
            wait_for(lambda: self.state(self.destination) == "running (migrated)", "the halves to be joined")
            self.has_moved()
            return
        refused: list[str] = []
        deadline_s = time.monotonic() + LIMIT_S
        while self.state(self.destination) != "running (migrated)":
            assert time.monotonic() < deadline_s, refused
            resumed = self.lab.migrate(
                self.uuid,
                source=self.source,
                destination=self.destination,
                flags=("--postcopy", "--postcopy-resume"),
            )
            # libvirt 9.0 may call it failed although QEMU has joined the halves; then that goes on by itself.
            if resumed.wait(LIMIT_S) != 0:
                refused.append(resumed.output())
                time.sleep(RECOVERY_PAUSE_S)
        self.has_moved()

    def abort(self) -> None:
        self.virsh("domjobabort", check=False)
        wait_for(lambda: not self.job() and self.state().startswith("running"), "the end of the job")

    def verify(self) -> None:
        """Nothing of its memory was lost, and it is one guest."""
        result = self.lab.guest_verify(self.uuid, timeout_s=LIMIT_S)
        assert result.bad_pages == 0
        assert result.checked_pages > 0
        assert self.lab.guest_report(self.uuid, ask_libvirt=False).split_brain_beats == 0

    def settle(self) -> None:
        """End what a test left running, and take back its limits and its load."""
        for host in ("kvm01", "kvm02"):
            self.lab.link_up(host)
            self.lab.link_set(host, mbit=LINK_MBIT)
        running = wait_for(self._running_alone_or_aborted, f"{self.name!r} to run on one host and without a job")
        if running != self.source:
            self.source, self.destination = self.destination, self.source
        self.load(self.options.pages_per_s)
        # One process for all three, as this is done twice for each test.
        commands = (
            f"migrate-setmaxdowntime {self.uuid} {DEFAULT_DOWNTIME_MS}; migrate-setspeed {self.uuid}"
            f" {UNLIMITED_MIB_PER_S}; migrate-setspeed {self.uuid} 0 --postcopy"
        )
        refused = self.lab.virsh(self.source, commands).stderr.strip()
        assert not refused, refused

    def _running_alone_or_aborted(self) -> str:
        found = self._running_alone()
        if not found:
            self.virsh("domjobabort", check=False)  # again, where it was refused: a job begins, or is about to end
        return found

    def _running_alone(self) -> str:
        states = self.lab.guest_states(self.uuid)
        assert "post-copy failed" not in "".join(states.values()), "nobody has recovered it"
        alive = [host for host, state in states.items() if not state.startswith("shut off")]
        if len(alive) != 1 or not states[alive[0]].startswith("running"):
            return ""
        done = self.lab.virsh(alive[0], "domjobinfo", self.uuid, check=False).stdout
        return alive[0] if "None" in done else ""
