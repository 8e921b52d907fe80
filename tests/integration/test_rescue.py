# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_rescue on a real guest: adopted, and seen to its end within what is allowed."""

from __future__ import annotations

import typing as t

import pytest
from bench.moving import actions, downtime_limits
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject, wait_for

MODULE = "migration_rescue"


def test_by_the_downtime_that_is_needed(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate()
    erp01.in_pass(3)
    allowed = {"max_downtime_ms": 8000, "postcopy": "never"}
    foreseen, first, second = ansible.run(
        erp01.source,
        task(MODULE, check=True, name="erp01", policy_overrides=allowed),
        task(MODULE, name="erp01", policy_overrides=allowed),
        task(MODULE, name="erp01", policy_overrides=allowed),
    )
    assert not foreseen["failed"], foreseen
    assert_done(first, True, outcome="completed")
    assert set(actions(first)) == {"set_downtime"}
    assert first["downtime_ms"] > 300
    assert 300 < max(downtime_limits(first)) <= 8000
    assert first["record"]["looks"]
    assert_done(second, False, outcome="none")
    erp01.arrives(migration)


@pytest.mark.fast
def test_by_postcopy(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    result = ansible.module(
        erp01.source, MODULE, name="erp01", policy_overrides={"max_downtime_ms": 500, "postcopy": "if_needed"}
    )
    assert_done(result, True, outcome="completed")
    assert "start_postcopy" in actions(result)
    assert max(downtime_limits(result)) <= 500
    erp01.arrives(migration)


def test_a_throttle_that_somebody_else_chose_is_no_breach(ansible: Ansible, erp01: Subject) -> None:
    """It is met slowed down by more than the policy allows, and freed by what it allows all the same."""
    migration = erp01.migrate("--auto-converge", "--auto-converge-initial", "30", "--auto-converge-increment", "1")
    wait_for(lambda: int(erp01.job().get("auto_converge_throttle", 0)) >= 30, "QEMU to slow the guest down")
    allowed = {"max_downtime_ms": 8000, "postcopy": "never", "max_throttle_percent": 20}
    result = ansible.module(erp01.source, MODULE, name="erp01", policy_overrides=allowed)
    assert_done(result, True, outcome="completed")
    assert set(actions(result)) == {"set_downtime"}
    record = result["record"]
    assert dict(zip(record["columns"], record["looks"][0]))["throttle_percent"] >= 30
    # Nobody has said where it goes, and that is told.
    assert result["destination_answered"] is None
    assert "destination of erp01 is not known" in str(result["warnings"])
    erp01.arrives(migration)


def test_what_finishes_by_itself_is_left_to_it(ansible: Ansible, crm01: Subject) -> None:
    migration = crm01.migrate("--bandwidth", "1")
    running = ansible.begin(crm01.source, task(MODULE, name="crm01"))
    wait_for(lambda: "] crm01: " in running.said(), "the first line of its progress")
    crm01.virsh("migrate-setspeed", "1000")
    (result,) = running.wait().results
    assert_done(result, False, outcome="completed", actions=[])
    crm01.arrives(migration)


def test_what_is_not_allowed_is_not_done(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    watched, left = ansible.run(
        erp01.source,
        task(MODULE, name="erp01", policy_overrides={"mode": "observe", "deadline_s": 5}),
        task(MODULE, name="erp01", policy_overrides={"deadline_s": 6}),
    )
    assert_done(watched, False, outcome="observed", actions=[])
    assert_refused(left, "LEFT")
    assert "start_postcopy" not in actions(left)
    assert left["record"]["outcome"] == "left"
    assert erp01.job(), "it was aborted"
    assert erp01.state().startswith("running")


def test_a_guest_that_must_not_go_by_postcopy_does_not(ansible: Ansible, erp01: Subject) -> None:
    """By its own word, although somebody started it with the flag and the task prefers it; nor does the button."""
    says = ("metadata", "https://github.com/virtops/ansible-live-migration/guest/1", "--live")
    erp01.virsh(*says, "--key", "guest", "--set", "<guest postcopy='never'/>")
    migration = erp01.migrate("--postcopy")
    erp01.in_pass(3)
    prefers = {"postcopy": "prefer", "deadline_s": 6}
    button, left, allowed = ansible.run(
        erp01.source,
        task("migration_postcopy", name="erp01"),
        task(MODULE, name="erp01", policy_overrides=prefers),
        task(MODULE, name="erp01", policy_overrides=prefers, heed_metadata=False),
    )
    assert_refused(button, "GUEST_FORBIDS")
    assert_refused(left, "LEFT")
    assert "start_postcopy" not in actions(left)
    assert_done(allowed, True, outcome="completed")
    assert "start_postcopy" in actions(allowed)
    erp01.arrives(migration)
    erp01.virsh(*says, "--remove")


def test_given_up_when_told_to(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate()
    result = ansible.module(
        erp01.source, MODULE, name="erp01", policy_overrides={"deadline_s": 6, "on_hopeless": "abort"}
    )
    assert_refused(result, "GIVEN_UP")
    assert actions(result)[-1] == "abort"
    assert migration.wait() != 0
    assert erp01.state().startswith("running")


def test_bad_policies(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    every: tuple[dict[str, t.Any], ...] = ({"max_downtime_ms": 0}, {"max_data_factor": 0.5}, {"on_hopeless": "pause"})
    for result in ansible.run(erp01.source, *(task(MODULE, name="erp01", policy_overrides=one) for one in every)):
        assert_refused(result, "BAD_CONTRACT")
