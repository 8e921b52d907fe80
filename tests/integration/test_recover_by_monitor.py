# SPDX-License-Identifier: GPL-3.0-or-later
"""A broken post-copy where libvirt on the destination crashes on resuming it: QEMU does it, without the daemon."""

from __future__ import annotations

import typing as t

import pytest
from bench.lab_versions import resume_crashes
from bench.runs import Ansible, Run, assert_done, assert_refused, task
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

PLAYBOOK = "virtops.live_migration.recover"
HOSTS = ("kvm01", "kvm02")
STOP, START = "/tmp/bin/stop-libvirtd", "/tmp/bin/start-libvirtd"
STOPS = """#!/bin/sh
kill "$(cat /run/libvirtd.pid)"
while [ -d "/proc/$(cat /run/libvirtd.pid 2>/dev/null || echo none)" ]; do sleep 0.1; done
"""
STARTS = """#!/bin/sh
exec /usr/sbin/libvirtd --daemon --listen --pid-file /run/libvirtd.pid
"""
# The lab has no systemd.
COMMANDS = {"live_migration_daemon_stop_command": [STOP], "live_migration_daemon_start_command": [START]}


@pytest.fixture
def crashing(lab: Lab) -> None:
    if not all(resume_crashes(lab, host) for host in HOSTS):
        pytest.skip("libvirt of these hosts resumes a post-copy by itself")


@pytest.fixture
def broken(lab: Lab, erp01: Subject) -> t.Iterator[Subject]:
    for host in HOSTS:
        for path, text in ((STOP, STOPS), (START, STARTS)):
            lab.execute(host, "mkdir", "-p", "/tmp/bin")
            lab.execute(host, "sh", "-c", f"cat >{path} && chmod 755 {path}", input_text=text)
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    lab.cut_stream(source=erp01.source, destination=erp01.destination)
    wait_for(lambda: erp01.state() == "paused (post-copy failed)", "the post-copy to break")
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    yield erp01
    for host in HOSTS:
        lab.start_libvirtd(host)


def recover(ansible: Ansible, guest: Subject, *options: str, **words: t.Any) -> Run:
    uri = "qemu+tcp://{host}/system"
    named = {"live_migration_guest": guest.name, "live_migration_destination_uri": uri, **COMMANDS}
    return ansible.playbook(PLAYBOOK, *options, **{**named, **words})


def halves(guest: Subject) -> tuple[str, str]:
    return guest.state(), guest.state(guest.destination)


BROKEN = ("paused (post-copy failed)", "running (post-copy failed)")


def nothing_is_stopped_unasked(ansible: Ansible, broken: Subject) -> None:
    destination = broken.destination
    refused = ansible.module(
        broken.source, "migration_recover", name="erp01", destination_uri=f"qemu+tcp://{destination}/system"
    )
    assert_refused(refused, "RESUME_UNSAFE")
    assert PLAYBOOK in refused["remedy"]
    unasked = recover(ansible, broken)
    assert unasked.code != 0
    assert "live_migration_stop_daemon=true" in unasked.failure
    foreseen = recover(ansible, broken, "--check", live_migration_stop_daemon=True)
    assert foreseen.code == 0, foreseen.output
    assert halves(broken) == BROKEN, "nothing has touched it"


@pytest.mark.fast
def test_it_comes_back(ansible: Ansible, broken: Subject) -> None:
    """By libvirt where that can, else by QEMU; it is the same order."""
    by_monitor = resume_crashes(broken.lab, broken.destination)
    if by_monitor:
        nothing_is_stopped_unasked(ansible, broken)
    run = recover(ansible, broken, live_migration_stop_daemon=True)
    assert run.code == 0, run.output
    told = run.stats["live_migration_recover"]
    assert (told["destination"], told["by_monitor"], told["phase"]) == (broken.destination, by_monitor, "completed")
    broken.has_moved()
    broken.verify()
    assert "Persistent:     yes" in broken.virsh("dominfo")
    again = recover(ansible, broken, live_migration_stop_daemon=True)
    assert again.code != 0
    assert "Nothing was changed" in again.failure


