# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_job_info on real guests: the job document, and which jobs are found."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, task
from bench.subject import Subject

MODULE = "migration_job_info"
MIB = 1024**2

# The promise of the collection to everybody who reads a job: these keys, and no others.
KEYS = {
    "name",
    "uuid",
    "phase",
    "operation",
    "elapsed_ms",
    "pass",
    "memory",
    "disk",
    "limits",
    "throttle_percent",
    "postcopy_requests",
    "diagnosis",
    "xbzrle",
}
MEMORY = {
    "total_bytes",
    "processed_bytes",
    "remaining_bytes",
    "bandwidth_bytes_per_s",
    "dirty_pages_per_s",
    "page_size_bytes",
    "dirty_bytes_per_s",
    "normal_pages",
}
DISK = {"total_bytes", "processed_bytes", "remaining_bytes"}
LIMITS = {"max_downtime_ms", "bandwidth_mib_per_s", "postcopy_bandwidth_mib_per_s"}
DIAGNOSIS = {"verdict", "reason", "summary", "evidence", "remedies"}
REMEDY = {"action", "command", "module", "expected", "risk", "allowed"}


def check_keys(job: dict, downtime_key: str, *, kept: bool = False) -> None:
    """``kept``: the statistics of a job that has ended before, of which the guest's own word does not count."""
    assert set(job) == KEYS | {downtime_key} | (set() if kept else {"own_limits"})
    assert set(job["memory"]) == MEMORY
    assert set(job["disk"]) == DISK
    assert set(job["limits"]) == LIMITS
    assert set(job["diagnosis"]) == DIAGNOSIS
    for remedy in job["diagnosis"]["remedies"]:
        assert set(remedy) == REMEDY


@pytest.mark.fast
def test_no_job(ansible: Ansible, erp01: Subject) -> None:
    here, nowhere = ansible.run(
        erp01.source, task(MODULE, name="erp01"), task(MODULE, name="erp01", observe_s=60, timeout_s=25)
    )
    for result in (here, nowhere):
        assert not result["failed"], result
        assert not result["changed"]
        assert result["jobs"] == []
        (guest,) = result["guests"]
        assert (guest["name"], guest["uuid"], guest["state"]) == ("erp01", erp01.uuid, "running")


@pytest.mark.fast
def test_a_job_on_both_hosts(ansible: Ansible, erp01: Subject, crm01: Subject) -> None:
    erp01.migrate()
    glance, by_uuid, every, other = ansible.run(
        erp01.source,
        task(MODULE, name="erp01"),
        task(MODULE, check=True, uuid=erp01.uuid),
        task(MODULE),
        task(MODULE, name="crm01"),
    )
    for result in (glance, by_uuid, every):
        assert not result["failed"], result
        assert not result["changed"]
        (job,) = result["jobs"]
        check_keys(job, "expected_downtime_ms")
        assert (job["name"], job["uuid"]) == ("erp01", erp01.uuid)
        assert (job["phase"], job["operation"]) == ("precopy", "outgoing")
        assert job["pass"] >= 1
        assert job["elapsed_ms"] > 0
        assert job["memory"]["total_bytes"] > 256 * MIB
        assert job["memory"]["processed_bytes"] > 0
        assert job["memory"]["page_size_bytes"] == 4096
        assert job["limits"] == {
            "max_downtime_ms": 300,
            "bandwidth_mib_per_s": 0,
            "postcopy_bandwidth_mib_per_s": 0,
        }
    known_here = {guest["name"] for guest in every["guests"]}
    assert "erp01" in known_here
    if crm01.source == erp01.source:
        assert "crm01" in known_here
        assert other["jobs"] == []
        assert [guest["name"] for guest in other["guests"]] == ["crm01"]

    one, all_there = ansible.run(
        erp01.destination, task(MODULE, name="erp01", timeout_s=25), task(MODULE, timeout_s=25)
    )
    for result in (one, all_there):
        (job,) = result["jobs"]
        check_keys(job, "expected_downtime_ms")
        assert (job["name"], job["operation"], job["phase"]) == ("erp01", "incoming", "precopy")
        assert job["diagnosis"]["reason"] == "INCOMING"


def test_watching_sees_boundaries(ansible: Ansible, crm01: Subject) -> None:
    # It can never finish, and a pass takes 2.4 s, in which it could rewrite all of its 24 MiB eight times.
    crm01.load(20_000)
    crm01.virsh("migrate-setmaxdowntime", "1")
    crm01.migrate("--postcopy")
    crm01.in_pass(2)
    crm01.virsh("migrate-setspeed", "10")
    crm01.in_pass(crm01.job()["memory_iteration"] + 1)
    (job,) = ansible.module(crm01.source, MODULE, name="crm01", observe_s=8)["jobs"]
    check_keys(job, "expected_downtime_ms")
    evidence = job["diagnosis"]["evidence"]
    assert evidence["looks"] > 5
    assert evidence["observed_s"] >= 8
    passes = [number for number, _left in evidence["boundaries"]]
    assert len(passes) >= 2
    assert passes == sorted(set(passes))
    # The set that it rewrites is left at every boundary, and nothing but that.
    assert all(20 * MIB < left < 40 * MIB for _number, left in evidence["boundaries"]), evidence


def test_watching_sees_the_end(ansible: Ansible, crm01: Subject) -> None:
    # Slow enough to be met by a module that a busy machine starts late.
    migration = crm01.migrate("--bandwidth", "1")
    before = crm01.clients()
    running = ansible.begin(crm01.source, task(MODULE, name="crm01", observe_s=120))
    crm01.has_client(running, before)
    crm01.virsh("migrate-setspeed", "12")
    (result,) = running.wait().results
    (job,) = result["jobs"]
    check_keys(job, "downtime_ms")
    assert (job["phase"], job["diagnosis"]["reason"]) == ("completed", "COMPLETED"), job
    assert job["downtime_ms"] > 0
    crm01.arrives(migration)


def test_statistics_of_a_completed_job_are_kept(ansible: Ansible, crm01: Subject) -> None:
    source = crm01.source
    crm01.arrives(crm01.migrate())
    completed = {"name": "crm01", "completed": True}
    first, second, running = ansible.run(
        source, task(MODULE, **completed), task(MODULE, **completed), task(MODULE, name="crm01")
    )
    (job,) = first["jobs"]
    check_keys(job, "downtime_ms", kept=True)
    assert (job["phase"], job["operation"]) == ("completed", "outgoing")
    assert job["downtime_ms"] > 0
    assert job["memory"]["remaining_bytes"] == 0
    assert job["diagnosis"] == {**second["jobs"][0]["diagnosis"], "verdict": "none", "reason": "COMPLETED"}
    assert second["jobs"] == first["jobs"], "reading them has destroyed them"
    assert running["jobs"] == []
    arrived = ansible.module(crm01.source, MODULE, **completed)
    assert [each["operation"] for each in arrived["jobs"]] == ["incoming"]


def test_an_aborted_job_leaves_nothing(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    erp01.abort()
    running, completed = ansible.run(
        erp01.source, task(MODULE, name="erp01"), task(MODULE, name="erp01", completed=True)
    )
    assert running["jobs"] == completed["jobs"] == []
