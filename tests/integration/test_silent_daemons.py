# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever takes a connection and says nothing, and a daemon that is stopped, end no module later than they have to."""

from __future__ import annotations

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
def mute(lab: Lab) -> t.Iterator[str]:
    """A URI at kvm02 where somebody takes connections, and says nothing."""
    command = lab.command_line("kvm02", ["python3", "-c", MUTE, str(PORT)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listens\n"
        try:
            yield f"qemu+tcp://kvm02:{PORT}/system"
        finally:
            listener.communicate()  # closes its input, at which it ends


@pytest.fixture
def stopped(lab: Lab) -> t.Iterator[str]:
    """The URI of kvm02, whose libvirtd is stopped for as long as the test takes."""
    lab.stop_libvirtd("kvm02")
    yield "qemu+tcp://kvm02/system"
    lab.cont_libvirtd("kvm02")


def refused_in_time(ansible: Ansible, module: str, reason: str, limit_s: float = LIMIT_S, **options: t.Any) -> str:
    began_s = time.monotonic()
    result = ansible.module("kvm01", module, timeout_s=240, **options)
    assert_refused(result, reason)
    took_s = time.monotonic() - began_s
    assert took_s < limit_s
    print(f"{module} {options}: {took_s:.0f} s")
    return str(result["msg"])


def test_a_destination_that_says_nothing(ansible: Ansible, crm01: Subject, mute: str) -> None:
    said = refused_in_time(ansible, "migration", "CONNECTION_FAILED", name="crm01", destination_uri=mute)
    assert "no answer within 30 s" in said
    assert crm01.state().startswith("running")


def test_a_uri_that_says_nothing(ansible: Ansible, crm01: Subject, mute: str) -> None:
    refused_in_time(ansible, "migration_job_info", "CONNECTION_FAILED", uri=mute)


def test_a_stopped_daemon_elsewhere(ansible: Ansible, crm01: Subject, stopped: str) -> None:
    refused_in_time(ansible, "migration", "CONNECTION_FAILED", name="crm01", destination_uri=stopped)
    refused_in_time(ansible, "migration_job_info", "CONNECTION_FAILED", uri=stopped)


def test_a_stopped_daemon_of_the_host_itself(ansible: Ansible, lab: Lab, crm01: Subject) -> None:
    lab.stop_libvirtd("kvm01")
    try:
        refused_in_time(ansible, "migration_job_info", "CONNECTION_FAILED", name="crm01")
    finally:
        lab.cont_libvirtd("kvm01")


def test_readiness_beside_one_that_says_nothing(ansible: Ansible, crm01: Subject, mute: str) -> None:
    began_s = time.monotonic()
    there = ansible.module("kvm02", "migration_host_info", load_window_s=0)["host"]
    result = ansible.module(
        "kvm01", "migration_readiness_info", timeout_s=240, name="crm01", destination=there, destination_uri=mute
    )
    assert not result["failed"], result
    assert "there was no answer within 15 s" in str(result)
    assert time.monotonic() - began_s < LIMIT_S + 30


def test_a_broken_postcopy_whose_destination_says_nothing(ansible: Ansible, erp01: Subject, mute: str) -> None:
    """The supervising loop goes on in between, and ends by its own rules; the halves stay as they are."""
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    erp01.lab.cut_stream(source=erp01.source, destination=erp01.destination)
    wait_for(lambda: erp01.state() == "paused (post-copy failed)", "the post-copy to break")
    refused_in_time(
        ansible, "migration_recover", "CONNECTION_FAILED", limit_s=90, name="erp01", destination_uri=mute, attempts=1
    )
    erp01.lab.stop_libvirtd(erp01.destination)
    try:
        refused_in_time(
            ansible,
            "migration_recover",
            "CONNECTION_FAILED",
            limit_s=90,
            name="erp01",
            destination_uri="qemu+tcp://kvm02/system",
            attempts=1,
        )
    finally:
        erp01.lab.cont_libvirtd(erp01.destination)
    assert erp01.state() == "paused (post-copy failed)"
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    erp01.recover()
