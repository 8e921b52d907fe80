# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks over SSH, with an ordinary inventory of both hosts."""

from __future__ import annotations

import re
import typing as t

import pytest
from bench.runs import Ansible, Run
from bench.subject import Subject, wait_for

DIAGNOSE = "virtops.live_migration.diagnose"
RESCUE = "virtops.live_migration.rescue"


def rescue(ansible: Ansible, guest: Subject, *options: str, **limits: t.Any) -> Run:
    return ansible.playbook(RESCUE, *options, live_migration_guest=guest.name, **limits)


def check_rescued(run: Run, guest: Subject, remedies: list[str]) -> None:
    """The play says where the guest is now, and how it got there; to be asked after its arrival."""
    assert run.code == 0, run.output
    told = run.stats["live_migration_rescue"]
    assert told["remedies"] == remedies
    assert told["source"] == guest.destination
    assert told["runs_on"] == [guest.source]
    assert told["downtime_ms"] > 0
    assert f"runs on {guest.source}" in run.output


def test_diagnose_where_nothing_migrates(ansible: Ansible) -> None:
    run = ansible.playbook(DIAGNOSE)
    assert run.code == 0, run.output
    assert run.changed == []
    assert "No live migration runs on the hosts kvm01, kvm02" in run.output
    assert run.stats["live_migration_jobs"] == {"kvm01": [], "kvm02": []}


