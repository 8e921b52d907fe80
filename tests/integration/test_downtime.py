# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_downtime on a real guest."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject

MODULE = "migration_downtime"


@pytest.mark.fast
def test_set_once_and_told_right(ansible: Ansible, erp01: Subject) -> None:
    wanted = {"name": "erp01", "max_downtime_ms": 900}
    foreseen, again_foreseen = ansible.run(
        erp01.source, task(MODULE, check=True, **wanted), task(MODULE, check=True, **wanted)
    )
    assert_done(foreseen, True)
    assert_done(again_foreseen, True)
    assert erp01.virsh("migrate-getmaxdowntime") == "300", "check mode has set it"

    first, second = ansible.run(erp01.source, task(MODULE, **wanted), task(MODULE, **wanted))
    assert_done(first, True)
    assert_done(second, False)
    assert first["max_downtime_ms"] == second["max_downtime_ms"] == foreseen["max_downtime_ms"] == 900
    assert first["diff"] == foreseen["diff"] == {"before": {"max_downtime_ms": 300}, "after": {"max_downtime_ms": 900}}
    assert (first["name"], first["uuid"]) == ("erp01", erp01.uuid)
    assert erp01.virsh("migrate-getmaxdowntime") == "900"


def test_during_a_migration_it_acts_at_once(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate()
    erp01.in_pass(2)
    result = ansible.module(erp01.source, MODULE, uuid=erp01.uuid, max_downtime_ms=6000)
    assert_done(result, True)
    assert result["diff"]["before"] == {"max_downtime_ms": 300}
    erp01.arrives(migration)


def test_what_libvirt_rolls_back_with_a_failed_migration(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    assert ansible.module(erp01.source, MODULE, name="erp01", max_downtime_ms=7)["changed"]
    assert erp01.virsh("migrate-getmaxdowntime") == "7"
    erp01.abort()
    assert ansible.module(erp01.source, MODULE, name="erp01", max_downtime_ms=300)["changed"] is False


def test_values_that_qemu_does_not_take(ansible: Ansible, erp01: Subject) -> None:
    values = (0, -1, 2_000_001)
    for result in ansible.run(erp01.source, *(task(MODULE, name="erp01", max_downtime_ms=value) for value in values)):
        assert_refused(result, "OUT_OF_RANGE")
    assert ansible.module(erp01.source, MODULE, name="erp01", max_downtime_ms=2_000_000)["changed"]
    assert erp01.virsh("migrate-getmaxdowntime") == "2000000"
