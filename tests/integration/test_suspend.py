# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_suspend on a real guest: every pause has an end."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_done, assert_refused
from bench.subject import Subject

MODULE = "migration_suspend"


@pytest.mark.fast
def test_it_finishes_within_the_pause(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate()
    erp01.in_pass(2)
    foreseen = ansible.module(erp01.source, MODULE, check=True, name="erp01", max_pause_s=60)
    assert_done(foreseen, True, phase="completed")
    assert erp01.state().startswith("running"), "check mode has suspended it"

    source = erp01.source
    result = ansible.module(source, MODULE, name="erp01", max_pause_s=60)
    assert_done(result, True, phase="completed")
    erp01.arrives(migration)
    completed = ansible.module(source, "migration_job_info", name="erp01", completed=True)["jobs"][0]
    assert result["downtime_ms"] == completed["downtime_ms"] > 0
    assert result["elapsed_ms"] == completed["elapsed_ms"] > result["downtime_ms"]
    # The guest's own heartbeat saw the standstill too.
    assert erp01.lab.guest_report(erp01.uuid).switchover_gap_ms
    again = ansible.module(source, MODULE, name="erp01", max_pause_s=60)
    assert again["reason"] == "NO_JOB"


def test_expired_and_aborted(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--bandwidth", "2")
    result = ansible.module(erp01.source, MODULE, name="erp01", max_pause_s=1)
    assert_refused(result, "PAUSE_EXPIRED")
    assert result["evidence"]["remaining_bytes"] > 0
    assert erp01.state() == "running (migration canceled)"
    assert not erp01.job()
    erp01.verify()


def test_expired_and_left(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--bandwidth", "2")
    arguments = {"name": "erp01", "max_pause_s": 1, "on_expiry": "leave"}
    first = ansible.module(erp01.source, MODULE, **arguments)
    assert_done(first, True, phase="switchover")
    assert erp01.state() == "paused (migrating)"
    # The pause is adopted, not begun again.
    second = ansible.module(erp01.source, MODULE, **arguments)
    assert_done(second, False, phase="switchover")
    erp01.virsh("migrate-setspeed", "0")
    erp01.arrives(migration)


def test_no_job_and_no_time(ansible: Ansible, erp01: Subject) -> None:
    assert ansible.module(erp01.source, MODULE, name="erp01", max_pause_s=5)["reason"] == "NO_JOB"
    assert ansible.module(erp01.source, MODULE, name="erp01", max_pause_s=0)["reason"] == "OUT_OF_RANGE"
    assert erp01.state().startswith("running")
