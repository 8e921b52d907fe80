# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest most of whose memory is free is made smaller before it is sent, and has all of it again afterwards."""

from __future__ import annotations

import typing as t

import pytest
from bench.lending import passing_by
from bench.moving import LINK_MIB_PER_S, MODULE, move
from bench.runs import Ansible, Result, assert_done, assert_refused
from bench.subject import Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

MIB = 1 << 20
SHRUNK = "https://github.com/virtops/ansible-live-migration/shrunk"
# Of what it has touched more than half is free by now, or a cache of its disk.
LOOSE = GuestOptions(
    ram_mib=1024,
    hot_mib=24,
    cold_mib=96,
    pages_per_s=200,
    balloon=True,
    freed_mib=640,
    disk="shared",
    disk_mib=64,
    cached_mib=64,
)
KEEPING = {"shrink": "balloon", "shrink_keep_mib": 48}
SCRIPT = f"AnsiballZ_{MODULE}.py"


@pytest.fixture
def loose(lab: Lab) -> t.Iterator[Subject]:
    yield from passing_by(lab, "loose01", LOOSE)


def is_noted(guest: Subject, host: str = "") -> bool:
    return "former-kib" in guest.virsh("metadata", SHRUNK, "--live", host=host, check=False)


def has_all_its_memory(guest: Subject) -> None:
    assert guest.memory_statistics()["actual"] == LOOSE.ram_mib * 1024
    assert not is_noted(guest)
    assert "<stats period" not in guest.virsh("dumpxml")


def moved(ansible: Ansible, guest: Subject, **overrides: t.Any) -> Result:
    (result,) = ansible.run(guest.source, move(guest, measure=False, policy_overrides=overrides))
    assert_done(result, True, outcome="moved", runs_on=guest.destination)
    guest.has_moved()
    return result


def test_less_is_sent_and_all_is_given_back(ansible: Ansible, loose: Subject) -> None:
    (foreseen,) = ansible.run(loose.source, move(loose, check=True, policy_overrides=KEEPING))
    has_all_its_memory(loose)
    outlook = foreseen["forecast"]["shrink"]
    assert outlook["possible"], outlook
    assert outlook["total_s"] < outlook["total_without_s"]
    whole = moved(ansible, loose)
    assert whole["shrink"] is None
    loose.verify()
    small = moved(ansible, loose, **KEEPING)
    loose.verify()
    has_all_its_memory(loose)
    done = small["shrink"]
    assert done["given_back"] and done["given_back_on"] == loose.source
    assert done["former_bytes"] == LOOSE.ram_mib * MIB
    figures = {
        "foreseen": outlook,
        "whole": [whole["record"]["sent_bytes"], whole["elapsed_ms"], whole["forecast"]["basis"]["touched_bytes"]],
        "small": [small["record"]["sent_bytes"], small["elapsed_ms"], small["forecast"]["basis"]["touched_bytes"]],
        "shrink": done,
    }
    print(figures)
    assert small["record"]["sent_bytes"] < 0.6 * whole["record"]["sent_bytes"], figures


def test_by_the_playbook(ansible: Ansible, loose: Subject) -> None:
    """Which has a variable for each field of the policy, given as a text on the command line."""
    source = loose.source
    run = ansible.playbook(
        "virtops.live_migration.migrate",
        *(f"-elive_migration_{name}" for name in ("shrink=balloon", "shrink_keep_mib=48", "max_restarts=1")),
        live_migration_guests=[loose.name],
        live_migration_destination=loose.destination,
        live_migration_destination_uri="qemu+tcp://{host}/system",
        live_migration_link_mib_per_s=LINK_MIB_PER_S,
        live_migration_measure=False,
    )
    assert run.code == 0, run.output
    loose.has_moved()
    has_all_its_memory(loose)
    results = [one["result"] for one in run.tasks]
    found = [item["shrink"] for one in results for item in [one, *one.get("results", [])] if item.get("shrink")]
    assert [one["given_back_on"] for one in found] == [loose.source], results
    assert loose.source != source


