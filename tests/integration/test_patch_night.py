# SPDX-License-Identifier: GPL-3.0-or-later
"""A patch night: three hosts are emptied, patched and filled again, one after the other, while things go wrong."""

from __future__ import annotations

import json
import os
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bench.runs import Ansible, Run, Running
from bench.subject import LINK_MBIT, wait_for
from virtlab.guest import GuestOptions, disk_path
from virtlab.lab import Lab, leftovers

LAB = Path(__file__).resolve().parents[1] / "lab" / "lab"
FACT = "/etc/ansible/facts.d/virtops_live_migration.fact"
PATCHED = "/var/lib/patched"
QUIET = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16)
GUESTS = {
    "crm01": ("kvm01", QUIET),
    "busy one": ("kvm01", GuestOptions(ram_mib=176, hot_mib=64, cold_mib=8, pages_per_s=20_000)),
    "disk01": ("kvm01", GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16, disk="local", disk_mib=16)),
    "dns01": ("kvm02", QUIET),
    "pinned01": ("kvm02", QUIET),
    "mail01": ("kvm03", QUIET),
}
HOMES = {name: host for name, (host, _options) in GUESTS.items()}
# A controller killed at the wrong moment, and a daemon that dies under a transfer, may each cost a run.
RUNS = 4
HOSTS = ("kvm01", "kvm02", "kvm03")
# So that a transfer outlives its controller for sure.
SLOW_MBIT = 4
LIMIT_S = 600

pytestmark = pytest.mark.wide


class Night:
    def __init__(self, lab: Lab, ansible: Ansible) -> None:
        self.lab, self.ansible = lab, ansible
        with ThreadPoolExecutor() as pool:
            started = pool.map(lambda name: lab.guest_start(name, host=HOMES[name], options=GUESTS[name][1]), GUESTS)
            self.uuids = {guest.name: guest.uuid for guest in started}
        self.between = ansible.directory / "patch.yml"
        restart = [str(LAB), "fault", "restart-libvirtd", "--name", lab.name, "{{ inventory_hostname }}"]
        tasks = [
            {
                "name": "Patch the host",
                "ansible.builtin.copy": {"content": "patched\n", "dest": PATCHED, "mode": "0644"},
            },
            {
                "name": "Restart its daemon",
                "ansible.builtin.command": {"argv": restart},
                "delegate_to": "localhost",
            },
        ]
        self.between.write_text(json.dumps(tasks), encoding="utf-8")

    def begin(self, **more: t.Any) -> Running:
        variables: dict[str, t.Any] = {
            # As the answers to a survey arrive.
            "live_migration_hosts": "kvm_hosts",
            "live_migration_destination_uri": "qemu+tcp://{host}/system",
            "live_migration_link_mib_per_s": str(LINK_MBIT * 0.114),
            "live_migration_postcopy": "if_needed",
            "live_migration_leave": "pinned01\n",
            "live_migration_copy_storage": '["disk01"]',
            "live_migration_between": str(self.between),
            "live_migration_return": "true",
            **more,
        }
        return self.ansible.begin_playbook("virtops.live_migration.evacuate", **variables)

    def where(self) -> dict[str, list[str]]:
        """By libvirt: the hosts on which each guest runs."""
        found = {}
        for name, uuid in self.uuids.items():
            states = self.lab.guest_states(uuid)
            found[name] = sorted(host for host, state in states.items() if state.startswith("running"))
        return found

    def moving(self, source: str) -> list[str]:
        found = []
        for name, uuid in self.uuids.items():
            done = self.lab.virsh(source, "domjobinfo", uuid, "--rawstats", check=False)
            if "memory_processed" in done.stdout:
                found.append(name)
        return found

    def sends_to(self, source: str, destination: str) -> bool:
        return self.lab.stream_bytes(source=source, destination=destination) > 0

    def hurry_when_taken_up(self, running: Running) -> None:
        wait_for(lambda: "[kvm01] " in running.said(), "the second run to see what moves", LIMIT_S)
        self.lab.link_set("kvm01", mbit=LINK_MBIT)

    def kill_a_destination_of(self, source: str, running: Running) -> None:
        """Its daemon dies under a transfer, and is there again as by its service manager."""

        def sent_to() -> list[str]:
            assert running.process.poll() is None, running.said()
            return [host for host in HOSTS if host != source and self.sends_to(source, host)]

        (destination, *_more) = wait_for(sent_to, f"{source} to send", LIMIT_S)
        self.lab.kill_libvirtd(destination)
        wait_for(lambda: not self.sends_to(source, destination), "the end of the stream")
        self.lab.start_libvirtd(destination)

    def unharmed(self) -> None:
        """From inside: nobody lost a byte, and nobody has ever had a second copy."""
        for name, uuid in self.uuids.items():
            checked = self.lab.guest_verify(uuid)
            assert (checked.bad_pages, checked.checked_pages > 0) == (0, True), name
            assert self.lab.guest_report(uuid, ask_libvirt=False).split_brain_beats == 0, name

    def disk(self, host: str) -> str:
        path = disk_path(self.lab.guest("disk01"))
        assert path is not None
        return self.lab.execute(host, "sha256sum", path).stdout.split()[0]

    def patched(self, host: str) -> bool:
        return self.lab.execute(host, "test", "-e", PATCHED, check=False).returncode == 0

    def cordoned(self, host: str) -> bool:
        return self.lab.execute(host, "test", "-e", FACT, check=False).returncode == 0


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Night]:
    name = f"it-{os.getpid()}-night"
    with Lab(name) as lab:
        lab.up(host_count=3, link_mbit=LINK_MBIT)
        yield Night(lab, Ansible(tmp_path_factory.mktemp("night"), lab.inventory()))
    assert leftovers(name) == []


def test_nothing_moves_when_one_guest_can_go_nowhere(night: Night) -> None:
    """The capacity is checked before each host: a guest with a local disk that is not to be copied has no place."""
    run = night.begin(live_migration_copy_storage="").wait()
    assert run.code != 0, run.output
    assert "Nothing was moved." in run.output
    assert "disk01" in run.failure, run.output
    assert night.where() == {name: [host] for name, host in HOMES.items()}
    assert not any(night.patched(host) for host in HOSTS)


def test_everybody_is_home_in_the_morning(night: Night) -> None:
    before = night.disk("kvm01")
    night.lab.link_set("kvm01", mbit=SLOW_MBIT)
    first = night.begin()
    moving = wait_for(lambda: night.moving("kvm01"), "a transfer from kvm01", LIMIT_S)
    first.kill()  # the controller is gone in the middle

    runs: list[Run] = []
    while not runs or (runs[-1].code != 0 and len(runs) < RUNS):
        running = night.begin()
        if not runs:
            night.hurry_when_taken_up(running)
            night.kill_a_destination_of("kvm02", running)
        runs.append(running.wait(LIMIT_S))
        print(runs[-1].output)
    assert runs[-1].code == 0, runs[-1].output
    assert night.where() == {name: [host] for name, host in HOMES.items()}
    night.unharmed()
    assert night.disk("kvm01") == before
    for host in HOSTS:
        assert night.patched(host)
        assert not night.cordoned(host)
        assert night.ansible.module(host, "evacuation_home_info")["guests"] == []
    # The runs took up what the killed one had begun, and left alone whom they were told to leave.
    rows = [row for run in runs for found in run.stats["live_migration_evacuate"].values() for row in found]
    taken_up = {row["name"] for row in rows if row["outcome"] in ("adopted", "recovered", "already_there")}
    assert taken_up & set(moving), rows
    assert {row["outcome"] for row in rows if row["name"] == "pinned01"} == {"left"}
