# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest is moved to a host, whatever is missing for that; its memory is checked after every test."""

from __future__ import annotations

import typing as t

import pytest
from bench.lending import passing_by
from bench.moving import LINK_MIB_PER_S, MODULE, actions, downtime_limits, move
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab


@pytest.mark.fast
def test_an_idle_guest(ansible: Ansible, crm01: Subject) -> None:
    source, destination = crm01.source, crm01.destination
    crm01.virsh("autostart")
    # A test before may have moved it with virsh, which leaves a definition behind.
    crm01.virsh("undefine", host=destination, check=False)
    tasks = [move(crm01, check=True, measure=False), move(crm01), move(crm01)]
    foreseen, first, second = ansible.run(source, *tasks)
    assert_done(foreseen, True, outcome="moved", runs_on=source)
    assert_done(first, True, outcome="moved", runs_on=destination)
    assert foreseen["diff"] == first["diff"]
    assert first["diff"]["before"] == {"autostart": True, "defined_on": [source], "runs_on": source}
    assert first["diff"]["after"] == {"autostart": True, "defined_on": [destination], "runs_on": destination}
    assert first["downtime_ms"] > 0
    assert 0 < max(downtime_limits(first)) <= 500
    assert first["record"]["outcome"] == "completed"
    assert_done(second, False, outcome="already_there", runs_on=destination)
    crm01.has_moved()
    assert crm01.state(crm01.destination) == ""
    information = crm01.virsh("dominfo")
    assert "Autostart:      enable" in information
    assert "Persistent:     yes" in information
    assert "carried" not in crm01.virsh("dumpxml", "--inactive")


@pytest.mark.fast
def test_a_busy_guest_by_postcopy(ansible: Ansible, erp01: Subject) -> None:
    """It is measured where that is asked for, and not before it is sent: the first pass tells what is needed."""
    allowed = {"policy_overrides": {"postcopy": "if_needed"}}
    foreseen, result = ansible.run(erp01.source, move(erp01, check=True, **allowed), move(erp01, **allowed))
    assert foreseen["forecast"]["way"] == "postcopy"
    assert_done(result, True, outcome="moved", runs_on=erp01.destination)
    assert "the first pass tells" in result["forecast"]["basis"]["not_measured"]
    assert "start_postcopy" in actions(result)
    assert max(downtime_limits(result)) <= 500
    erp01.has_moved()


def test_a_busy_guest_by_downtime(ansible: Ansible, erp01: Subject) -> None:
    allowed = {"max_downtime_ms": 8000, "max_throttle_percent": 0}
    result = ansible.run(erp01.source, move(erp01, policy_overrides=allowed, compression="none"))[0]
    assert_done(result, True, outcome="moved", runs_on=erp01.destination)
    assert result["forecast"]["way"] == "precopy"
    assert "set_downtime" in actions(result)
    assert result["downtime_ms"] > 300
    assert 300 < max(downtime_limits(result)) <= 8000
    erp01.has_moved()


@pytest.mark.fast
def test_no_way_within_the_policy(ansible: Ansible, erp01: Subject) -> None:
    strict = {"max_throttle_percent": 0, "postcopy": "never"}
    result = ansible.run(erp01.source, move(erp01, policy_overrides=strict, compression="none"))[0]
    assert_refused(result, "NO_WAY")
    needs = result["evidence"]["needs"]
    assert needs["postcopy"] is True
    assert 1000 < needs["max_downtime_ms"] < 4000
    assert f"{needs['max_downtime_ms'] / 1000:.1f} s" in result["msg"]
    assert result["forecast"]["will_finish"] is False
    assert not erp01.job()
    assert erp01.state().startswith("running")


def test_given_up_at_the_deadline(ansible: Ansible, erp01: Subject) -> None:
    strict = {"max_throttle_percent": 0, "deadline_s": 6}
    words = {"policy_overrides": strict, "compression": "none", "measure": False, "force": True}
    result = ansible.run(erp01.source, move(erp01, **words))[0]
    assert_refused(result, "GIVEN_UP")
    assert actions(result)[-1] == "abort"
    assert result["runs_on"] == erp01.source
    assert result["evidence"]["decision"] == "DEADLINE"
    # libvirt forgets such a job at once; whether it is still seen as cancelled is a matter of milliseconds.
    assert result["record"]["outcome"] in ("cancelled", "failed")
    assert erp01.state().startswith("running")
    assert erp01.virsh("migrate-getmaxdowntime") == "300"