def test_what_does_not_fit_is_refused_before_anything_is_stopped(ansible: Ansible, broken: Subject) -> None:
    allowed = {"live_migration_stop_daemon": True}
    elsewhere = recover(ansible, broken, **allowed, live_migration_destination=broken.source)
    assert f"is on {broken.destination}, and not on {broken.source}" in elsewhere.failure, elsewhere.output
    nameless = recover(ansible, broken, **allowed, live_migration_guest=" ")
    assert "names no guest" in nameless.failure, nameless.output
    half = recover(ansible, broken, **allowed, live_migration_daemon_start_command=[])
    assert "belong together" in half.failure, half.output
    for host, other in (HOSTS, HOSTS[::-1]):
        alone = recover(ansible, broken, **allowed, live_migration_hosts=host)
        assert "take part" in alone.failure, alone.output
        assert other not in alone.failure
    nowhere = {**allowed, "live_migration_destination_uri": "qemu+tcp://{host}:1/system"}
    if resume_crashes(broken.lab, broken.destination):
        assert "Could not connect" in recover(ansible, broken, **nowhere).failure
    assert halves(broken) == BROKEN, "nothing has touched it"
    run = recover(ansible, broken, **allowed)
    assert run.code == 0, run.output
    broken.has_moved()
    broken.verify()


def test_another_guest_that_broke_is_no_obstacle(
    ansible: Ansible, crashing: None, broken: Subject, crm01: Subject
) -> None:
    crm01.load(20_000)
    crm01.migrate("--postcopy")
    crm01.switch_to_postcopy(4)
    crm01.lab.cut_stream(source=crm01.source, destination=crm01.destination)
    wait_for(lambda: crm01.state() == "paused (post-copy failed)", "the post-copy to break")
    crm01.virsh("migrate-setspeed", "0", "--postcopy")
    for guest in (broken, crm01):
        run = recover(ansible, guest, live_migration_stop_daemon=True)
        assert run.code == 0, run.output
        guest.has_moved()
        guest.verify()


@pytest.mark.fast
def test_the_module_needs_the_daemon_to_be_stopped(ansible: Ansible, broken: Subject) -> None:
    lab, destination = broken.lab, broken.destination
    module, asked = "migration_recover_incoming", {"name": "erp01", "uuid": broken.uuid}
    assert_refused(ansible.module(destination, module, **asked), "MONITOR_BUSY")
    assert_refused(ansible.module(broken.source, module, **asked), "NOTHING_TO_RECOVER")
    lab.execute(destination, STOP)
    foreseen, first, second = ansible.run(
        destination, task(module, check=True, **asked), task(module, **asked), task(module, **asked)
    )
    lab.execute(destination, START)
    assert_done(foreseen, True)
    assert_done(first, True)
    # A second time QEMU waits at another port, and at that one only.
    assert_done(second, True)
    assert second["incoming_port"] != first["incoming_port"]
    there = f"qemu+tcp://{destination}/system"
    wait_for(lambda: halves(broken) == BROKEN, "the daemon to know it again")
    joined = ansible.module(
        broken.source,
        "migration_recover",
        name="erp01",
        destination_uri=there,
        incoming_port=second["incoming_port"],
    )
    assert_done(joined, True, phase="completed", attempts=1)
    broken.has_moved()
    broken.verify()


def test_the_daemon_is_started_again_whatever_happens(ansible: Ansible, crashing: None, broken: Subject) -> None:
    """Nothing is at the port that the source is to send to: both halves stay, and another run joins them."""
    run = recover(ansible, broken, live_migration_stop_daemon=True, live_migration_migrate_uri="tcp://127.0.0.9")
    assert run.code != 0
    assert "both halves were left as they are" in run.failure, run.output
    assert halves(broken) == BROKEN
    again = recover(ansible, broken, live_migration_stop_daemon=True)
    assert again.code == 0, again.output
    broken.has_moved()
    broken.verify()
