# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.modules import migration_recover
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ERP01,
    IN_POSTCOPY,
    MIGRATED,
    POSTCOPY_FAILED,
    RUNNING,
    SHUT_DOWN,
    UNANSWERED,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    COMPLETED,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
    later,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

THERE = "qemu+tcp://kvm02/system"
FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
LOOK = Call("jobStats").returns(POSTCOPY)
LIVE_PEER2PEER_POSTCOPY_RESUME = 0x1 | 0x2 | 0x8000 | 0x80000
GONE = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running")
KEPT = Call("jobStats", 3).returns({**COMPLETED, "operation": 5})


def capabilities(uuid: str) -> Call:
    return Call("getCapabilities").returns(f"<capabilities><host><uuid>{uuid}</uuid></host></capabilities>")


def ends(here: int = 9_000_000, there: int = 9_000_000) -> list[Call]:
    """What is asked of both daemons before anything is resumed."""
    return [
        Call("open", THERE),
        Call("getLibVersion").returns(here),
        Call("getLibVersion").returns(there),
        capabilities("1"),
        capabilities("2"),
        Call("lookupByUUIDString", ERP01).returns(Guest()),
    ]


# The call that resumes has a connection of its own.
OWN = [Call("open", "qemu:///system"), Call("lookupByUUIDString", ERP01).returns(Guest())]


# It is watched for a second first, since it might go on by itself, and both ends are asked before each attempt.
WATCHED = [LOOK] * 3


def resume(flags: int = LIVE_PEER2PEER_POSTCOPY_RESUME, **parameters: str) -> Call:
    return Call("migrateToURI3", THERE, parameters, flags)


@pytest.fixture(autouse=True)
def broken(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = POSTCOPY_FAILED


def test_joined(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    attempt = [*ends(), *OWN, resume().leaves(MIGRATED)]
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *attempt, GONE, KEPT)
    result = run(migration_recover, name="erp01", destination_uri=THERE)
    assert (result["changed"], result["phase"], result["attempts"]) == (True, "completed", 1)
    assert result["diff"] == {"before": {"phase": "postcopy_failed"}, "after": {"phase": "completed"}}


def test_the_first_start_is_repeated(libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path) -> None:
    status = "<domstatus><job async='migration out' flags='0x801b'/><domain><uuid>{}</uuid></domain></domstatus>"
    (tmp_path / "erp01.xml").write_text(status.format(ERP01))
    call = resume(0x801B | 0x80000, migrate_uri="tcp://10.0.0.12")
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), *OWN, call.leaves(MIGRATED), GONE, KEPT)
    result = run(migration_recover, name="erp01", destination_uri=THERE, migrate_uri="tcp://10.0.0.12")
    assert result["changed"] is True


def test_check_mode(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *ends())
    result = run(migration_recover, check=True, name="erp01", destination_uri=THERE)
    assert (result["changed"], result["phase"]) == (True, "completed")


def test_a_second_attempt(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    failed = resume().raises(9, "operation failed: job 'migration in' failed in post-copy phase")
    waits = [LOOK] * 21  # for 10 s
    attempts = [*ends(), *OWN, failed, *waits, *ends(), *OWN, resume().leaves(MIGRATED)]
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *attempts, GONE, KEPT)
    assert run(migration_recover, name="erp01", destination_uri=THERE)["attempts"] == 2


def test_given_up(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    failed = resume().raises(9, "operation failed: job 'migration in' failed in post-copy phase")
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), *OWN, failed, LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, attempts=1)
    assert (result["reason"], result["attempts"]) == ("POSTCOPY_BROKEN", 1)
    assert "both halves were left as they are" in result["state"]
    assert "job 'migration in' failed" in result["msg"]


def test_what_cannot_help_is_not_repeated(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    refused = resume().raises(8, "invalid argument: unsupported flags (0x80000) in function x")
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), *OWN, refused, LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert (result["reason"], result["attempts"]) == ("POSTCOPY_BROKEN", 1)
    assert "unsupported flags" in result["msg"]


