# SPDX-License-Identifier: GPL-3.0-or-later
"""zstd on several connections on hosts that have it: Debian 13 (libvirt 11.3, QEMU 10.0), and what Debian's testing is.

The first run installs them beside the lab, which takes some minutes.
"""

from __future__ import annotations

import json
import os
import typing as t

import pytest
from bench.moving import LINK_MIB_PER_S, move
from bench.runs import Ansible, Result, Run, Running, assert_done, assert_refused
from bench.subject import LINK_MBIT, Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

pytestmark = pytest.mark.wide

SPARSE = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=64, pages_per_s=2_000)
WHOLE = GuestOptions(ram_mib=256, hot_mib=64, cold_mib=8, pages_per_s=30_000, whole_pages=True)


@pytest.fixture(scope="module", params=["trixie", "testing"])
def newer(request: pytest.FixtureRequest) -> t.Iterator[Lab]:
    with Lab(f"it-{os.getpid()}-{request.param}") as made:
        made.up(host_count=2, link_mbit=LINK_MBIT, on={"kvm01": request.param, "kvm02": request.param})
        yield made


@pytest.fixture(scope="module")
def on_newer(newer: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible"), newer.inventory())


@pytest.fixture
def guest(newer: Lab) -> t.Iterator[Subject]:
    made = Subject(newer, "sparse01", SPARSE)
    made.start()
    yield made
    made.stop()


def qemu(subject: Subject, command: str, host: str = "") -> t.Any:
    """What QEMU on the source, or on that host, answers; None when it has no such guest."""
    words = (subject.uuid, json.dumps({"execute": command}))
    done = subject.lab.virsh(host or subject.source, "qemu-monitor-command", *words, check=False)
    return json.loads(done.stdout)["return"] if done.returncode == 0 else None


def test_zstd_is_what_qemu_does(newer: Lab, on_newer: Ansible, guest: Subject) -> None:
    newer.link_set(guest.source, mbit=20)
    wishes = {"compression": "zstd", "compression_level": 3, "policy_overrides": {"postcopy": "never"}}
    running = on_newer.begin(guest.source, move(guest, **wishes, measure=False))

    def compresses() -> t.Optional[Result]:
        found = qemu(guest, "query-migrate-parameters")
        return found if found and found.get("multifd-compression") == "zstd" else None

    found = wait_for(compresses, "QEMU to have zstd")
    assert (found["multifd-zstd-level"], found["multifd-channels"]) == (3, 2)
    able = {one["capability"]: one["state"] for one in qemu(guest, "query-migrate-capabilities")}
    assert (able["multifd"], able["xbzrle"]) == (True, False)
    newer.link_set(guest.source, mbit=LINK_MBIT)
    (result,) = running.wait().results
    assert_done(result, True, outcome="moved", runs_on=guest.destination)
    flags = result["forecast"]["flags"]
    assert (flags["zstd_level"], flags["parallel_connections"], flags["postcopy"]) == (3, 2, False)
    guest.has_moved()
    guest.verify()


def zstd_level(guest: Subject, host: str) -> t.Optional[int]:
    """Of a migration from that host that runs now; None without one, or without zstd."""
    found = qemu(guest, "query-migrate-parameters", host) or {}
    return int(found["multifd-zstd-level"]) if found.get("multifd-compression") == "zstd" else None


def by_zstd(newer: Lab, running: Running, guest: Subject, hosts: t.Sequence[str]) -> Run:
    """The end of a play that has the guest leave each of the hosts, one after the other, each time with zstd."""
    for host in hosts:
        wait_for(lambda host=host: zstd_level(guest, host) == 2, f"zstd on {host}")
        newer.link_set(host, mbit=LINK_MBIT)
    run = running.wait()
    assert run.code == 0, run.output
    return run


VARIABLES = {
    "live_migration_compression": "zstd",
    "live_migration_compression_level": 2,
    "live_migration_destination_uri": "qemu+tcp://{host}/system",
    "live_migration_link_mib_per_s": LINK_MIB_PER_S,
    "live_migration_measure": False,
}


def test_by_the_playbook(newer: Lab, on_newer: Ansible, guest: Subject) -> None:
    newer.link_set(guest.source, mbit=20)
    running = on_newer.begin_playbook(
        "virtops.live_migration.migrate",
        **VARIABLES,
        live_migration_guests=[guest.name],
        live_migration_destination=guest.destination,
    )
    by_zstd(newer, running, guest, [guest.source])
    guest.has_moved()
    guest.verify()


def test_by_the_roles_away_and_home(newer: Lab, on_newer: Ansible, guest: Subject) -> None:
    for host in (guest.source, guest.destination):
        newer.link_set(host, mbit=20)
    running = on_newer.begin_playbook(
        "virtops.live_migration.evacuate",
        **VARIABLES,
        live_migration_hosts=guest.source,
        live_migration_return=True,
    )
    by_zstd(newer, running, guest, [guest.source, guest.destination])
    assert guest.state().startswith("running")
    guest.verify()


def test_it_is_chosen_by_idle_processors(on_newer: Ansible, guest: Subject) -> None:
    wishes = {"compression": "auto_zstd", "policy_overrides": {"postcopy": "never"}}
    (foreseen,) = on_newer.run(guest.source, move(guest, check=True, **wishes))
    assert not foreseen["failed"], foreseen["msg"]
    basis, flags = foreseen["forecast"]["basis"], foreseen["forecast"]["flags"]
    source, destination = basis["idle_processors"]
    assert 0 <= min(source, destination) <= max(source, destination) <= (os.cpu_count() or 1) + 0.1
    # 50 MB/s are slower than any processor that is idle, on this machine that is both hosts.
    assert (flags["zstd_level"] > 0) == (source >= 1.0), (basis, flags)


def test_memory_that_zstd_does_not_make_shorter(newer: Lab, on_newer: Ansible) -> None:
    whole = Subject(newer, "whole01", WHOLE)
    whole.start()
    try:
        whole.migrate("--parallel", "--parallel-connections", "2", "--compressed", "--comp-methods", "zstd")
        whole.in_pass(3)
        result = on_newer.module(whole.source, "migration_job_info", name="whole01", observe_s=6)
        found = result["jobs"][0]["diagnosis"]
        assert (found["verdict"], found["reason"]) == ("stuck", "COMPRESSION_USELESS"), found
        assert found["evidence"]["compressed_to_percent"] > 90
        whole.abort()
        whole.verify()
    finally:
        whole.stop()


def test_post_copy_beside_it_is_refused(on_newer: Ansible, guest: Subject) -> None:
    """With libvirt 12.8 and QEMU 11.1 its stream broke after 512 pages, and three aborts did not end the job."""
    wishes = {"compression": "zstd", "policy_overrides": {"postcopy": "prefer"}}
    (result,) = on_newer.run(guest.source, move(guest, **wishes))
    assert_refused(result, "OPTIONS_CONFLICT")
    assert guest.state().startswith("running")
    assert guest.job() == {}


def test_libvirt_enables_preemption_by_itself(newer: Lab, guest: Subject) -> None:
    """From 10.0 on, for jobs with post-copy; requested pages have a connection of their own then."""
    newer.link_set(guest.source, mbit=20)
    migration = guest.migrate("--postcopy")
    able = {one["capability"]: one["state"] for one in qemu(guest, "query-migrate-capabilities")}
    assert (able["postcopy-ram"], able["postcopy-preempt"]) == (True, True)
    newer.link_set(guest.source, mbit=LINK_MBIT)
    guest.arrives(migration)
