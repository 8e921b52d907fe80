# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever takes a connection and says nothing, and a daemon that is stopped, end no module later than they have to."""

from __future__ import annotations

import contextlib
import subprocess
import time
import typing as t

import pytest
from bench.runs import Ansible, Task, assert_refused, task
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

# One connection has 30 s, and the rest is Ansible's, which begins late on a busy machine. Without a limit of its own a
# module waits for as long as the other side is there.
LIMIT_S = 100
PORT = 16999
REASON = "CONNECTION_FAILED"
MUTE = """
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", int(sys.argv[1])))
server.listen(50)  # the kernel takes the connections
print("listens", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def mute(lab: Lab) -> t.Iterator[None]:
    """On both hosts there is somebody who takes connections on this port, and says nothing."""
    with contextlib.ExitStack() as listeners:
        for host in ("kvm01", "kvm02"):
            listeners.enter_context(listening(lab, host))
        yield


@contextlib.contextmanager
def listening(lab: Lab, host: str) -> t.Iterator[None]:
    command = lab.command_line(host, ["python3", "-c", MUTE, str(PORT)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listens\n"
        try:
            yield
        finally:
            listener.communicate()  # closes its input, at which it ends


@contextlib.contextmanager
def stopped(lab: Lab, host: str) -> t.Iterator[str]:
    """The URI of this host, whose libvirtd is stopped for as long as that takes."""
    lab.stop_libvirtd(host)
    try:
        yield f"qemu+tcp://{host}/system"
    finally:
        lab.cont_libvirtd(host)


def mute_at(host: str) -> str:
    return f"qemu+tcp://{host}:{PORT}/system"


def call(module: str, **options: t.Any) -> Task:
    return task(module, timeout_s=240, **options)


def refused_in_time(ansible: Ansible, *calls: tuple[str, Task]) -> list[str]:
    """What is said to each task on its host. Each has a play of its own, all at the same time, since all only wait."""
    began_s = time.monotonic()
    said = []
    for running in [ansible.begin(host, one) for host, one in calls]:
        (result,) = running.wait().results
        assert_refused(result, REASON)
        said.append(str(result["msg"]))
    took_s = time.monotonic() - began_s
    assert took_s < LIMIT_S, said
    return said


def test_a_destination_and_a_uri_that_say_nothing(ansible: Ansible, crm01: Subject, mute: None) -> None:
    uri = mute_at(crm01.destination)
    moves, looks = call("migration", name="crm01", destination_uri=uri), call("migration_job_info", uri=uri)
    said = refused_in_time(ansible, (crm01.source, moves), (crm01.source, looks))
    assert "no answer within 30 s" in said[0]
    assert crm01.state().startswith("running")


def test_a_stopped_daemon_elsewhere_and_of_the_host_itself(ansible: Ansible, crm01: Subject) -> None:
    with stopped(crm01.lab, crm01.destination) as uri:
        refused_in_time(
            ansible,
            (crm01.source, call("migration", name="crm01", destination_uri=uri)),
            (crm01.source, call("migration_job_info", uri=uri)),
            (crm01.destination, call("migration_job_info", name="crm01")),
        )


def test_readiness_beside_one_that_says_nothing(ansible: Ansible, crm01: Subject, mute: None) -> None:
    began_s = time.monotonic()
    there = ansible.module(crm01.destination, "migration_host_info", load_window_s=0)["host"]
    asked = {"name": "crm01", "destination": there, "destination_uri": mute_at(crm01.destination)}
    result = ansible.module(crm01.source, "migration_readiness_info", timeout_s=240, **asked)
    assert not result["failed"], result
    assert "there was no answer within 15 s" in str(result)
    assert time.monotonic() - began_s < LIMIT_S


def test_a_broken_postcopy_whose_destination_says_nothing(ansible: Ansible, erp01: Subject, mute: None) -> None:
    """The supervising loop goes on in between, and ends by its own rules; the halves stay as they are."""
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    erp01.lab.cut_stream(source=erp01.source, destination=erp01.destination)
    wait_for(lambda: erp01.state() == "paused (post-copy failed)", "the post-copy to break")
    with stopped(erp01.lab, erp01.destination) as uri:
        uris = (mute_at(erp01.destination), uri)
        joins = [call("migration_recover", name="erp01", destination_uri=one, attempts=1) for one in uris]
        refused_in_time(ansible, *((erp01.source, one) for one in joins))
    assert erp01.state() == "paused (post-copy failed)"
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    erp01.recover()
