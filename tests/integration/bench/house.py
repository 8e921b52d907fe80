# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts and the guests of the first one, for the tests that empty hosts."""

from __future__ import annotations

import contextlib
import os
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from virtlab.errors import LabError
from virtlab.guest import GuestOptions
from virtlab.lab import Lab, leftovers

from .runs import Ansible, Result, Task, task
from .subject import LIMIT_S, LINK_MBIT, wait_for

LINK_MIB_PER_S = LINK_MBIT * 0.114
HOME, HOSTS = "kvm01", ("kvm01", "kvm02", "kvm03")
QUIET = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16)
BUSY = GuestOptions(ram_mib=176, hot_mib=64, cold_mib=8, pages_per_s=20_000)
WITH_A_DISK = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16, disk="local", disk_mib=24)
FACT = "/etc/ansible/facts.d/virtops_live_migration.fact"
_CORDON = "4f6f0d3c-5f0e-5a52-9f3b-6d1c3f2b7a10"  # the note in libvirt, which is a secret
_MARK = "https://github.com/virtops/ansible-live-migration/home"


def opened(lab: Lab, host: str) -> None:
    """It takes guests, whatever was noted there."""
    lab.execute(host, "rm", "-f", FACT)
    lab.virsh(host, "secret-undefine", _CORDON, check=False)


class House:
    """``uuids``: of its guests, by name; a test may add more."""

    def __init__(self, lab: Lab, ansible: Ansible, guests: t.Mapping[str, GuestOptions]) -> None:
        self.lab, self.ansible = lab, ansible
        self.uuids: dict[str, str] = {}
        self.start(guests)

    def start(self, wanted: t.Mapping[str, GuestOptions], host: str = HOME) -> None:
        with ThreadPoolExecutor() as pool:
            started = pool.map(lambda name: self.lab.guest_start(name, host=host, options=wanted[name]), wanted)
            self.uuids.update({guest.name: guest.uuid for guest in started})

    def end(self, *names: str) -> None:
        for name in names:
            self.lab.guest_stop(self.uuids.pop(name))

    # --- what is asked of the module

    def evacuation(self, plan: t.Mapping[str, str], /, *, check: bool = False, **arguments: t.Any) -> Task:
        others = [str(host) for host in arguments.pop("others", ())]
        guests = [
            {"uuid": self.uuids[name], "destination": host, "alternatives": others} for name, host in plan.items()
        ]
        words = {"guests": guests, "destinations": self.destinations(set(plan.values()) | set(others)), **arguments}
        return task("evacuation", check=check, **{"policy_overrides": {"postcopy": "if_needed"}, **words})

    def destinations(self, hosts: t.Iterable[str]) -> list[Result]:
        uri = "qemu+tcp://{}/system"
        return [
            {"name": host, "destination_uri": uri.format(host), "link_mib_per_s": LINK_MIB_PER_S}
            for host in sorted(hosts)
        ]

    # --- what is seen

    def where(self) -> dict[str, str]:
        """By libvirt; empty for a guest that runs on no host or on two."""
        running = {host: self.running_on(host) for host in HOSTS}
        found = {}
        for name, uuid in self.uuids.items():
            hosts = [host for host in HOSTS if uuid in running[host]]
            found[name] = hosts[0] if len(hosts) == 1 else ""
        return found

    def running_on(self, host: str) -> list[str]:
        """UUIDs of the guests that run there; none where the daemon does not answer."""
        with contextlib.suppress(LabError):
            return self.lab.virsh(host, "list", "--state-running", "--uuid", check=False, timeout_s=10).stdout.split()
        return []

    def moving(self, host: str) -> list[str]:
        """Names of those whose memory is being sent from there."""
        found = []
        for name, uuid in self.uuids.items():
            done = self.lab.virsh(host, "domjobinfo", uuid, "--rawstats", check=False).stdout
            if "memory_processed" in done and self.where()[name] == host:
                found.append(name)
        return found

    def arriving(self, host: str) -> int:
        return len(self.lab.virsh(host, "list", "--state-paused", "--uuid").stdout.split())

    def homes(self, host: str) -> dict[str, str]:
        result = self.ansible.run(host, task("evacuation_home_info"))[0]
        return {one["name"]: one["home"]["host"] for one in result["guests"]}

    def unharmed(self) -> None:
        """From inside: nobody lost a byte, and nobody has a second copy."""

        def check(name: str) -> None:
            uuid = self.uuids[name]
            assert self.lab.guest_verify(uuid, timeout_s=LIMIT_S).ok, name
            report = self.lab.guest_report(uuid, ask_libvirt=False)
            assert (report.bad_pages, report.split_brain_beats) == (0, 0), name

        with ThreadPoolExecutor() as pool:
            list(pool.map(check, self.uuids))

    # --- what is done to it

    def kill_module(self, host: str) -> int:
        """SIGKILL for each process of the module there, the one that detached it included; how many there were."""
        return self._signal(host, "-9", "AnsiballZ_evacuation|ansible.*evacuation")

    def terminate_module(self, host: str) -> int:
        """SIGTERM for the module alone, as an administrator would send it."""
        return self._signal(host, "-TERM", r"^\S*python\S* \S*AnsiballZ_evacuation")

    def _signal(self, host: str, number: str, pattern: str) -> int:
        found = self.lab.execute(host, "pgrep", "-f", pattern, check=False).stdout.split()
        for pid in found:
            self.lab.execute(host, "kill", number, pid, check=False)
        return len(found)

    def gather(self) -> None:
        """Everybody at home, without a mark and without a limit, whatever a test has left."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._made_ready, HOSTS))
            list(pool.map(self._bring, self.uuids))

    def _made_ready(self, host: str) -> None:
        self.kill_module(host)
        self.lab.start_libvirtd(host)
        self.lab.link_set(host, mbit=LINK_MBIT)
        opened(self.lab, host)

    def _bring(self, name: str) -> None:
        uuid, lab = self.uuids[name], self.lab
        states = {host: state for host, state in lab.guest_states(uuid).items() if state.startswith("running")}
        for host in states:
            lab.virsh(host, "domjobabort", uuid, check=False)
        host = str(wait_for(lambda: self._alone(uuid), f"{name!r} to run on one host, without a job"))
        if host != HOME:
            flags = ("--undefinesource", "--postcopy", "--postcopy-after-precopy")
            migration = lab.migrate(uuid, source=host, destination=HOME, flags=flags)
            assert migration.wait(LIMIT_S) == 0, migration.output()
        for kind in ("--live", "--config"):
            lab.virsh(HOME, "metadata", uuid, _MARK, "--remove", kind, check=False)
        lab.virsh(HOME, "migrate-setspeed", uuid, "8796093022207")
        lab.virsh(HOME, "migrate-setmaxdowntime", uuid, "300")

    def _alone(self, uuid: str) -> str:
        running = [host for host, state in self.lab.guest_states(uuid).items() if state.startswith("running")]
        if len(running) != 1:
            return ""
        with contextlib.suppress(LabError):
            return running[0] if "None" in self.lab.virsh(running[0], "domjobinfo", uuid).stdout else ""
        return ""


def three_hosts(directory: Path, guests: t.Mapping[str, GuestOptions]) -> t.Iterator[House]:
    """In a lab of its own: other tests need two hosts only."""
    name = f"it-{os.getpid()}-3"
    with Lab(name) as lab:
        lab.up(host_count=len(HOSTS), link_mbit=LINK_MBIT)
        yield House(lab, Ansible(directory, lab.inventory()), guests)
    assert leftovers(name) == []


def rows(result: Result) -> dict[str, Result]:
    return {row["name"]: row for row in result["guests"]}
