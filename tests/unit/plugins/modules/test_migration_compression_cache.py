# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.modules import migration_compression_cache
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import BACKUP, MIB, MIGRATING, NO_JOB
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
IDLE = Call("jobStats").returns(NO_JOB)
READ_64 = Call("migrateGetCompressionCache").returns(64 * MIB)
READ_256 = Call("migrateGetCompressionCache").returns(256 * MIB)
SET_256 = Call("migrateSetCompressionCache", 256 * MIB).returns(0)


@pytest.mark.parametrize("job", [NO_JOB, MIGRATING], ids=["before", "during"])
def test_changed(libvirt: FakeLibvirt, run: ModuleRunner, job: dict[str, int]) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(job), READ_64, SET_256, READ_256)
    result = run(migration_compression_cache, name="erp01", size_bytes=256 * MIB)
    assert (result["changed"], result["size_bytes"]) == (True, 256 * MIB)
    assert result["diff"] == {"before": {"size_bytes": 64 * MIB}, "after": {"size_bytes": 256 * MIB}}


@pytest.mark.parametrize("check", [False, True])
def test_unchanged(libvirt: FakeLibvirt, run: ModuleRunner, check: bool) -> None:
    libvirt.expect(*FOUND, IDLE, READ_256)
    result = run(migration_compression_cache, check=check, name="erp01", size_bytes=256 * MIB)
    assert (result["changed"], result["size_bytes"]) == (False, 256 * MIB)


def test_check_mode_writes_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, READ_64)
    result = run(migration_compression_cache, check=True, name="erp01", size_bytes=256 * MIB)
    assert (result["changed"], result["size_bytes"]) == (True, 256 * MIB)


@pytest.mark.parametrize("size", [-4096, 0, 1, 2048, 4097, 100 * MIB])
def test_size_that_qemu_refuses(libvirt: FakeLibvirt, run: ModuleRunner, size: int) -> None:
    libvirt.expect(*FOUND)
    result = run.fails(migration_compression_cache, name="erp01", size_bytes=size)
    assert (result["reason"], result["state"]) == ("OUT_OF_RANGE", "Nothing was changed.")


def test_size_that_libvirt_cannot_count(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND)
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=1 << 64)["reason"] == "OUT_OF_RANGE"


def test_smallest_size(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, Call("migrateGetCompressionCache").returns(4096))
    assert run(migration_compression_cache, name="erp01", size_bytes=4096)["changed"] is False


def test_guest_off(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND)
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=4096)["reason"] == "GUEST_NOT_RUNNING"


def test_arriving_guest_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    libvirt.expect(*FOUND, Call("jobStats").raises(84, "only on the source host"))
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=4096)["reason"] == "INCOMING"


def test_another_job_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=4096)["reason"] == "OTHER_JOB"


def test_none_is_an_error(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, Call("migrateGetCompressionCache").returns(None))
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=4096)["reason"] == "NOT_READABLE"


def test_value_not_kept(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, READ_64, SET_256, READ_64)
    result = run.fails(migration_compression_cache, name="erp01", size_bytes=256 * MIB)
    assert result["reason"] == "NOT_IN_FORCE"
    assert str(64 * MIB) in result["state"]


def test_refused_by_libvirt(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    refusal = Call("migrateSetCompressionCache", 256 * MIB).raises(84, "Operation not supported: no xbzrle here")
    libvirt.expect(*FOUND, IDLE, READ_64, refusal)
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=256 * MIB)["reason"] == "NOT_SUPPORTED"


def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE, Call("migrateGetCompressionCache").hangs())
    assert run.fails(migration_compression_cache, name="erp01", size_bytes=4096)["reason"] == "MONITOR_HUNG"