def test_the_half_there_goes_while_the_halves_are_joined(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """Its host was booted again: nobody has to wait for five attempts to be told."""
    missing = Call("lookupByUUIDString", ERP01).raises(42, "Domain not found")
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends()[:-1], missing, LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert (result["reason"], result["attempts"]) == ("HALF_MISSING", 1)
    assert "booted again" in result["remedy"]


def test_the_half_here_crashes_while_the_halves_are_joined(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    gone = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running").leaves((5, 3))
    libvirt.expect(*FOUND, LOOK, *ends(), gone)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert result["reason"] == "HALF_ENDED"
    assert "in memory is lost" in result["msg"]
    assert "The one on the destination was left as it is" in result["state"]


def test_qemu_that_goes_on_by_itself_is_waited_for(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    moving = [Call("jobStats").returns(later(second / 2, POSTCOPY)) for second in range(40)]
    moving.append(Call("jobStats").returns(later(20, POSTCOPY)).leaves(MIGRATED))
    libvirt.expect(*FOUND, LOOK, *ends(), *moving, GONE, KEPT)
    result = run(migration_recover, name="erp01", destination_uri=THERE, attempts=1)
    assert (result["changed"], result["phase"], result["attempts"]) == (True, "completed", 0)


def test_qemu_that_says_it_goes_on_is_waited_for(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    busy = resume().raises(55, "Requested operation is not valid: QEMU reports migration is still running")
    last = Call("jobStats").returns(POSTCOPY).leaves(MIGRATED)
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), *OWN, busy, *[LOOK] * 3, last, GONE, KEPT)
    result = run(migration_recover, name="erp01", destination_uri=THERE, attempts=1)
    assert (result["phase"], result["attempts"]) == ("completed", 0)


def test_qemu_that_says_it_goes_on_but_does_not(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    busy = Call("migrateToURI3", THERE, {}, LIVE_PEER2PEER_POSTCOPY_RESUME)
    busy.raises(55, "Requested operation is not valid: QEMU reports migration is still running")
    asked = [*ends(), *OWN, busy]
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *(asked + [LOOK] * 21) * 12, *asked, LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, attempts=1)
    assert (result["reason"], result["attempts"]) == ("POSTCOPY_SILENT", 0)
    assert "both halves were left as they are" in result["state"]
    assert "domjobabort --postcopy" in result["remedy"]


def test_its_progress(libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path) -> None:
    attempt = [*ends(), *OWN, resume().leaves(MIGRATED)]
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *attempt, GONE, KEPT)
    run(migration_recover, name="erp01", destination_uri=THERE, progress_file=str(tmp_path / "progress"))
    told = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert set(told[0]) == {"pid"}
    assert told[-1] == {"end": True}
    assert "attempt 1" in told[-3]["line"]
    assert told[-2]["line"].startswith("completed")


@pytest.mark.parametrize(
    ("here", "there", "needed"),
    [
        (11_002_000, 9_000_000, "11.4.0"),
        (9_000_000, 11_003_009, "11.4.0"),
        (8_004_000, 9_000_000, "8.5.0"),
        (9_000_000, 7_000_000, "8.5.0"),
    ],
)
def test_a_daemon_that_cannot_or_would_crash(
    libvirt: FakeLibvirt, run: ModuleRunner, here: int, there: int, needed: str
) -> None:
    asked = ends(here, there)[: 2 if here != 9_000_000 else 3]
    libvirt.expect(*FOUND, LOOK, *asked)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert result["reason"] == "RESUME_UNSAFE"
    assert f"Update it to {needed} or later" in result["remedy"]
    assert "Nothing was changed" in result["state"]


def test_the_same_host(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *ends()[:3], capabilities("1"), capabilities("1"))
    assert run.fails(migration_recover, name="erp01", destination_uri=THERE)["reason"] == "HALF_MISSING"


def test_no_half_there(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    missing = Call("lookupByUUIDString", ERP01).raises(42, "Domain not found")
    libvirt.expect(*FOUND, LOOK, *ends()[:-1], missing)
    assert run.fails(migration_recover, name="erp01", destination_uri=THERE)["reason"] == "HALF_MISSING"


def test_a_half_that_has_ended(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    there = Guest(at="kvm02")
    libvirt.states[there.key] = SHUT_DOWN
    found = Call("lookupByUUIDString", ERP01).returns(there)
    libvirt.expect(*FOUND, LOOK, *ends()[:-1], found)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert result["reason"] == "HALF_ENDED"
    assert "shut off (shut down) on kvm02" in result["msg"]
    assert "paused (post-copy failed)" in result["state"]


def test_a_destination_that_is_lost(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    lost = Call("lookupByUUIDString", ERP01).raises(1, "internal error: client socket is closed", 7)
    libvirt.expect(*FOUND, LOOK, *ends()[:-1], lost)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert result["reason"] == "CONNECTION_LOST"
    assert "paused (post-copy failed)" in result["state"]


def test_the_daemon_is_gone_while_they_are_joined(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    lost = Call("jobStats").raises(1, "internal error: client socket is closed", 7).leaves(UNANSWERED)
    closed = resume().raises(1, "internal error: client socket is closed", 7)
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), *OWN, closed, lost)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert result["reason"] == "CONNECTION_LOST"
    assert "a post-copy goes on" in result["state"]


def test_postcopy_that_runs_is_left_alone(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, LOOK)
    result = run(migration_recover, name="erp01", destination_uri=THERE)
    assert (result["changed"], result["phase"]) == (False, "postcopy")


def test_already_there(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = MIGRATED
    libvirt.expect(*FOUND, GONE, KEPT)
    result = run(migration_recover, name="erp01", destination_uri=THERE)
    assert (result["changed"], result["phase"], result["attempts"]) == (False, "completed", 0)


def test_nothing_to_recover(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = RUNNING
    libvirt.expect(*FOUND, Call("jobStats").returns(MIGRATING))
    assert run.fails(migration_recover, name="erp01", destination_uri=THERE)["reason"] == "NOTHING_TO_RECOVER"


def test_no_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = RUNNING
    libvirt.expect(*FOUND, Call("jobStats").returns(NO_JOB))
    assert run.fails(migration_recover, name="erp01", destination_uri=THERE)["reason"] == "NO_JOB"


def test_on_the_destination(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    refused = Call("jobStats").raises(84, "migration statistics are available only on the source host")
    libvirt.expect(*FOUND, refused)
    assert run.fails(migration_recover, name="erp01", destination_uri=THERE)["reason"] == "INCOMING"


def test_attempts(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    assert run.fails(migration_recover, name="erp01", destination_uri=THERE, attempts=0)["reason"] == "OUT_OF_RANGE"
