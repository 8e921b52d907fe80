# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest on its way by one of the modules, up to the moment at which something is to happen."""

from __future__ import annotations

import contextlib
import typing as t

from bench.runs import Ansible, Result, Running, Task, task
from bench.subject import LIMIT_S, LINK_MBIT, Subject, wait_for
from virtlab.errors import LabError
from virtlab.migrate import Migration

SLOW_MBIT = 40
# What has arrived when a phase is called begun.
FLOWS_BYTES = 8 * 1024 * 1024
_JOINED_BYTES = 256 * 1024
END_S = 300.0

# Neither finishes by itself in pre-copy: the guest would have to stand still for 2 s.
_PRECOPY = {"postcopy": "never", "max_throttle_percent": 0, "max_data_factor": 50}
_POSTCOPY = {"postcopy": "prefer", "max_throttle_percent": 0}
POLICIES = {
    "setup": _PRECOPY,
    "precopy": _PRECOPY,
    "later pass": _PRECOPY,
    # The guest stands still until all that it rewrites has been sent.
    "switch-over": {**_PRECOPY, "max_downtime_ms": 60_000},
    "postcopy": _POSTCOPY,
    "paused": _POSTCOPY,
}
# Whatever fails in one of them leaves the guest where it was.
BEFORE_SWITCH = ("setup", "precopy", "later pass", "switch-over")
_LATER_PASS = 3
_SWITCH_MBIT = 100


def told(result: Result) -> str:
    """A result in a few lines, for whoever reads what came of a fault."""
    how = (
        f"{result.get('reason')}: {result['msg']}" if result["failed"] else result.get("outcome") or result.get("phase")
    )
    deeds = ", ".join(one["action"] for one in result.get("actions") or []) or "nothing"
    return f"{how}\n  did: {deeds}; elapsed {result.get('elapsed_ms')} ms, attempts {result.get('attempts')}"


