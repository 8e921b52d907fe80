# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.modules import migration_bandwidth
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import BACKUP, MIGRATING, NO_JOB, UNLIMITED
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
IDLE = Call("jobStats").returns(NO_JOB)
PRECOPY, POSTCOPY = 0, 1


def read(value: int, kind: int = PRECOPY) -> Call:
    return Call("migrateGetMaxSpeed", kind).returns(value)


def write(value: int, kind: int = PRECOPY) -> Call:
    return Call("migrateSetMaxSpeed", value, kind).returns(0)


@pytest.mark.parametrize("job", [NO_JOB, MIGRATING], ids=["before", "during"])
def test_changed(libvirt: FakeLibvirt, run: ModuleRunner, job: dict[str, int]) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(job), read(64), write(560), read(560))
    result = run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)
    assert (result["changed"], result["bandwidth_mib_per_s"]) == (True, 560)
    assert result["diff"] == {"before": {"bandwidth_mib_per_s": 64}, "after": {"bandwidth_mib_per_s": 560}}
    assert "postcopy_bandwidth_mib_per_s" not in result


def test_unchanged(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(560))
    assert run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)["changed"] is False


@pytest.mark.parametrize("unlimited", [0, UNLIMITED])
def test_no_limit_is_no_limit_however_libvirt_spells_it(
    libvirt: FakeLibvirt, run: ModuleRunner, unlimited: int
) -> None:
    libvirt.expect(*FOUND, IDLE, read(unlimited))
    result = run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=0)
    assert (result["changed"], result["bandwidth_mib_per_s"]) == (False, 0)


def test_lifting_a_limit_uses_the_spelling_of_libvirt(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(64), write(UNLIMITED), read(UNLIMITED))
    result = run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=0)
    assert (result["changed"], result["bandwidth_mib_per_s"]) == (True, 0)


def test_both_phases(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    reads_before = [read(UNLIMITED), read(0, POSTCOPY)]
    reads_after = [read(560), read(280, POSTCOPY)]
    libvirt.expect(*FOUND, IDLE, *reads_before, write(560), write(280, POSTCOPY), *reads_after)
    result = run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560, postcopy_bandwidth_mib_per_s=280)
    assert result["diff"]["before"] == {"bandwidth_mib_per_s": 0, "postcopy_bandwidth_mib_per_s": 0}
    assert result["diff"]["after"] == {"bandwidth_mib_per_s": 560, "postcopy_bandwidth_mib_per_s": 280}


def test_only_what_differs_is_set(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(560), read(0, POSTCOPY), write(280, POSTCOPY), read(560), read(280, POSTCOPY))
    result = run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560, postcopy_bandwidth_mib_per_s=280)
    assert result["changed"] is True


def test_lifting_the_postcopy_limit(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(64, POSTCOPY), write(0, POSTCOPY), read(0, POSTCOPY))
    assert run(migration_bandwidth, name="erp01", postcopy_bandwidth_mib_per_s=0)["changed"] is True


def test_check_mode_writes_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(64))
    result = run(migration_bandwidth, check=True, name="erp01", bandwidth_mib_per_s=560)
    assert (result["changed"], result["bandwidth_mib_per_s"]) == (True, 560)


def test_a_guest_that_is_off_has_a_precopy_limit(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    off = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running")
    libvirt.expect(*FOUND, off, read(UNLIMITED), write(560), read(560))
    assert run(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)["changed"] is True


def test_a_guest_that_is_off_has_no_postcopy_limit(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND)
    result = run.fails(migration_bandwidth, name="erp01", postcopy_bandwidth_mib_per_s=560)
    assert result["reason"] == "GUEST_NOT_RUNNING"


@pytest.mark.parametrize("option", ["bandwidth_mib_per_s", "postcopy_bandwidth_mib_per_s"])
@pytest.mark.parametrize("value", [-1, UNLIMITED, 1 << 60])
def test_value_out_of_range(libvirt: FakeLibvirt, run: ModuleRunner, option: str, value: int) -> None:
    result = run.fails(migration_bandwidth, name="erp01", **{option: value})
    assert result["reason"] == "OUT_OF_RANGE"
    assert option in result["msg"]


def test_a_bad_value_beside_a_good_one_changes_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    result = run.fails(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560, postcopy_bandwidth_mib_per_s=-1)
    assert result["state"] == "Nothing was changed."


def test_neither_limit(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    result = run.fails(migration_bandwidth, name="erp01")
    assert "bandwidth_mib_per_s" in result["msg"]


def test_arriving_guest_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    libvirt.expect(*FOUND, Call("jobStats").raises(84, "nur auf dem Quellrechner"))
    assert run.fails(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)["reason"] == "INCOMING"


def test_another_job_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    assert run.fails(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)["reason"] == "OTHER_JOB"


def test_value_not_kept(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(64), write(560), read(64))
    result = run.fails(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)
    assert result["reason"] == "NOT_IN_FORCE"


def test_the_second_of_two_is_refused(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    refusal = Call("migrateSetMaxSpeed", 280, POSTCOPY).raises(82, "numerical overflow: bandwidth must be less than 9")
    libvirt.expect(*FOUND, IDLE, read(64), read(0, POSTCOPY), write(560), refusal)
    result = run.fails(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560, postcopy_bandwidth_mib_per_s=280)
    assert result["reason"] == "OUT_OF_RANGE"
    assert "bandwidth_mib_per_s was set to 560" in result["state"]
    assert "changed nothing" not in result["state"]


def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, read(64), Call("migrateSetMaxSpeed", 560, PRECOPY).hangs())
    assert run.fails(migration_bandwidth, name="erp01", bandwidth_mib_per_s=560)["reason"] == "MONITOR_HUNG"
