# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever takes a connection and says nothing, and a daemon that is stopped, end no module later than they have to."""

from __future__ import annotations

import contextlib
import subprocess
import time
import typing as t

import pytest
from bench.runs import Ansible, assert_refused
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

# One connection has 30 s, and the rest is Ansible's.
LIMIT_S = 60
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


def refused_in_time(
    ansible: Ansible, host: str, module: str, reason: str, limit_s: float = LIMIT_S, **options: t.Any
) -> str:
    began_s = time.monotonic()
    result = ansible.module(host, module, timeout_s=240, **options)
    assert_refused(result, reason)
    took_s = time.monotonic() - began_s
    assert took_s < limit_s
    print(f"{module} {options}: {took_s:.0f} s")
    return str(result["msg"])


def test_a_destination_that_says_nothing(ansible: Ansible, crm01: Subject, mute: None) -> None:
    uri = mute_at(crm01.destination)
    said = refused_in_time(ansible, crm01.source, "migration", REASON, name="crm01", destination_uri=uri)
    assert "no answer within 30 s" in said
    assert crm01.state().startswith("running")


def test_a_uri_that_says_nothing(ansible: Ansible, crm01: Subject, mute: None) -> None:
    refused_in_time(ansible, crm01.source, "migration_job_info", REASON, uri=mute_at(crm01.destination))


def test_a_stopped_daemon_elsewhere(ansible: Ansible, crm01: Subject) -> None:
    with stopped(crm01.lab, crm01.destination) as uri:
        refused_in_time(ansible, crm01.source, "migration", REASON, name="crm01", destination_uri=uri)
        refused_in_time(ansible, crm01.source, "migration_job_info", REASON, uri=uri)


def test_a_stopped_daemon_of_the_host_itself(ansible: Ansible, crm01: Subject) -> None:
    with stopped(crm01.lab, crm01.source):
        refused_in_time(ansible, crm01.source, "migration_job_info", REASON, name="crm01")


def test_readiness_beside_one_that_says_nothing(ansible: Ansible, crm01: Subject, mute: None) -> None:
    began_s = time.monotonic()
    there = ansible.module(crm01.destination, "migration_host_info", load_window_s=0)["host"]
    asked = {"name": "crm01", "destination": there, "destination_uri": mute_at(crm01.destination)}
    result = ansible.module(crm01.source, "migration_readiness_info", timeout_s=240, **asked)
    assert not result["failed"], result
    assert "there was no answer within 15 s" in str(result)
    assert time.monotonic() - began_s < LIMIT_S + 30


def test_a_broken_postcopy_whose_destination_says_nothing(ansible: Ansible, erp01: Subject, mute: None) -> None:
    """The supervising loop goes on in between, and ends by its own rules; the halves stay as they are."""

    def refused(uri: str) -> None:
        options = {"name": "erp01", "destination_uri": uri, "attempts": 1}
        refused_in_time(ansible, erp01.source, "migration_recover", REASON, limit_s=90, **options)

    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    erp01.lab.cut_stream(source=erp01.source, destination=erp01.destination)
    wait_for(lambda: erp01.state() == "paused (post-copy failed)", "the post-copy to break")
    refused(mute_at(erp01.destination))
    with stopped(erp01.lab, erp01.destination) as uri:
        refused(uri)
    assert erp01.state() == "paused (post-copy failed)"
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    erp01.recover()
