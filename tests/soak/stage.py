# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts and eight guests on which a schedule is played, and what has to be true after each of its steps."""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.house import FACT, HOSTS, House
from bench.runs import Ansible, Result, Running, Task, task
from bench.subject import LINK_MBIT, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

from .schedule import GUESTS, Step, of_use

GUEST = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16, pages_per_s=500)
# Guests that start with their host; the mark has to go with them.
AUTOSTARTED = GUESTS[::2]
LINK_MIB_PER_S = LINK_MBIT * 0.114
END_S = 240.0
# A fault may cost a run, and the daemon that it has killed another one.
TRIES = 5
_DOWN_S = 2.0


class BrokenInvariantError(AssertionError):
    """Something that has to be true is not."""


class Stage(House):
    def __init__(self, lab: Lab, directory: Path) -> None:
        super().__init__(lab, Ansible(directory, lab.inventory()), dict.fromkeys(GUESTS, GUEST))
        for name in AUTOSTARTED:
            lab.virsh("kvm01", "autostart", self.uuids[name])
        for uuid in self.uuids.values():
            lab.guest_mark(uuid)
        self.harmed: Counter[str] = Counter()
        self.arrivals = 0

    # --- what is ordered

    def perform(self, step: Step) -> None:
        """Carry out one step, with its fault, and again until it is done; then look at everything."""
        before = self.where()
        step = of_use(step, before)
        print(f"  {step}", flush=True)
        fault = step.fault
        if step.kind == "load":
            self.lab.guest_load(self.uuids[step.guest], pages_per_s=step.pages_per_s, timeout_s=60)
        elif step.kind == "move":
            self.until_done(before[step.guest], self.move(step), fault, step.after_ms)
        elif step.kind == "evacuate":
            leaving = [name for name, host in before.items() if host == step.host]
            others = [host for host in HOSTS if host != step.host]
            plan = {name: others[number % 2] for number, name in enumerate(leaving)}
            self.until_done(step.host, self.leave(plan, step), fault, step.after_ms)
        else:
            for host in HOSTS:
                where = self.where()
                guests = {each: home for each, home in self.homes(host).items() if where[each] == host != home}
                if guests:
                    self.until_done(host, self.returning(guests, step), fault, step.after_ms)
                    fault = ""
        after = self.where()
        self.arrivals += sum(before[name] != after[name] for name in GUESTS)
        self.check(step)

    def move(self, step: Step) -> Task:
        words: dict[str, t.Any] = {
            "name": step.guest,
            "destination_uri": f"qemu+tcp://{step.host}/system",
            "measure": False,
            "force": True,
            "link_mib_per_s": LINK_MIB_PER_S,
            "policy_overrides": {"postcopy": step.postcopy, "max_data_factor": 50},
        }
        return task("migration", **words)

    def leave(self, plan: t.Mapping[str, str], step: Step) -> Task:
        return self.evacuation(plan, measure=False, policy_overrides={"postcopy": step.postcopy})

    def returning(self, guests: t.Mapping[str, str], step: Step) -> Task:
        return self.evacuation(guests, purpose="return", measure=False, policy_overrides={"postcopy": step.postcopy})

    # --- how it is done

    def until_done(self, host: str, order: Task, fault: str, after_ms: int) -> None:
        """Run it, let the fault happen once memory flows, and run it again until it says that it is done."""
        said: list[str] = []
        for number in range(TRIES):
            running = self.ansible.begin(host, order)
            if fault and number == 0:
                self.harm(host, running, fault, after_ms)
            done = running.wait(END_S)
            self.repair()
            results = [each for each in done.results if "outcome" in each or "guests" in each or "reason" in each]
            if any(self.good(result) for result in results):
                return
            said.append(str([self.told(result) for result in results] or done.output[-500:]))
        raise BrokenInvariantError(f"not done after {TRIES} runs: {said}")

    def harm(self, source: str, running: Running, fault: str, after_ms: int) -> None:
        others = [host for host in HOSTS if host != source]

        def flows() -> str:
            for other in others:
                if self.lab.stream_bytes(source=source, destination=other) > 0:
                    return other
            return "" if running.process.poll() is None else "over"

        destination = wait_for(flows, "memory to flow", END_S)
        if destination == "over":
            return
        time.sleep(after_ms / 1000)
        HARMS[fault](self, source, destination, running)
        self.harmed[fault] += 1

    def repair(self) -> None:
        """What a service manager, a network team and the next minute do."""
        for host in HOSTS:
            self.lab.link_up(host)
            self.lab.start_libvirtd(host)

    def good(self, result: Result) -> bool:
        """Whether an account says that all is done; what it says has to be true, and a failure tells what to do."""
        if result["failed"]:
            missing = [key for key in ("reason", "state", "remedy") if not result.get(key)]
            if missing and "guests" not in result:
                raise BrokenInvariantError(f"a failure without {missing}: {result['msg']}")
            return False
        where = self.where()
        if "guests" in result:
            for row in result["guests"]:
                if row["outcome"] in ("moved", "adopted", "recovered", "already_there"):
                    self.same(row["name"], where[row["name"]], row["runs_on"])
            return True
        self.same(result["name"], where[result["name"]], result["runs_on"])
        return True

    @staticmethod
    def same(name: str, seen: str, told: str) -> None:
        if seen != told:
            raise BrokenInvariantError(f"{name!r} is said to run on {told!r}, and runs on {seen!r}")

    @staticmethod
    def told(result: Result) -> str:
        return f"{result.get('reason')}: {str(result.get('msg'))[:300]}"

    # --- what has to be true

    def check(self, step: Step) -> None:
        where = self.where()
        for name, uuid in self.uuids.items():
            if not where[name]:
                raise BrokenInvariantError(f"{name!r} runs on no host, or on two: {self.lab.guest_states(uuid)}")
        for host in HOSTS:
            self.alone(host, [name for name in GUESTS if where[name] == host])
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.unhurt, GUESTS))
        if step.kind == "come_home":
            away = {name: home for host in HOSTS for name, home in self.homes(host).items() if where[name] != home}
            if away:
                raise BrokenInvariantError(f"not at home after a return: {away}")

    def alone(self, host: str, guests: t.Sequence[str]) -> None:
        """Definitions, autostart marks and no jobs of these guests, no other guest, and no mark of an emptied host."""
        here = {self.uuids[name] for name in guests}
        known = set(self.lab.virsh(host, "list", "--all", "--uuid").stdout.split())
        for name in GUESTS:
            if self.uuids[name] in known - here:
                raise BrokenInvariantError(f"{name!r} runs elsewhere, and is defined on {host}, too")
        for name in guests:
            self.settled(name, host)
        if self.lab.execute(host, "test", "-e", FACT, check=False).returncode == 0:
            raise BrokenInvariantError(f"{host} is marked as cordoned, and nobody has done that")

    def settled(self, name: str, host: str) -> None:
        """It has no job, and its definition and autostart mark are where it runs."""
        uuid = self.uuids[name]
        said = self.lab.virsh(host, f"dominfo {uuid}; domjobinfo {uuid}").stdout
        facts = {key: value.strip() for key, value in (line.split(":", 1) for line in said.splitlines() if ":" in line)}
        if facts["Job type"] != "None":
            raise BrokenInvariantError(f"a job is left for {name!r} on {host}: {said}")
        wanted = "enable" if name in AUTOSTARTED else "disable"
        if (facts["Persistent"], facts["Autostart"]) != ("yes", wanted):
            raise BrokenInvariantError(
                f"{name!r} on {host}: {facts['Persistent']=} {facts['Autostart']=}, wanted yes and {wanted}"
            )

    def unhurt(self, name: str) -> None:
        """By what it has said since the check before: to read all that it ever said takes longer with each step."""
        uuid = self.uuids[name]
        if not self.lab.guest_verify(uuid, timeout_s=120).ok:
            raise BrokenInvariantError(f"memory of {name!r} is wrong")
        report = self.lab.guest_report(uuid, since_mark=True, ask_libvirt=False)
        self.lab.guest_mark(uuid)
        if report.split_brain_beats or report.bad_pages:
            raise BrokenInvariantError(
                f"{name!r}: {report.split_brain_beats} beats of two copies, {report.bad_pages} pages wrong"
            )
        if report.boots:
            raise BrokenInvariantError(f"{name!r} has booted again")


