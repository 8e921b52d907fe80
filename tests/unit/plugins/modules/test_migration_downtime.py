# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.modules import migration_downtime
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ERP01,
    PAUSED_BY_USER,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
    own_word,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import BACKUP, MIGRATING, NO_JOB
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
OWN = own_word()
IDLE = Call("jobStats").returns(NO_JOB)
READ_300 = Call("migrateGetMaxDowntime").returns(300)
READ_500 = Call("migrateGetMaxDowntime").returns(500)
SET_500 = Call("migrateSetMaxDowntime", 500).returns(0)


@pytest.mark.parametrize("job", [NO_JOB, MIGRATING], ids=["before", "during"])
def test_changed(libvirt: FakeLibvirt, run: ModuleRunner, job: dict[str, int]) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(job), *OWN, READ_300, SET_500, READ_500)
    result = run(migration_downtime, name="erp01", max_downtime_ms=500)
    assert (result["changed"], result["max_downtime_ms"]) == (True, 500)
    assert (result["name"], result["uuid"]) == ("erp01", ERP01)
    assert result["diff"] == {"before": {"max_downtime_ms": 300}, "after": {"max_downtime_ms": 500}}


def test_unchanged(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, READ_500)
    result = run(migration_downtime, name="erp01", max_downtime_ms=500)
    assert (result["changed"], result["max_downtime_ms"]) == (False, 500)
    assert result["diff"]["before"] == result["diff"]["after"]


def test_check_mode_writes_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, READ_300)
    result = run(migration_downtime, check=True, name="erp01", max_downtime_ms=500)
    assert (result["changed"], result["max_downtime_ms"]) == (True, 500)
    assert result["diff"] == {"before": {"max_downtime_ms": 300}, "after": {"max_downtime_ms": 500}}


def test_check_mode_unchanged(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, READ_500)
    assert run(migration_downtime, check=True, name="erp01", max_downtime_ms=500)["changed"] is False


def test_by_uuid_and_uri(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(
        Call("open", "qemu+ssh://kvm01/system"),
        Call("lookupByUUIDString", ERP01).returns(Guest()),
        IDLE,
        *OWN,
        READ_500,
    )
    assert run(migration_downtime, uuid=ERP01, uri="qemu+ssh://kvm01/system", max_downtime_ms=500)["name"] == "erp01"


def test_alias(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, READ_500)
    assert run(migration_downtime, guest="erp01", max_downtime_ms=500)["changed"] is False


def test_a_paused_guest_has_a_limit_too(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = PAUSED_BY_USER
    libvirt.expect(*FOUND, IDLE, *OWN, READ_300, SET_500, READ_500)
    assert run(migration_downtime, name="erp01", max_downtime_ms=500)["changed"] is True


@pytest.mark.parametrize("value", [0, -1, 2_000_001])
def test_value_out_of_range(libvirt: FakeLibvirt, run: ModuleRunner, value: int) -> None:
    libvirt.expect(*FOUND)
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=value)
    assert result["reason"] == "OUT_OF_RANGE"
    assert str(value) in result["msg"]
    assert result["state"] == "Nothing was changed."


@pytest.mark.parametrize("value", [1, 2_000_000])
def test_value_at_the_edge(libvirt: FakeLibvirt, run: ModuleRunner, value: int) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, Call("migrateGetMaxDowntime").returns(value))
    assert run(migration_downtime, name="erp01", max_downtime_ms=value)["changed"] is False


def test_guest_off(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND)
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "GUEST_NOT_RUNNING"
    assert result["state"] == "The guest is shut off (shut down) here. Nothing was changed."


def test_arriving_guest_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    refusal = Call("jobStats").raises(
        84, "Operation not supported: migration statistics are available only on the source host"
    )
    libvirt.expect(*FOUND, refusal)
    assert run.fails(migration_downtime, name="erp01", max_downtime_ms=500)["reason"] == "INCOMING"


def test_another_job_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "OTHER_JOB"
    assert result["state"] == "The guest is running (booted) here. Nothing was changed."


def test_none_is_an_error(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, Call("migrateGetMaxDowntime").returns(None))
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "NOT_READABLE"
    assert result["state"] == "Nothing was changed."


def test_none_after_setting_does_not_claim_that_nothing_was_changed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, READ_300, SET_500, Call("migrateGetMaxDowntime").returns(None))
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "NOT_READABLE"
    assert "Nothing was changed" not in result["msg"]


def test_value_not_kept(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *OWN, READ_300, SET_500, READ_300)
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "NOT_IN_FORCE"
    assert "300" in result["state"]


def test_guest_goes_off_meanwhile(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    gone = Call("migrateSetMaxDowntime", 500).raises(55, "Requested operation is not valid: domain is not running")
    libvirt.expect(*FOUND, IDLE, *OWN, READ_300, gone.leaves(SHUT_DOWN))
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "GUEST_NOT_RUNNING"
    assert result["state"].endswith("The guest is shut off (shut down) here.")
    assert result["evidence"]["libvirt_code"] == 55


@pytest.mark.parametrize(
    "calls",
    [
        [Call("jobStats").hangs()],
        [IDLE, *OWN, Call("migrateGetMaxDowntime").hangs()],
        [IDLE, *OWN, READ_300, Call("migrateSetMaxDowntime", 500).hangs()],
    ],
    ids=["looking", "reading", "setting"],
)
def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner, calls: list[Call]) -> None:
    libvirt.expect(*FOUND, *calls)
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert result["reason"] == "MONITOR_HUNG"
    assert "Nothing was changed" not in result["msg"]


def test_no_more_than_the_guest_admits(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *own_word('<guest max-downtime-ms="400"/>'))
    result = run.fails(migration_downtime, name="erp01", max_downtime_ms=500)
    assert (result["reason"], result["evidence"]["limit"]) == ("GUEST_FORBIDS", {"max_downtime_ms": 400})


def test_what_it_admits_is_set(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, *own_word('<guest max-downtime-ms="500"/>'), READ_300, SET_500, READ_500)
    assert run(migration_downtime, name="erp01", max_downtime_ms=500)["changed"] is True


def test_whoever_decides_otherwise_says_so(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, READ_300, SET_500, READ_500)
    assert run(migration_downtime, name="erp01", max_downtime_ms=500, heed_metadata=False)["changed"] is True
