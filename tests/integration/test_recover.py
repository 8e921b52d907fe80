# SPDX-License-Identifier: GPL-3.0-or-later
"""A broken post-copy is joined again, and neither half is ever lost."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject, wait_for

MODULE = "migration_recover"


def uri(host: str) -> str:
    return f"qemu+tcp://{host}/system"


@pytest.fixture
def broken(erp01: Subject) -> Subject:
    """In post-copy, with the rest of its memory on the source, and the connection cut."""
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    erp01.lab.cut_stream(source=erp01.source, destination=erp01.destination)
    wait_for(lambda: erp01.state() == "paused (post-copy failed)", "the post-copy to break")
    return erp01


@pytest.mark.fast
def test_the_halves_are_joined(ansible: Ansible, resumable: None, broken: Subject) -> None:
    source, destination = broken.source, broken.destination
    broken.virsh("migrate-setspeed", "0", "--postcopy")
    foreseen, first, second = ansible.run(
        source,
        task(MODULE, check=True, name="erp01", destination_uri=uri(destination)),
        task(MODULE, name="erp01", destination_uri=uri(destination)),
        task(MODULE, name="erp01", destination_uri=uri(destination)),
    )
    assert_done(foreseen, True, phase="completed")
    assert_done(first, True, phase="completed")
    assert first["attempts"] >= 1
    assert first["diff"] == foreseen["diff"]
    assert first["diff"]["before"] == {"phase": "postcopy_failed"}
    assert_done(second, False, phase="completed", attempts=0)
    assert broken.state(destination) == "running (migrated)"
    assert broken.state(source) == "shut off (migrated)"


def test_a_paused_postcopy_goes_on(ansible: Ansible, resumable: None, erp01: Subject) -> None:
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(1)  # what is left takes longer than two modules, on a busy machine, too
    running, paused = ansible.run(
        erp01.source,
        task(MODULE, name="erp01", destination_uri=uri(erp01.destination)),
        task("migration_abort", name="erp01", postcopy=True),
    )
    assert_done(running, False, phase="postcopy", attempts=0)
    assert_done(paused, True, phase="postcopy_failed")
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    joined = ansible.module(erp01.source, MODULE, name="erp01", destination_uri=uri(erp01.destination))
    assert_done(joined, True, phase="completed")


def test_the_wrong_destination_changes_nothing(ansible: Ansible, resumable: None, broken: Subject) -> None:
    source = broken.source
    itself, nowhere = ansible.run(
        source,
        task(MODULE, name="erp01", destination_uri=uri(source)),
        task(MODULE, name="erp01", destination_uri="qemu+tcp://127.0.0.9:1/system"),
    )
    assert_refused(itself, "HALF_MISSING")
    assert_refused(nowhere, "CONNECTION_FAILED")
    assert broken.state() == "paused (post-copy failed)"
    assert broken.state(broken.destination) == "running (post-copy failed)"
    broken.virsh("migrate-setspeed", "0", "--postcopy")
    broken.recover()


def test_nothing_to_recover(ansible: Ansible, erp01: Subject) -> None:
    there = uri(erp01.destination)
    idle, bad = ansible.run(
        erp01.source,
        task(MODULE, name="erp01", destination_uri=there),
        task(MODULE, name="erp01", destination_uri=there, attempts=0),
    )
    assert_refused(idle, "NO_JOB")
    assert_refused(bad, "OUT_OF_RANGE")
    erp01.migrate()
    assert_refused(ansible.module(erp01.source, MODULE, name="erp01", destination_uri=there), "NOTHING_TO_RECOVER")