def _module_killed(stage: Stage, source: str, _destination: str, _running: Running) -> None:
    for name in ("AnsiballZ_migration.py", "AnsiballZ_evacuation.py"):
        stage.lab.kill_script(source, name)


def _controller_killed(_stage: Stage, _source: str, _destination: str, running: Running) -> None:
    running.kill()


def _source_daemon_restarted(stage: Stage, source: str, _destination: str, _running: Running) -> None:
    stage.lab.restart_libvirtd(source)


def _destination_daemon_killed(stage: Stage, _source: str, destination: str, _running: Running) -> None:
    stage.lab.kill_libvirtd(destination)
    time.sleep(_DOWN_S)
    stage.lab.start_libvirtd(destination)


def _stream_cut(stage: Stage, source: str, destination: str, _running: Running) -> None:
    stage.lab.cut_stream(source=source, destination=destination)


def _link_down(stage: Stage, _source: str, destination: str, _running: Running) -> None:
    stage.lab.link_down(destination)
    time.sleep(_DOWN_S)
    stage.lab.link_up(destination)


def _aborted_by_another(stage: Stage, source: str, _destination: str, _running: Running) -> None:
    for name in stage.moving(source):
        stage.lab.virsh(source, "domjobabort", stage.uuids[name], check=False)


HARMS: dict[str, t.Callable[[Stage, str, str, Running], None]] = {
    "module_killed": _module_killed,
    "controller_killed": _controller_killed,
    "source_daemon_restarted": _source_daemon_restarted,
    "destination_daemon_killed": _destination_daemon_killed,
    "stream_cut": _stream_cut,
    "link_down": _link_down,
    "aborted_by_another": _aborted_by_another,
}
