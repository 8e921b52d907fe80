# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_abort on a real guest: cancelled and verified, or refused."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject

MODULE = "migration_abort"


@pytest.mark.fast
def test_cancel_a_precopy(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    foreseen, refused = ansible.run(
        erp01.source, task(MODULE, check=True, name="erp01"), task(MODULE, name="erp01", postcopy=True)
    )
    assert_done(foreseen, True, phase="cancelled")
    assert_refused(refused, "NOT_IN_POSTCOPY")
    assert erp01.job(), "check mode has cancelled it"

    first, second = ansible.run(erp01.source, task(MODULE, name="erp01"), task(MODULE, name="erp01"))
    assert_done(first, True, phase="cancelled")
    # It never stopped, so libvirt still gives the reason for which it ran before.
    assert first["guest_state"].startswith("running")
    assert first["diff"] == foreseen["diff"] == {"before": {"phase": "precopy"}, "after": {"phase": "cancelled"}}
    assert_done(second, False, phase="none")
    assert migration.wait() != 0
    assert not erp01.state(erp01.destination).startswith(("running", "paused"))


def test_a_suspended_guest_is_brought_back(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--bandwidth", "2")
    erp01.virsh("suspend")
    result = ansible.module(erp01.source, MODULE, name="erp01")
    assert_done(result, True)
    assert result["guest_state"] == "running (migration cancelled)"


def test_postcopy_is_paused_and_never_cancelled(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(2)
    refused, foreseen, first, second = ansible.run(
        erp01.source,
        task(MODULE, name="erp01"),
        task(MODULE, check=True, name="erp01", postcopy=True),
        task(MODULE, name="erp01", postcopy=True),
        task(MODULE, name="erp01", postcopy=True),
    )
    assert_refused(refused, "POSTCOPY_RUNNING")
    assert_done(foreseen, True, phase="postcopy_failed")
    assert_done(first, True, phase="postcopy_failed")
    assert first["diff"]["before"] == {"phase": "postcopy"}
    assert_done(second, False, phase="postcopy_failed")
    assert migration.wait() != 0
    assert erp01.state() == "paused (post-copy failed)"
    # libvirt applies the limit for post-copy anew when it resumes.
    erp01.virsh("migrate-setspeed", "0", "--postcopy")
    erp01.recover()


def test_nothing_to_abort(ansible: Ansible, erp01: Subject) -> None:
    results = ansible.run(
        erp01.source,
        task(MODULE, name="erp01"),
        task(MODULE, check=True, name="erp01"),
        task(MODULE, name="erp01", postcopy=True),
    )
    for result in results:
        assert not result["failed"], result
        assert_done(result, False, phase="none")
        assert result["guest_state"].startswith("running")
