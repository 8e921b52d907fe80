# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_postcopy on a real guest: the switch, and when it is refused."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, Result, assert_done, assert_refused, task
from bench.subject import LINK_MBIT, Subject

MODULE = "migration_postcopy"
TRIES = 10
SLOW_MBIT = 40  # 20 s for what it rewrites


def switch(ansible: Ansible, guest: Subject, *, check: bool = False) -> Result:
    """On a busy machine the guard may find the network unsteady. Then it says to wait, and so does this."""
    for _try in range(TRIES):
        result = ansible.module(guest.source, MODULE, check=check, name=guest.name)
        if result.get("reason") != "GUARD_REFUSED":
            break
    return result


@pytest.mark.fast
def test_switch_a_stuck_migration(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    erp01.in_pass(2)
    # So that it still runs when the module is called again. A limit does not hold back what the guest waits for.
    erp01.lab.link_set(erp01.source, mbit=SLOW_MBIT)
    foreseen = switch(ansible, erp01, check=True)
    assert_done(foreseen, True, phase="postcopy")
    assert erp01.state().startswith("running"), "check mode has switched"

    first = switch(ansible, erp01)
    second = ansible.module(erp01.source, MODULE, name="erp01")
    assert_done(first, True, phase="postcopy")
    assert_done(second, False, phase="postcopy")
    assert first["diff"] == foreseen["diff"] == {"before": {"phase": "precopy"}, "after": {"phase": "postcopy"}}
    assert erp01.state() == "paused (post-copy)"
    assert erp01.state(erp01.destination) == "running (post-copy)"
    erp01.lab.link_set(erp01.source, mbit=LINK_MBIT)
    erp01.arrives(migration)


@pytest.mark.fast
def test_the_guard_refuses_in_the_first_pass(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy", "--bandwidth", "4")
    refused, foreseen = ansible.run(erp01.source, task(MODULE, name="erp01"), task(MODULE, check=True, name="erp01"))
    for result in (refused, foreseen):
        assert_refused(result, "GUARD_REFUSED")
        assert "FIRST_PASS" in [one["id"] for one in result["evidence"]["objections"]]
    assert erp01.state().startswith("running")
    # The one who knows better may.
    forced = ansible.module(erp01.source, MODULE, name="erp01", guard=False)
    assert_done(forced, True, phase="postcopy")
    erp01.arrives(migration)


def test_the_guard_refuses_on_a_network_that_stands_still(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--postcopy")
    erp01.in_pass(2)
    erp01.lab.link_down(erp01.destination)
    result = ansible.module(erp01.source, MODULE, name="erp01")
    assert_refused(result, "GUARD_REFUSED")
    assert "NETWORK_STALL" in [one["id"] for one in result["evidence"]["objections"]]
    assert erp01.state().startswith("running")
    erp01.lab.link_up(erp01.destination)


def test_the_guard_refuses_what_takes_too_long(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--postcopy")
    erp01.in_pass(2)
    result = ansible.module(erp01.source, MODULE, name="erp01", max_postcopy_s=0.5)
    assert_refused(result, "GUARD_REFUSED")
    # On a busy machine the guard may find the network unsteady as well.
    found = [one["id"] for one in result["evidence"]["objections"] if one["id"] != "NETWORK_UNSTEADY"]
    assert found == ["TOO_LONG"], result


@pytest.mark.fast
def test_a_job_that_was_started_without_postcopy(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    for guard in (True, False):
        result = ansible.module(erp01.source, MODULE, name="erp01", guard=guard)
        assert_refused(result, "POSTCOPY_NOT_ENABLED")
        assert "--postcopy" in result["remedy"]
    assert erp01.job(), "its migration goes on"


def test_nothing_to_switch(ansible: Ansible, erp01: Subject) -> None:
    result = ansible.module(erp01.source, MODULE, name="erp01")
    assert_refused(result, "NO_JOB")