@pytest.mark.fast
def test_diagnose_a_guest(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--postcopy")
    erp01.in_pass(2)
    run = ansible.playbook(DIAGNOSE, live_migration_guest="erp01", live_migration_observe_s=8)
    assert run.code == 0, run.output
    assert run.changed == []
    jobs = run.stats["live_migration_jobs"]
    (leaving,), (arriving,) = jobs[erp01.source], jobs[erp01.destination]
    assert leaving["diagnosis"]["reason"] == "DIRTY_RATE"
    assert arriving["operation"] == "incoming"
    for word in ("DIRTY_RATE", "virsh migrate-postcopy erp01", "erp01 rewrites its memory"):
        assert word in run.output
    assert erp01.job()


def test_diagnose_a_guest_that_nobody_has(ansible: Ansible) -> None:
    run = ansible.playbook(DIAGNOSE, live_migration_guest="erp99")
    assert run.code != 0
    assert "erp99" in run.failure
    assert "kvm01, kvm02" in run.failure


@pytest.mark.fast
def test_rescue_by_postcopy_and_again(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    erp01.in_pass(2)
    run = rescue(ansible, erp01, live_migration_postcopy="if_needed")
    assert run.code == 0, run.output
    erp01.arrives(migration)
    check_rescued(run, erp01, ["start_postcopy"])
    # Nobody named the destination: it is where the guest was seen to arrive.
    assert run.stats["live_migration_rescue"]["destination"] == erp01.source
    # What it saw and did was told while it ran.
    assert re.search(rf"^\[{erp01.destination}\] erp01: pass [0-9]+, .* MiB left", run.output, re.MULTILINE)
    assert f"[{erp01.destination}] erp01: completed after" in run.output
    # Nothing is left to do.
    again = rescue(ansible, erp01)
    assert again.code == 0, again.output
    assert again.changed == []
    assert "was not being migrated" in again.output
    assert again.stats["live_migration_rescue"]["runs_on"] == [erp01.source]


def test_rescue_of_a_broken_postcopy(ansible: Ansible, resumable: None, erp01: Subject) -> None:
    """The halves are joined over a destination that nobody has named: it is where the guest was seen to arrive."""
    source, destination = erp01.source, erp01.destination
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    erp01.lab.cut_stream(source=source, destination=destination)
    wait_for(lambda: erp01.state() == "paused (post-copy failed)", "the post-copy to break")
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    run = rescue(ansible, erp01, live_migration_destination_uri="qemu+tcp://{host}/system")
    assert run.code == 0, run.output
    told = run.stats["live_migration_rescue"]
    assert (told["destination"], told["runs_on"]) == (destination, [destination])
    assert "recover" in told["remedies"], told
    erp01.has_moved()


def test_rescue_by_downtime(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    erp01.in_pass(2)
    run = rescue(ansible, erp01, live_migration_postcopy="never", live_migration_max_downtime_ms=8000)
    assert run.code == 0, run.output
    erp01.arrives(migration)
    check_rescued(run, erp01, ["set_downtime"])
    assert run.stats["live_migration_rescue"]["downtime_ms"] > 1000


def test_rescue_by_a_pause(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate()
    erp01.in_pass(2)
    run = rescue(ansible, erp01, live_migration_max_pause_s=30)
    assert run.code == 0, run.output
    erp01.arrives(migration)
    check_rescued(run, erp01, ["set_downtime"])
    assert run.stats["live_migration_rescue"]["downtime_ms"] > 1000


def test_rescue_by_bandwidth(ansible: Ansible, crm01: Subject) -> None:
    # Too much for the cap, also on a machine that gets half of that done, and little for the link.
    crm01.load(5_000)
    migration = crm01.migrate("--bandwidth", "8")
    crm01.in_pass(2)
    run = rescue(ansible, crm01, live_migration_postcopy="never")
    assert run.code == 0, run.output
    crm01.arrives(migration)
    check_rescued(run, crm01, ["set_bandwidth"])


def test_rescue_with_nothing_allowed(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    erp01.in_pass(2)
    run = rescue(ansible, erp01, live_migration_postcopy="never", live_migration_timeout_s=12)
    assert run.code != 0, run.output
    assert run.changed == []
    for words in ("its migration goes on", "live_migration_max_downtime_ms", "erp01 rewrites its memory"):
        assert words in run.failure
    assert migration.exit_code() is None
    assert erp01.state().startswith("running")


def test_rescue_over_a_link_that_is_too_slow(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--postcopy")
    erp01.in_pass(2)
    # At this rate the guest would depend on both hosts for minutes.
    erp01.lab.link_set(erp01.source, mbit=4)
    run = rescue(ansible, erp01, live_migration_postcopy="if_needed", live_migration_timeout_s=12)
    assert run.code != 0, run.output
    assert run.changed == []
    assert "its migration goes on" in run.failure
    assert "The link carries only" in run.failure
    assert erp01.state().startswith("running")


@pytest.mark.fast
def test_check_mode_changes_nothing(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--postcopy")
    erp01.in_pass(2)
    run = rescue(ansible, erp01, "--check", live_migration_postcopy="if_needed")
    assert run.code == 0, run.output
    assert run.changed == ["See the migration to its end"]
    assert run.stats["live_migration_rescue"]["remedies"] == ["start_postcopy"]
    assert erp01.state().startswith("running")
    assert erp01.job()


def test_a_rescue_of_nobody(ansible: Ansible) -> None:
    run = ansible.playbook(RESCUE, live_migration_guest="erp99")
    assert run.code != 0
    assert "Nothing was changed." in run.failure


def test_a_rescue_of_all_where_nothing_migrates(ansible: Ansible) -> None:
    run = ansible.playbook(RESCUE, live_migration_guest="")
    assert run.code == 0, run.output
    assert run.changed == []
    assert "No live migration runs." in run.output
    assert run.stats["live_migration_rescue"]["guests"] == []


def test_a_rescue_of_all_that_are_stuck(ansible: Ansible, erp01: Subject, crm01: Subject) -> None:
    """One is freed by its bandwidth, the other one by post-copy: in that order, in one report."""
    crm01.load(5_000)
    migrations = [erp01.migrate("--postcopy"), crm01.migrate("--bandwidth", "8", "--postcopy")]
    for guest in (erp01, crm01):
        guest.in_pass(3)
    run = ansible.playbook(RESCUE, live_migration_postcopy="if_needed")
    assert run.code == 0, run.output
    for guest, migration in zip((erp01, crm01), migrations):
        guest.arrives(migration)
    found = run.stats["live_migration_rescue"]
    assert {one["guest"] for one in found["guests"]} == {"erp01", "crm01"}
    for one in found["guests"]:
        assert one["outcome"] in ("completed", "none"), one
        assert len(one["runs_on"]) == 1
    assert "set_bandwidth" in found["remedies"]
