# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import ShrunkNote
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job import (
    abort,
    postcopy_calls,
    wait,
)
from ansible_collections.virtops.live_migration.plugins.modules import migration_abort
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    CANCELLED,
    ERP01,
    GONE,
    IN_POSTCOPY,
    JOB_COMPLETED,
    MIGRATED,
    POSTCOPY_FAILED,
    SHRUNK,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    BACKUP,
    COMPLETED,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
LOOK = Call("jobStats").returns(MIGRATING)
PREPARING = Call("jobStats").returns({key: MIGRATING[key] for key in ("type", "operation", "time_elapsed")})
LOOK_POSTCOPY = Call("jobStats").returns(POSTCOPY)
IDLE = Call("jobStats").returns(NO_JOB)
NO_ACTIVE_JOB = "Requested operation is not valid: no job is active on the domain"


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five looks fit into the limit; the steps are exact in binary, so that their sum is."""
    monkeypatch.setattr(wait, "_POLL_S", 0.25)
    monkeypatch.setattr(postcopy_calls, "SWITCH_LIMIT_S", 1.0)
    monkeypatch.setattr(abort, "ABORT_LIMIT_S", 1.0)


def abort_job() -> Call:
    return Call("abortJob").returns(0)


SMALL = ShrunkNote(ERP01, 4 << 30, 1 << 30, held=True)
DEFINITION = "<domain><memory>4194304</memory><devices><memballoon model='virtio'/></devices></domain>"


def test_a_guest_that_was_made_smaller_gets_its_memory_back(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.shrunk["erp01"] = SMALL.xml()
    libvirt.expect(*FOUND, LOOK, abort_job().leaves(CANCELLED), LOOK, LOOK, IDLE)
    libvirt.expect(Call("XMLDesc", 0).returns(DEFINITION), Call("memoryStats").returns({"actual": 1 << 20}))
    libvirt.expect(Call("info").returns([1, 4 << 20, 1 << 20, 1, 0]), Call("setMemoryFlags", 4 << 20, 1))
    libvirt.expect(Call("memoryStats").returns({"actual": 4 << 20}), Call("setMetadata", 2, None, "shrunk", SHRUNK, 1))
    assert run(migration_abort, name="erp01")["phase"] == "cancelled"


def test_one_that_does_not_get_it_is_named(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.shrunk["erp01"] = SMALL.xml()
    libvirt.expect(*FOUND, LOOK, abort_job().leaves(CANCELLED), LOOK, LOOK, IDLE)
    libvirt.expect(Call("XMLDesc", 0).raises(38, "cannot reach the monitor"))
    result = run(migration_abort, name="erp01")
    assert "The next migration gives it back" in str(result["warnings"])


def test_changed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, abort_job().leaves(CANCELLED), LOOK, LOOK, IDLE)
    result = run(migration_abort, name="erp01")
    assert (result["changed"], result["phase"], result["uuid"]) == (True, "cancelled", ERP01)
    assert result["guest_state"] == "running (migration cancelled)"
    assert result["diff"] == {"before": {"phase": "precopy"}, "after": {"phase": "cancelled"}}


def test_no_job_is_fine(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE)
    result = run(migration_abort, name="erp01")
    assert (result["changed"], result["phase"]) == (False, "none")
    assert result["diff"] == {"before": {"phase": "none"}, "after": {"phase": "none"}}


def test_a_guest_that_is_off_has_no_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND, Call("jobStats").raises(55, "Requested operation is not valid: domain is not running"))
    result = run(migration_abort, name="erp01")
    assert (result["changed"], result["guest_state"]) == (False, "shut off (shut down)")


def test_check_mode_writes_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK)
    result = run(migration_abort, check=True, name="erp01")
    assert (result["changed"], result["phase"]) == (True, "cancelled")
    assert result["diff"] == {"before": {"phase": "precopy"}, "after": {"phase": "cancelled"}}


def test_check_mode_without_a_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE)
    assert run(migration_abort, check=True, name="erp01")["changed"] is False


@pytest.mark.parametrize("check", [False, True])
def test_postcopy_is_never_cancelled(libvirt: FakeLibvirt, run: ModuleRunner, check: bool) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, LOOK_POSTCOPY)
    result = run.fails(migration_abort, check=check, name="erp01")
    assert result["reason"] == "POSTCOPY_RUNNING"
    assert result["state"] == "The guest is paused (post-copy) here. Nothing was changed."
    assert "Let it finish" in result["remedy"]


def test_broken_postcopy_is_never_cancelled(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = POSTCOPY_FAILED
    libvirt.expect(*FOUND, LOOK_POSTCOPY)
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "POSTCOPY_BROKEN"
    assert "migration_recover" in result["remedy"]
    assert "finish" not in result["remedy"]


def test_switch_to_postcopy_just_before_the_abort(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    refusal = Call("abortJob").raises(55, "Requested operation is not valid: cannot abort migration in post-copy mode")
    libvirt.expect(*FOUND, LOOK, refusal.leaves(IN_POSTCOPY), LOOK_POSTCOPY)
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "POSTCOPY_RUNNING"
    assert result["state"].endswith("The guest is paused (post-copy) here.")


def test_abort_that_does_not_end(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, abort_job(), *[LOOK] * 6)
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "ABORT_UNVERIFIED"
    assert result["state"] == "The guest is running (booted) here."
    assert "it takes over what it finds" in result["remedy"]


def test_abort_while_the_destination_gets_it_ready(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, PREPARING, abort_job(), *[PREPARING] * 6)
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "ABORT_UNVERIFIED"
    assert result["state"].endswith("its migration ends when the destination answers; nothing of it has been sent.")
    assert "Look on the destination" in result["remedy"]


def test_job_that_ended_just_before_the_abort(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, Call("abortJob").raises(55, NO_ACTIVE_JOB), IDLE, IDLE)
    assert run(migration_abort, name="erp01")["phase"] == "cancelled"


def test_job_that_completed_just_before_the_abort(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    refusal = Call("abortJob").raises(55, NO_ACTIVE_JOB).leaves(MIGRATED)
    libvirt.expect(*FOUND, LOOK, refusal, IDLE, IDLE, Call("jobStats", 3).returns(COMPLETED))
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "ALREADY_COMPLETED"
    assert result["state"] == "The guest runs on the destination."


def test_transient_guest_that_has_left_just_before_the_abort(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    gone = "Domain not found: no domain with matching uuid"
    refusal = Call("abortJob").raises(42, gone).leaves(GONE)
    refusal.then(lambda fake: fake.happens(JOB_COMPLETED, {**COMPLETED}))
    libvirt.expect(*FOUND, LOOK, refusal, *[Call("jobStats").raises(42, gone)] * 2)
    assert run.fails(migration_abort, name="erp01")["reason"] == "ALREADY_COMPLETED"


def test_guest_that_shut_down_meanwhile_is_not_called_migrated(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, abort_job().leaves(SHUT_DOWN), IDLE)
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "GUEST_STOPPED"
    assert result["state"] == "The guest is shut off (shut down) on the source."


def test_pause_of_postcopy(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    pause = Call("abortJobFlags", 1).returns(0)
    paused = Call("jobStats").returns(POSTCOPY).leaves(POSTCOPY_FAILED)
    libvirt.expect(*FOUND, LOOK_POSTCOPY, Call("getLibVersion").returns(9_000_000), pause, LOOK_POSTCOPY, paused)
    result = run(migration_abort, name="erp01", postcopy=True)
    assert (result["changed"], result["phase"]) == (True, "postcopy_failed")
    assert result["guest_state"] == "paused (post-copy failed)"


def test_pause_of_postcopy_in_check_mode(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, LOOK_POSTCOPY, Call("getLibVersion").returns(9_000_000))
    result = run(migration_abort, check=True, name="erp01", postcopy=True)
    assert (result["changed"], result["phase"]) == (True, "postcopy_failed")


def test_pause_of_postcopy_that_is_paused(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = POSTCOPY_FAILED
    libvirt.expect(*FOUND, LOOK_POSTCOPY)
    result = run(migration_abort, name="erp01", postcopy=True)
    assert (result["changed"], result["phase"]) == (False, "postcopy_failed")


def test_pause_of_postcopy_without_a_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE)
    assert run(migration_abort, name="erp01", postcopy=True)["changed"] is False


def test_pause_of_postcopy_in_precopy(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK)
    assert run.fails(migration_abort, name="erp01", postcopy=True)["reason"] == "NOT_IN_POSTCOPY"


def test_pause_of_postcopy_on_an_old_libvirt(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, LOOK_POSTCOPY, Call("getLibVersion").returns(8_004_009))
    result = run.fails(migration_abort, name="erp01", postcopy=True)
    assert result["reason"] == "LIBVIRT_TOO_OLD"
    assert "8.4.9" in result["msg"]


def test_pause_of_postcopy_that_does_not_take_hold(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    version, pause = Call("getLibVersion").returns(9_000_000), Call("abortJobFlags", 1).returns(0)
    libvirt.expect(*FOUND, LOOK_POSTCOPY, version, pause, *[LOOK_POSTCOPY] * 5)
    result = run.fails(migration_abort, name="erp01", postcopy=True)
    assert result["reason"] == "NOT_REACHED"
    assert "phase postcopy" in result["state"]


def test_arriving_guest_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    libvirt.expect(*FOUND, Call("jobStats").raises(84, "only on the source host"))
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "INCOMING"
    assert "Do not destroy" in result["remedy"]


def test_another_job_is_not_aborted(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    assert run.fails(migration_abort, name="erp01")["reason"] == "OTHER_JOB"


def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, Call("abortJob").hangs())
    result = run.fails(migration_abort, name="erp01")
    assert result["reason"] == "MONITOR_HUNG"
    assert "may still take effect" in result["state"]
