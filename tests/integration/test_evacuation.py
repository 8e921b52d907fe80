# Copyright (c) 2026, The virtops maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host is emptied and its guests come home, with three hosts of their own; checked from inside the guests."""

from __future__ import annotations

import os
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.runs import Ansible, Result, Task, assert_done, task
from bench.subject import LINK_MBIT, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab, leftovers

MODULE = "evacuation"
LINK_MIB_PER_S = LINK_MBIT * 0.114
QUIET = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16)
BUSY = GuestOptions(ram_mib=176, hot_mib=64, cold_mib=8, pages_per_s=20_000)
PLAN = {"crm01": "kvm02", "busy one": "kvm03", "-dns 'a'": "kvm02", "web01": "kvm03"}
ALLOWED = {"postcopy": "if_needed"}


class House:
    """Three hosts, and the guests of the first one."""

    def __init__(self, lab: Lab, ansible: Ansible) -> None:
        self.lab, self.ansible = lab, ansible
        with ThreadPoolExecutor() as pool:
            started = pool.map(lambda name: lab.guest_start(name, host="kvm01", options=options_of(name)), PLAN)
            self.uuids = {guest.name: guest.uuid for guest in started}

    def evacuation(self, plan: t.Mapping[str, str], /, *, check: bool = False, **arguments: t.Any) -> Task:
        guests = [{"uuid": self.uuids[name], "destination": host} for name, host in plan.items()]
        to = sorted(set(plan.values()) | set(arguments.pop("others", ())))
        destinations = [
            {"name": host, "destination_uri": f"qemu+tcp://{host}/system", "link_mib_per_s": LINK_MIB_PER_S}
            for host in to
        ]
        words = {"policy_overrides": ALLOWED, "guests": guests, "destinations": destinations, **arguments}
        return task(MODULE, check=check, **words)

    def where(self) -> dict[str, str]:
        """By libvirt; a guest that runs on no host or on two is not in it."""
        found = {}
        for name, uuid in self.uuids.items():
            hosts = [host for host, state in self.lab.guest_states(uuid).items() if state.startswith("running")]
            found[name] = hosts[0] if len(hosts) == 1 else ""
        return found

    def unharmed(self) -> None:
        """From inside: nobody lost a byte, and nobody has a second copy."""
        for name, uuid in self.uuids.items():
            assert self.lab.guest_verify(uuid).ok, name
            report = self.lab.guest_report(uuid, ask_libvirt=False)
            assert (report.bad_pages, report.split_brain_beats) == (0, 0), name

    def moving(self, host: str) -> list[str]:
        """Names of those whose memory is being sent from there."""
        found = []
        for name, uuid in self.uuids.items():
            done = self.lab.virsh(host, "domjobinfo", uuid, "--rawstats", check=False).stdout
            if "memory_processed" in done and self.where()[name] == host:
                found.append(name)
        return found

    def homes(self, host: str) -> dict[str, str]:
        result = self.ansible.run(host, task("evacuation_home_info"))[0]
        return {one["name"]: one["home"]["host"] for one in result["guests"]}


def options_of(name: str) -> GuestOptions:
    return BUSY if name == "busy one" else QUIET


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    name = f"it-{os.getpid()}-3"
    with Lab(name) as lab:
        lab.up(host_count=3, link_mbit=LINK_MBIT)
        yield House(lab, Ansible(tmp_path_factory.mktemp("evacuation"), lab.inventory()))
    assert leftovers(name) == []


def rows(result: Result) -> dict[str, Result]:
    return {row["name"]: row for row in result["guests"]}


def test_a_host_is_emptied_and_its_guests_come_home(house: House) -> None:
    tasks = [house.evacuation(PLAN, check=True), house.evacuation(PLAN), house.evacuation(PLAN)]
    foreseen, first, second = house.ansible.run("kvm01", *tasks)
    assert_done(foreseen, True)
    assert foreseen["diff"]["after"] == {"running_here": []}
    assert_done(first, True, empty=True, stopped="")
    assert first["diff"]["before"]["running_here"] == sorted(PLAN)
    for name, row in rows(first).items():
        assert (row["outcome"], row["runs_on"]) == ("moved", PLAN[name]), row
        assert row["downtime_ms"] <= 500
        assert row["sent_bytes"] > 0
    assert rows(first)["busy one"]["remedies"] == ["start_postcopy"]
    assert_done(second, False, empty=True)
    assert {row["outcome"] for row in second["guests"]} == {"already_there"}
    assert house.where() == PLAN
    assert house.homes("kvm02") == {"-dns 'a'": "kvm01", "crm01": "kvm01"}
    house.unharmed()


def test_killed_in_the_middle_and_run_again(house: House) -> None:
    """After the first test everybody is away from home: the way back is the one that is interrupted."""
    back = {name: "kvm01" for name, there in house.where().items() if there == "kvm02"}
    assert len(back) == 2
    slow = {"purpose": "return", "measure": False, "bandwidth_mib_per_s": 4, "slots": {"per_source": 1, "ahead": 0}}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.ansible.run, "kvm02", house.evacuation(back, **slow))
        moving = wait_for(lambda: house.moving("kvm02"), "a transfer")
        found = house.lab.execute(
            "kvm02", "pgrep", "-f", "AnsiballZ_evacuation|ansible.*evacuation", check=False
        ).stdout
        for number in found.split():
            house.lab.execute("kvm02", "kill", "-9", number, check=False)
        killed = running.result()[0]
    assert killed["failed"], killed
    assert house.moving("kvm02") == moving, "libvirt goes on without it"
    # The limit of what is adopted is raised, since it is what holds it back.
    again = house.evacuation(back, purpose="return", measure=False, bandwidth_mib_per_s=1000)
    first, second = house.ansible.run("kvm02", again, again)
    assert_done(first, True)
    assert {row["name"]: row["outcome"] for row in first["guests"]} == {
        name: "adopted" if name in moving else "moved" for name in back
    }
    assert_done(second, False)
    assert house.homes("kvm02") == {}
    assert house.homes("kvm01") == {}
    house.unharmed()


def test_home_by_the_playbook(house: House) -> None:
    """From the other host, and on a host that has some of its guests already."""
    words = {
        "live_migration_hosts": "kvm01",
        "live_migration_destination_uri": "qemu+tcp://{host}/system",
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_postcopy": "if_needed",
    }
    run = house.ansible.playbook("virtops.live_migration.return_home", **words)
    assert run.code == 0, run.output
    assert house.where() == dict.fromkeys(PLAN, "kvm01")
    assert "start_postcopy" in run.output
    house.unharmed()
