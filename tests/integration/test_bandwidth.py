# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_bandwidth on a real guest."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_done, task
from bench.subject import Subject, wait_for

MODULE = "migration_bandwidth"
UNLIMITED = "8796093022207"


@pytest.mark.fast
def test_both_limits_set_once_and_told_right(ansible: Ansible, erp01: Subject) -> None:
    wanted = {"name": "erp01", "bandwidth_mib_per_s": 40, "postcopy_bandwidth_mib_per_s": 30}
    none = {"bandwidth_mib_per_s": 0, "postcopy_bandwidth_mib_per_s": 0}
    limits = {"bandwidth_mib_per_s": 40, "postcopy_bandwidth_mib_per_s": 30}
    foreseen = ansible.module(erp01.source, MODULE, check=True, **wanted)
    assert_done(foreseen, True)
    assert erp01.virsh("migrate-getspeed") == UNLIMITED, "check mode has set it"

    first, second = ansible.run(erp01.source, task(MODULE, **wanted), task(MODULE, **wanted))
    assert_done(first, True)
    assert_done(second, False)
    assert {key: first[key] for key in limits} == {key: foreseen[key] for key in limits} == limits
    assert first["diff"] == foreseen["diff"] == {"before": none, "after": limits}
    assert erp01.virsh("migrate-getspeed") == "40"
    assert erp01.virsh("migrate-getspeed", "--postcopy") == "30"

    lifted, again = ansible.run(erp01.source, task(MODULE, name="erp01", **none), task(MODULE, name="erp01", **none))
    assert_done(lifted, True)
    assert_done(again, False)
    assert {key: again[key] for key in none} == none
    assert erp01.virsh("migrate-getspeed") == UNLIMITED
    assert erp01.virsh("migrate-getspeed", "--postcopy") == "0"


def test_zero_set_by_virsh_is_no_limit_either(ansible: Ansible, erp01: Subject) -> None:
    erp01.virsh("migrate-setspeed", "0")
    assert ansible.module(erp01.source, MODULE, name="erp01", bandwidth_mib_per_s=0)["changed"] is False


def test_during_a_migration_it_acts_at_once(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate()
    slow, other = ansible.run(
        erp01.source,
        task(MODULE, name="erp01", bandwidth_mib_per_s=2),
        task(MODULE, name="erp01", postcopy_bandwidth_mib_per_s=20),
    )
    assert_done(slow, True)
    assert other["changed"], (slow, other)
    assert erp01.virsh("migrate-getspeed") == "2"
    assert erp01.virsh("migrate-getspeed", "--postcopy") == "20"
    wait_for(lambda: 0 < erp01.job()["memory_bps"] < 4 * 1024**2, "the stream to slow down")
    fast = ansible.module(erp01.source, MODULE, name="erp01", bandwidth_mib_per_s=0)
    assert_done(fast, True)
    assert fast["diff"]["before"] == {"bandwidth_mib_per_s": 2}
    wait_for(lambda: erp01.job()["memory_bps"] > 8 * 1024**2, "the stream to speed up")
    assert migration.exit_code() is None
    erp01.abort()
    assert erp01.virsh("migrate-getspeed") == UNLIMITED, "libvirt forgets it with the job"


def test_a_guest_that_is_off_takes_the_precopy_limit_only(ansible: Ansible, erp01: Subject) -> None:
    # Where it came from, or went to, it is defined but off.
    erp01.arrives(erp01.migrate("--postcopy", "--postcopy-after-precopy"))
    off = erp01.destination
    assert erp01.state(off).startswith("shut off")
    taken, again, refused = ansible.run(
        off,
        task(MODULE, name="erp01", bandwidth_mib_per_s=50),
        task(MODULE, name="erp01", bandwidth_mib_per_s=50),
        task(MODULE, name="erp01", postcopy_bandwidth_mib_per_s=50),
    )
    assert_done(taken, True)
    assert_done(again, False)
    assert erp01.virsh("migrate-getspeed", host=off) == "50"
    assert refused["reason"] == "GUEST_NOT_RUNNING"
    assert ansible.module(off, MODULE, name="erp01", bandwidth_mib_per_s=0)["changed"]


def test_values_that_libvirt_does_not_take(ansible: Ansible, erp01: Subject) -> None:
    results = ansible.run(
        erp01.source,
        task(MODULE, name="erp01", bandwidth_mib_per_s=-1),
        task(MODULE, name="erp01", postcopy_bandwidth_mib_per_s=8_796_093_022_207),
        task(MODULE, name="erp01"),
    )
    assert [result.get("reason") for result in results] == ["OUT_OF_RANGE", "OUT_OF_RANGE", None]
    assert all(result["failed"] for result in results)
    assert "one of the following is required" in results[2]["msg"]