@pytest.mark.parametrize("at", ["taking", "sending"])
def test_the_module_dies_and_the_next_run_gives_it_back(ansible: Ansible, loose: Subject, lab: Lab, at: str) -> None:
    # Slow, so that it is still on its way when the next run comes; its limit counts from the next pass on.
    slow, fast = {"bandwidth_mib_per_s": 1}, {"bandwidth_mib_per_s": 1000}
    running = ansible.begin(loose.source, move(loose, measure=False, policy_overrides=KEEPING, **slow))
    wait_for(lambda: is_noted(loose), "the note")
    wait_for(lambda: loose.memory_statistics()["actual"] < 800 * 1024, "its memory to be taken")
    if at == "sending":
        loose.in_pass(1)
    assert lab.kill_script(loose.source, SCRIPT) == 1
    (died,) = running.wait().results
    assert_refused(died, "MODULE_DIED")
    assert loose.memory_statistics()["actual"] < 800 * 1024
    assert is_noted(loose)
    running = ansible.begin(loose.source, move(loose, measure=False, **fast))
    wait_for(lambda: running.process.poll() is not None or "] loose01: " in running.said(), "its progress")
    loose.virsh("migrate-setspeed", "1000", check=False)
    (again,) = running.wait().results
    assert_done(again, True, outcome="moved" if at == "taking" else "adopted", runs_on=loose.destination)
    loose.has_moved()
    assert again["shrink"]["given_back"], again["shrink"]
    has_all_its_memory(loose)


def test_a_guest_that_runs_short_of_memory_is_called_back(ansible: Ansible, loose: Subject, lab: Lab) -> None:
    """And is sent with all of it. What it was to keep is nearly gone here, as its program has grown."""
    allowed = {"shrink": "balloon", "shrink_keep_mib": 256}
    order = move(loose, measure=False, policy_overrides=allowed, bandwidth_mib_per_s=8)
    running = ansible.begin(loose.source, order)
    loose.in_pass(1)
    lab.guest_hold(loose.uuid, mib=276)
    (result,) = running.wait().results
    assert_done(result, True, outcome="moved", runs_on=loose.destination)
    loose.has_moved()
    assert "ran short of memory" in str(result["warnings"])
    assert "to keep" in str(result["warnings"])
    has_all_its_memory(loose)


def test_after_an_abort_it_has_its_memory_again(ansible: Ansible, loose: Subject) -> None:
    order = move(loose, measure=False, policy_overrides=KEEPING, bandwidth_mib_per_s=2)
    running = ansible.begin(loose.source, order)
    loose.in_pass(1)
    loose.virsh("domjobabort")
    (result,) = running.wait().results
    assert result["failed"], result
    assert result["shrink"]["given_back_on"] == loose.source, result
    has_all_its_memory(loose)


@pytest.mark.fast
def test_readiness_says_what_is_sent_for_nothing(ansible: Ansible, loose: Subject) -> None:
    loose.virsh("dommemstat", "--period", "1", "--live")
    here, there = (host_of(ansible, name) for name in (loose.source, loose.destination))
    arguments = {"source": here, "destinations": [there], "bandwidth_mib_per_s": 45}
    found = ansible.module(loose.source, "migration_readiness_info", name=loose.name, **arguments)
    allowed = {"contract": {"shrink": "balloon"}, **arguments}
    taken = ansible.module(loose.source, "migration_readiness_info", name=loose.name, **allowed)
    check, when_taken = (
        next(one for one in each["domains"][0]["checks"] if one["id"] == "sends_free_memory") for each in (found, taken)
    )
    loose.virsh("dommemstat", "--period", "0", "--live")
    assert when_taken["status"] == "pass", when_taken
    assert check["status"] == "warn", check
    assert check["evidence"]["idle_bytes"] > 500 * MIB
    assert "shrink: balloon" in check["remedy"]


def host_of(ansible: Ansible, name: str) -> t.Any:
    return ansible.module(name, "migration_host_info")["host"]