class Scene:
    def __init__(self, ansible: Ansible, guest: Subject) -> None:
        self.ansible, self.guest, self.lab = ansible, guest, guest.lab
        self.by_virsh: t.Optional[Migration] = None
        self.policy: dict[str, t.Any] = {}
        self.blind = False

    @property
    def hosts(self) -> tuple[str, str]:
        return self.guest.source, self.guest.destination

    def migration(self, **arguments: t.Any) -> Task:
        """The task that a user runs, and runs again after whatever went wrong."""
        there = f"qemu+tcp://{self.guest.destination}/system"
        words = {"name": self.guest.name, "destination_uri": there, "compression": "none", "force": True}
        return task("migration", **{**words, "measure": False, **arguments})

    # --- to the moment

    def under_way(self, module: str, phase: str, **policy: t.Any) -> Running:
        """The module is at work on a migration in this phase, which goes on for some seconds."""
        self.policy = {**POLICIES[phase], **policy}
        self.lab.guest_mark(self.guest.uuid)
        begin = {"migration": self._by_migration, "migration_rescue": self._rescued, "migration_recover": self._joined}
        return begin[module](phase)

    def _by_migration(self, phase: str) -> Running:
        running = self.ansible.begin(self.guest.source, self.migration(policy_overrides=self.policy))
        self.reach(phase, running)
        return running

    def _rescued(self, phase: str) -> Running:
        self.by_virsh = self.guest.migrate("--postcopy")
        if phase == "postcopy":
            # At full speed it lasts 2 s, and on a busy machine may be over before it is seen.
            self.lab.link_set(self.guest.source, mbit=_SWITCH_MBIT)
        there = f"qemu+tcp://{self.guest.destination}/system"
        words = {"name": self.guest.name, "policy_overrides": self.policy}
        if not self.blind:
            words["destination_uri"] = there
        running = self.ansible.begin(self.guest.source, task("migration_rescue", **words))
        wait_for(lambda: self.supervised(running), "the first line of its progress")
        self.reach(phase, running)
        return running

    def _joined(self, phase: str) -> Running:
        assert phase == "postcopy"
        self.by_virsh = self.guest.migrate("--postcopy")
        self.guest.switch_to_postcopy(4)
        self.lab.cut_stream(source=self.guest.source, destination=self.guest.destination)
        wait_for(lambda: self.guest.state() == "paused (post-copy failed)", "the post-copy to break")
        self.slow()
        there = f"qemu+tcp://{self.guest.destination}/system"
        order = task("migration_recover", name=self.guest.name, destination_uri=there)
        running = self.ansible.begin(self.guest.source, order)

        def joined() -> bool:
            assert running.process.poll() is None, running.said()
            # Not by libvirt 9.0, which may go on to call it broken: the former stream is gone, so this is a new one.
            return self.sent_bytes() >= _JOINED_BYTES

        wait_for(joined, "the halves to be joined")
        return running

    def supervised(self, running: Running) -> bool:
        assert running.process.poll() is None, running.said()
        return f"] {self.guest.name}: " in running.said()

    def switched(self, running: Running) -> bool:
        assert running.process.poll() is None, running.said()
        return "start postcopy" in running.said()

    def reach(self, phase: str, running: Running) -> None:
        """Ask the kernel and the guest, not libvirt, which may be what is to be harmed."""

        def begun() -> bool:
            assert running.process.poll() is None, running.said()
            if phase == "setup":
                return self.lab.guest_process(self.guest.uuid, host=self.guest.destination) is not None
            return self.sent_bytes() >= FLOWS_BYTES

        wait_for(begun, "the memory to flow" if phase != "setup" else "QEMU on the destination")
        if phase == "later pass":
            self.guest.in_pass(_LATER_PASS)
        if phase == "switch-over":
            # So that it stands still for longer than it takes to see that.
            self.lab.link_set(self.guest.source, mbit=_SWITCH_MBIT)
            wait_for(lambda: self.guest.state() == "paused (migrating)", "the guest to stand still")
            self.slow()
            assert self.guest.state() == "paused (migrating)", "it has changed hosts already"
        if phase in ("postcopy", "paused"):
            wait_for(lambda: self.switched(running), "the switch to post-copy")
            self.slow()  # at once: at full speed it lasts 2 s
            wait_for(lambda: self.beats_on() == self.guest.destination, "a heartbeat on the destination")
        if phase == "paused":
            self.lab.cut_stream(source=self.guest.source, destination=self.guest.destination)
            wait_for(lambda: all("post-copy failed" in state for state in self.states()), "both halves to be paused")

    def sent_bytes(self) -> int:
        return self.lab.stream_bytes(source=self.guest.source, destination=self.guest.destination)

    def beats_on(self) -> t.Optional[str]:
        """Where the last heartbeat came from, since this scene began."""
        return self.lab.guest_report(self.guest.uuid, since_mark=True, ask_libvirt=False).last_heartbeat_host

    def slow(self) -> None:
        """What is left of the memory takes some seconds more."""
        self.lab.link_set(self.guest.source, mbit=SLOW_MBIT)

    def fast(self) -> None:
        self.lab.link_set(self.guest.source, mbit=LINK_MBIT)

    # --- and after it

    def calm(self) -> None:
        """The guest writes no more: what could not finish, finishes."""
        self.guest.load(0)

    def states(self) -> tuple[str, str]:
        """What libvirt says on the source and on the destination."""
        found = self.lab.guest_states(self.guest.uuid)
        return found.get(self.guest.source, ""), found.get(self.guest.destination, "")

    def settled_states(self) -> tuple[str, str]:
        """Once neither host shows a guest that moves any more."""

        def settled() -> bool:
            return not any(state in ("paused (post-copy)", "running (post-copy)") for state in self.states())

        wait_for(settled, "both halves to know")
        return self.states()

    def alone_on(self, host: str) -> None:
        """It runs there whole and well, and the other host has at most its definition."""
        other = next(each for each in self.hosts if each != host)

        def settled() -> bool:
            found = self.lab.guest_states(self.guest.uuid)
            here = found.get(host, "")
            return (
                here.startswith("running") and "post-copy" not in here and found.get(other, "")[:8] in ("", "shut off")
            )

        try:
            wait_for(settled, "")
        except AssertionError:
            raise AssertionError(f"not alone on {host}: {self.lab.guest_states(self.guest.uuid)}") from None

    def run_again(self, *, adopting: bool = False, **arguments: t.Any) -> Result:
        """What everybody is told to do after a failure; it has to end well.

        ``adopting``: the guest calms down only when the migration that runs has been taken over.
        """
        if not adopting:
            self.calm_if_alive()
        # On a slow machine a job that is taken over sends its guest many times before that is calmed.
        order = self.migration(policy_overrides={"postcopy": "if_needed", "max_data_factor": 100}, **arguments)
        running = self.ansible.begin(self.guest.source, order)
        if adopting:
            wait_for(lambda: self.supervised(running), "the job to be taken over")
            self.calm_if_alive()
        (result,) = running.wait(END_S).results
        assert not result["failed"], result["msg"]
        assert result["runs_on"] == self.guest.destination
        self.alone_on(self.guest.destination)
        assert self.states()[0] == "", "its definition was not taken off the source"
        return result

    def calm_if_alive(self) -> None:
        """A guest in halves answers nobody."""
        if not any("post-copy" in state for state in self.states()):
            self.calm()

    def start_lost(self) -> None:
        """Do what the remedy says of a guest that is lost: end what is left of it, and start it from its disks."""
        states = self.states()
        for host, state in zip(self.hosts, states):
            if "post-copy failed" in state:
                self.guest.virsh("destroy", host=host)
        defined = [host for host, state in zip(self.hosts, self.states()) if state]
        assert defined, f"nobody has its definition any more; before: {states}"
        # On the destination where both have it: that is where its disks would be.
        self.guest.virsh("start", host=defined[-1])
        for host in defined[:-1]:
            self.guest.virsh("undefine", host=host)
        self.lab.guest_verify(self.guest.uuid, timeout_s=LIMIT_S)
        if defined[-1] != self.guest.source:
            self.guest.source, self.guest.destination = self.guest.destination, self.guest.source

    def repair(self) -> None:
        """Both hosts as they were, whatever a test has left."""
        for host in ("kvm01", "kvm02"):
            self.lab.link_up(host, network="mgmt")
            self.lab.link_up(host)
            with contextlib.suppress(LabError):
                self.lab.cont_libvirtd(host)
                self.lab.cont_qemu(self.guest.uuid, host=host)
            self.lab.start_libvirtd(host)
            self.lab.clear(host)