@pytest.mark.fast
def test_what_was_not_waited_for_is_adopted(ansible: Ansible, erp01: Subject) -> None:
    """As after the death of whoever started it."""
    source, destination = erp01.source, erp01.destination
    allowed = {"policy_overrides": {"postcopy": "if_needed"}, "measure": False}
    started, foreseen, adopted = ansible.run(
        source, move(erp01, wait=False, **allowed), move(erp01, check=True, **allowed), move(erp01, **allowed)
    )
    assert_done(started, True, outcome="started", runs_on=source)
    assert_done(foreseen, True, outcome="adopted", runs_on=source)
    assert_done(adopted, True, outcome="adopted", runs_on=destination)
    assert "start_postcopy" in actions(adopted)
    assert adopted["diff"] == foreseen["diff"]
    assert adopted["diff"]["after"]["defined_on"] == [destination]
    erp01.has_moved()


def test_a_job_that_virsh_started(ansible: Ansible, crm01: Subject) -> None:
    source, destination = crm01.source, crm01.destination
    crm01.virsh("autostart")  # libvirt 12.8 does not set it while it migrates
    migration = crm01.migrate("--bandwidth", "2")
    result = ansible.run(source, move(crm01, bandwidth_mib_per_s=1000))[0]
    assert_done(result, True, outcome="adopted", runs_on=destination)
    assert result["kept"] == ["set_autostart_on_destination", "undefine_on_source"]
    crm01.arrives(migration)
    assert crm01.state(source) == ""
    crm01.virsh("autostart", "--disable")


@pytest.fixture
def passing(lab: Lab) -> t.Iterator[Subject]:
    """A guest that no host has a definition of."""
    yield from passing_by(lab, "passing by", GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8, transient=True))


def test_a_transient_guest(ansible: Ansible, passing: Subject) -> None:
    result = ansible.run(passing.source, move(passing, measure=False))[0]
    assert_done(result, True, outcome="moved", runs_on=passing.destination)
    assert result["diff"]["after"]["defined_on"] == []
    passing.has_moved()
    assert "Persistent:     no" in passing.virsh("dominfo")


@pytest.mark.fast
def test_a_start_that_fails(ansible: Ansible, crm01: Subject) -> None:
    crm01.lab.fill_ports(crm01.destination)
    try:
        result = ansible.run(crm01.source, move(crm01, measure=False))[0]
    finally:
        crm01.lab.clear(crm01.destination)
    assert_refused(result, "PORT_UNAVAILABLE")
    assert result["runs_on"] == crm01.source
    assert crm01.state().startswith("running")
    # What was prepared is taken back.
    assert crm01.virsh("migrate-getmaxdowntime") == "300"


def test_what_cannot_be(ansible: Ansible, crm01: Subject) -> None:
    tasks = {
        "CONNECTION_FAILED": move(crm01, destination_uri="qemu+tcp://127.0.0.9:1/system"),
        "SAME_HOST": move(crm01, to=crm01.source),
        "BAD_CONTRACT": move(crm01, policy_overrides={"max_downtime_ms": 0}),
        "OPTIONS_CONFLICT": move(crm01, parallel_connections=4, compression="xbzrle"),
        "GUEST_NOT_FOUND": task(MODULE, name="erp99", destination_uri=f"qemu+tcp://{crm01.destination}/system"),
    }
    for reason, result in zip(tasks, ansible.run(crm01.source, *tasks.values()), strict=True):
        assert_refused(result, reason)
        assert "Nothing was changed" in result["state"]
    assert crm01.state().startswith("running")


@pytest.mark.fast
def test_the_playbook(ansible: Ansible, crm01: Subject) -> None:
    asked = {
        "live_migration_guests": ["crm01"],
        "live_migration_destination": crm01.destination,
        "live_migration_destination_uri": "qemu+tcp://{host}/system",
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
    }
    run = ansible.playbook("virtops.live_migration.migrate", **asked)
    assert run.code == 0, run.output
    (told,) = run.stats["live_migration_migrate"]
    assert (told["outcome"], told["runs_on"], told["source"]) == ("moved", crm01.destination, crm01.source)
    assert f"crm01 runs on {crm01.destination}; it stood still for {told['downtime_ms']} ms." in run.output
    crm01.has_moved()
    again = ansible.playbook("virtops.live_migration.migrate", **{**asked, "live_migration_guests": ["crm01", "erp99"]})
    assert again.code != 0
    assert again.changed == []
    assert f"crm01 runs on {crm01.source} as before." in again.output
    assert "runs erp99." in again.failure
