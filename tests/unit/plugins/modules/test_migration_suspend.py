# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job import abort, wait
from ansible_collections.virtops.live_migration.plugins.modules import migration_suspend
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    CANCELLED,
    ERP02,
    GONE,
    IN_POSTCOPY,
    JOB_COMPLETED,
    MIGRATED,
    MIGRATION_ITERATION,
    PAUSED_FOR_MIGRATION,
    SHUT_DOWN,
    UNANSWERED,
    Call,
    FakeLibvirt,
    Guest,
    own_word,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    BACKUP,
    COMPLETED,
    MIB,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
LOOK = Call("jobStats").returns(MIGRATING)
OWN = own_word()
IDLE = Call("jobStats").returns(NO_JOB)
KEPT = Call("jobStats", 3).returns(COMPLETED)
GONE_TEXT = "Domain not found: no domain with matching uuid"


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five looks fit into a second; the steps are exact in binary, so that their sum is."""
    monkeypatch.setattr(wait, "_POLL_S", 0.25)
    monkeypatch.setattr(abort, "ABORT_LIMIT_S", 1.0)


def suspend() -> Call:
    return Call("suspend").returns(0).leaves(PAUSED_FOR_MIGRATION)


def test_changed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    done = Call("jobStats").returns(NO_JOB).leaves(MIGRATED)
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), LOOK, LOOK, done, KEPT)
    result = run(migration_suspend, name="erp01", max_pause_s=10)
    assert (result["changed"], result["phase"]) == (True, "completed")
    assert (result["downtime_ms"], result["elapsed_ms"]) == (351, 70_000)
    assert result["diff"] == {"before": {"state": "running (booted)"}, "after": {"state": "shut off (migrated)"}}


def test_a_guest_that_leaves_nothing_behind(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    # The event carries no type, and events of other guests and of passes come before it.
    stats = {key: value for key, value in COMPLETED.items() if key != "type"}

    def passes(fake: FakeLibvirt) -> None:
        fake.happens(MIGRATION_ITERATION, 6)
        fake.happens(JOB_COMPLETED, {**stats, "downtime": 1}, Guest("erp02", ERP02))
        fake.clock.after(0.5, lambda: fake.happens(JOB_COMPLETED, stats))

    done = Call("jobStats").raises(42, GONE_TEXT).leaves(GONE).then(passes)
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), done)
    result = run(migration_suspend, name="erp01", max_pause_s=10)
    assert (result["phase"], result["downtime_ms"]) == ("completed", 351)
    assert result["diff"]["after"] == {"state": "no longer defined"}


def test_a_guest_that_leaves_nothing_behind_and_no_event(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    done = Call("jobStats").raises(42, GONE_TEXT).leaves(GONE)
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), done)
    result = run.fails(migration_suspend, name="erp01", max_pause_s=10)
    assert result["reason"] == "OUTCOME_UNKNOWN"


def test_a_guest_that_stands_still_already_is_adopted(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = PAUSED_FOR_MIGRATION
    done = Call("jobStats").returns(NO_JOB).leaves(MIGRATED)
    libvirt.expect(*FOUND, LOOK, LOOK, done, KEPT)
    assert run(migration_suspend, name="erp01", max_pause_s=10)["phase"] == "completed"


def test_expiry_aborts(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    gives_up = Call("abortJob").returns(0).leaves(CANCELLED)
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), *[LOOK] * 5, LOOK, gives_up, LOOK, IDLE)
    result = run.fails(migration_suspend, name="erp01", max_pause_s=1)
    assert result["reason"] == "PAUSE_EXPIRED"
    assert "1 s" in result["msg"]
    assert result["state"] == "The migration was aborted; the guest is running (migration cancelled) on the source."
    assert result["evidence"] == {"max_pause_s": 1.0, "remaining_bytes": 200 * MIB}


def test_expiry_leaves(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), *[LOOK] * 5, LOOK)
    result = run(migration_suspend, name="erp01", max_pause_s=1, on_expiry="leave")
    assert (result["changed"], result["phase"]) == (True, "switchover")
    assert result["diff"]["after"] == {"state": "paused (migration)"}


def test_expiry_leaves_what_was_so_before(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = PAUSED_FOR_MIGRATION
    libvirt.expect(*FOUND, LOOK, *[LOOK] * 5, LOOK)
    result = run(migration_suspend, name="erp01", max_pause_s=1, on_expiry="leave")
    assert (result["changed"], result["phase"]) == (False, "switchover")
    assert result["diff"]["before"] == result["diff"]["after"]


def test_completes_while_it_is_aborted(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    too_late = Call("abortJob").raises(55, "no job is active on the domain").leaves(MIGRATED)
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), *[LOOK] * 5, LOOK, too_late, IDLE, IDLE, KEPT)
    result = run(migration_suspend, name="erp01", max_pause_s=1)
    assert (result["changed"], result["phase"], result["downtime_ms"]) == (True, "completed", 351)


def test_abort_that_does_not_end_says_so(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), *[LOOK] * 5, LOOK, Call("abortJob").returns(0), *[LOOK] * 6)
    result = run.fails(migration_suspend, name="erp01", max_pause_s=1)
    assert result["reason"] == "ABORT_UNVERIFIED"
    assert result["state"] == "The guest is paused (migration) here."


def test_migration_that_fails_meanwhile(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), LOOK, Call("jobStats").returns(NO_JOB).leaves(CANCELLED))
    result = run.fails(migration_suspend, name="erp01", max_pause_s=10)
    assert result["reason"] == "MIGRATION_FAILED"
    assert result["state"] == "The guest is running (migration cancelled) here, on the source."


def test_guest_that_is_stopped_meanwhile_is_not_called_migrated(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    gone = Call("jobStats").raises(55, "domain is not running").leaves(SHUT_DOWN)
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), gone)
    result = run.fails(migration_suspend, name="erp01", max_pause_s=10)
    assert result["reason"] == "GUEST_STOPPED"
    assert result["state"] == "The guest is shut off (shut down) on the source."


def test_in_postcopy_there_is_nothing_to_do(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, Call("jobStats").returns(POSTCOPY))
    result = run(migration_suspend, name="erp01", max_pause_s=10)
    assert (result["changed"], result["phase"]) == (False, "postcopy")


def test_check_mode_writes_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN)
    result = run(migration_suspend, check=True, name="erp01", max_pause_s=10)
    assert (result["changed"], result["phase"]) == (True, "completed")


# "nan" and "inf" pass as numbers; with them the pause would never end.
@pytest.mark.parametrize("value", [0, -1, "nan", "inf", "-inf"])
def test_pause_without_an_end_is_refused(libvirt: FakeLibvirt, run: ModuleRunner, value: t.Any) -> None:
    libvirt.expect(*FOUND)
    result = run.fails(migration_suspend, name="erp01", max_pause_s=value)
    assert (result["reason"], result["state"]) == ("OUT_OF_RANGE", "Nothing was changed.")


@pytest.mark.parametrize("check", [False, True])
def test_without_a_migration_nothing_is_suspended(libvirt: FakeLibvirt, run: ModuleRunner, check: bool) -> None:
    libvirt.expect(*FOUND, IDLE)
    result = run.fails(migration_suspend, check=check, name="erp01", max_pause_s=10)
    assert result["reason"] == "NO_JOB"


def test_arriving_guest_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    libvirt.expect(*FOUND, Call("jobStats").raises(84, "only on the source host"))
    assert run.fails(migration_suspend, name="erp01", max_pause_s=10)["reason"] == "INCOMING"


def test_another_job_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    assert run.fails(migration_suspend, name="erp01", max_pause_s=10)["reason"] == "OTHER_JOB"


def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, Call("suspend").hangs())
    assert run.fails(migration_suspend, name="erp01", max_pause_s=10)["reason"] == "MONITOR_HUNG"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Call("jobStats").then(lambda libvirt: libvirt.clock.sleep(20)).hangs(), "MONITOR_HUNG"),
        (
            Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer").leaves(UNANSWERED),
            "CONNECTION_LOST",
        ),
        (Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer").leaves(GONE), "CONNECTION_LOST"),
    ],
    ids=["hung", "lost", "lost for all calls"],
)
def test_a_wait_that_cannot_go_on_says_that_the_guest_stands_still(
    libvirt: FakeLibvirt, run: ModuleRunner, answer: Call, reason: str
) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, suspend(), LOOK, answer)
    result = run.fails(migration_suspend, name="erp01", max_pause_s=10)
    assert result["reason"] == reason
    assert "The guest was suspended" in result["state"]
    assert "bound the pause" in result["remedy"]


@pytest.mark.parametrize("said", ["0", "9.5"])
def test_no_longer_than_the_guest_admits(libvirt: FakeLibvirt, run: ModuleRunner, said: str) -> None:
    libvirt.expect(*FOUND, LOOK, *own_word(f'<guest max-pause-s="{said}"/>'))
    result = run.fails(migration_suspend, name="erp01", max_pause_s=10)
    assert (result["reason"], result["evidence"]["limit"]) == ("GUEST_FORBIDS", {"max_pause_s": float(said)})


def test_whoever_decides_otherwise_says_so(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, suspend(), Call("jobStats").returns(NO_JOB).leaves(MIGRATED), KEPT)
    assert run(migration_suspend, name="erp01", max_pause_s=10, heed_metadata=False)["changed"] is True
