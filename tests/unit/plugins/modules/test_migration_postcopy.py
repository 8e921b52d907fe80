# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job import postcopy_calls, wait
from ansible_collections.virtops.live_migration.plugins.modules import migration_postcopy
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    CANCELLED,
    ERP01,
    IN_POSTCOPY,
    MIGRATED,
    PAUSED_FOR_MIGRATION,
    POSTCOPY_FAILED,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
    own_word,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    BACKUP,
    COMPLETED,
    FIRST_PASS,
    GIB,
    MIB,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
    later,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
LOOK = Call("jobStats").returns(MIGRATING)
LOOK_POSTCOPY = Call("jobStats").returns(POSTCOPY)
OWN = own_word()
IDLE = Call("jobStats").returns(NO_JOB)
LIMITS = [
    Call("migrateGetMaxDowntime").returns(300),
    Call("migrateGetMaxSpeed", 0).returns(0),
    Call("migrateGetMaxSpeed", 1).returns(0),
]
PLAIN = Call("XMLDesc", 0).returns("<domain type='kvm'><name>erp01</name><devices><disk/></devices></domain>")
SWITCH = Call("migrateStartPostCopy").returns(0).leaves(IN_POSTCOPY)


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five looks fit into the limit; the steps are exact in binary, so that their sum is."""
    monkeypatch.setattr(wait, "_POLL_S", 0.25)
    monkeypatch.setattr(postcopy_calls, "SWITCH_LIMIT_S", 1.0)


def watched(look_at: t.Callable[[float], dict[str, t.Any]]) -> list[Call]:
    """What the guard asks for: a look each half second for three, and one more at the end."""
    moments = [*(step / 2 for step in range(7)), 3.0]
    return [Call("jobStats").returns(look_at(moment)) for moment in moments]


STEADY = [*watched(later), *LIMITS, PLAIN]


def ids(result: dict[str, t.Any]) -> list[str]:
    return [one["id"] for one in result["evidence"]["objections"]]


def test_changed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, *STEADY, SWITCH, LOOK_POSTCOPY)
    result = run(migration_postcopy, name="erp01")
    assert (result["changed"], result["phase"]) == (True, "postcopy")
    assert result["diff"] == {"before": {"phase": "precopy"}, "after": {"phase": "postcopy"}}


def test_without_the_guard_it_switches_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, SWITCH, LOOK_POSTCOPY)
    assert run(migration_postcopy, name="erp01", guard=False)["changed"] is True


def test_qemu_switches_when_it_can(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    asked = Call("migrateStartPostCopy").returns(0)
    switched = Call("jobStats").returns(MIGRATING).leaves(IN_POSTCOPY)
    libvirt.expect(*FOUND, LOOK, *OWN, asked, LOOK, LOOK, switched)
    assert run(migration_postcopy, name="erp01", guard=False)["phase"] == "postcopy"


def test_qemu_never_switches(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, Call("migrateStartPostCopy").returns(0), *[LOOK] * 5)
    result = run.fails(migration_postcopy, name="erp01", guard=False)
    assert result["reason"] == "NOT_REACHED"
    assert result["state"] == "The guest is running (booted) here, its job is in phase precopy."


def test_breaks_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    asked = Call("migrateStartPostCopy").returns(0).leaves(POSTCOPY_FAILED)
    libvirt.expect(*FOUND, LOOK, *OWN, asked, LOOK_POSTCOPY)
    result = run(migration_postcopy, name="erp01", guard=False)
    assert (result["changed"], result["phase"]) == (True, "postcopy_failed")


def test_completes_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    asked = Call("migrateStartPostCopy").returns(0).leaves(MIGRATED)
    libvirt.expect(*FOUND, LOOK, *OWN, asked, IDLE, Call("jobStats", 3).returns(COMPLETED))
    result = run(migration_postcopy, name="erp01", guard=False)
    assert (result["changed"], result["phase"]) == (True, "completed")


def test_fails_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    asked = Call("migrateStartPostCopy").returns(0).leaves(CANCELLED)
    libvirt.expect(*FOUND, LOOK, *OWN, asked, IDLE)
    assert run.fails(migration_postcopy, name="erp01", guard=False)["reason"] == "MIGRATION_FAILED"


@pytest.mark.parametrize(("state", "phase"), [(IN_POSTCOPY, "postcopy"), (POSTCOPY_FAILED, "postcopy_failed")])
@pytest.mark.parametrize("check", [False, True])
def test_already_there(
    libvirt: FakeLibvirt, run: ModuleRunner, state: tuple[int, int], phase: str, check: bool
) -> None:
    libvirt.states["erp01"] = state
    libvirt.expect(*FOUND, LOOK_POSTCOPY)
    result = run(migration_postcopy, check=check, name="erp01")
    assert (result["changed"], result["phase"]) == (False, phase)
    assert result["diff"]["before"] == result["diff"]["after"]


def test_check_mode_looks_but_does_not_switch(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, *STEADY)
    result = run(migration_postcopy, check=True, name="erp01")
    assert (result["changed"], result["phase"]) == (True, "postcopy")


# --- the guard


def test_guard_host_devices(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    devices = "<domain><devices><hostdev mode='subsystem'/><hostdev/></devices></domain>"
    libvirt.expect(*FOUND, LOOK, *OWN, *watched(later), *LIMITS, Call("XMLDesc", 0).returns(devices))
    result = run.fails(migration_postcopy, name="erp01")
    assert (result["reason"], ids(result)) == ("GUARD_REFUSED", ["HOST_DEVICES"])
    assert "2 host device(s)" in result["msg"]
    assert result["state"] == "The guest runs on the source and its migration goes on. Nothing was changed."


def test_guard_refuses_in_check_mode_too(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    first_pass = watched(lambda at_s: later(at_s, FIRST_PASS))
    libvirt.expect(*FOUND, LOOK, *OWN, *first_pass, *LIMITS, PLAIN)
    assert run.fails(migration_postcopy, check=True, name="erp01")["reason"] == "GUARD_REFUSED"


def test_guard_first_pass(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    first_pass = watched(lambda at_s: later(at_s, FIRST_PASS))
    libvirt.expect(*FOUND, LOOK, *OWN, *first_pass, *LIMITS, PLAIN)
    assert ids(run.fails(migration_postcopy, name="erp01")) == ["FIRST_PASS"]


def test_guard_network_stands_still(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, *watched(lambda _at_s: MIGRATING), *LIMITS, PLAIN)
    assert ids(run.fails(migration_postcopy, name="erp01")) == ["NETWORK_STALL"]


def test_guard_network_is_not_steady(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    # 100 MiB/s in the first second, a fourth of it afterwards
    slowing = watched(lambda at_s: later(at_s if at_s <= 1 else 1 + (at_s - 1) / 4))
    libvirt.expect(*FOUND, LOOK, *OWN, *slowing, *LIMITS, PLAIN)
    assert ids(run.fails(migration_postcopy, name="erp01")) == ["NETWORK_UNSTEADY"]


def test_guard_guest_that_stands_still_already(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = PAUSED_FOR_MIGRATION
    libvirt.expect(*FOUND, LOOK, *OWN, *STEADY)
    assert ids(run.fails(migration_postcopy, name="erp01")) == ["SUSPENDED"]


def test_guard_too_long(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, *STEADY)
    result = run.fails(migration_postcopy, name="erp01", max_postcopy_s=1)
    assert ids(result) == ["TOO_LONG"]
    assert "more than 1 s" in result["msg"]


def test_guard_tells_all_its_objections(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    slow_start = {**FIRST_PASS, "memory_remaining": 300 * GIB, "memory_bps": MIB}
    first_pass = watched(lambda at_s: later(at_s, slow_start))
    devices = Call("XMLDesc", 0).returns("<domain><devices><hostdev/></devices></domain>")
    libvirt.expect(*FOUND, LOOK, *OWN, *first_pass, *LIMITS, devices)
    assert ids(run.fails(migration_postcopy, name="erp01")) == ["HOST_DEVICES", "FIRST_PASS", "TOO_LONG"]


# --- the job ends while the guard looks

ENDING = [LOOK, *OWN, LOOK, Call("jobStats").returns(later(0.5))]


def test_completes_while_the_guard_looks(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    done, kept = Call("jobStats").returns(NO_JOB).leaves(MIGRATED), Call("jobStats", 3).returns(COMPLETED)
    libvirt.expect(*FOUND, *ENDING, done, kept)
    result = run(migration_postcopy, name="erp01")
    assert (result["changed"], result["phase"]) == (False, "completed")


def test_fails_while_the_guard_looks(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    failed = Call("jobStats").returns(NO_JOB).leaves(CANCELLED)
    libvirt.expect(*FOUND, *ENDING, failed, IDLE)
    result = run.fails(migration_postcopy, name="erp01")
    assert result["reason"] == "MIGRATION_FAILED"


def test_fails_just_before_the_guard_looks(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, Call("jobStats").returns(NO_JOB).leaves(CANCELLED), IDLE)
    assert run.fails(migration_postcopy, name="erp01")["reason"] == "MIGRATION_FAILED"


# --- post-copy was not enabled at the start

STATUS = "<domstatus><job async='migration out' flags='{}'/><domain><uuid>" + ERP01 + "</uuid></domain></domstatus>"


def test_job_started_without_postcopy(libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path) -> None:
    (tmp_path / "erp01.xml").write_text(STATUS.format("0x3"))
    libvirt.expect(*FOUND, LOOK)
    result = run.fails(migration_postcopy, name="erp01", guard=False)
    assert result["reason"] == "POSTCOPY_NOT_ENABLED"
    assert "Nothing was changed" in result["state"]


def test_job_started_with_postcopy(libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path) -> None:
    (tmp_path / "erp01.xml").write_text(STATUS.format("0x8003"))
    libvirt.expect(*FOUND, LOOK, *OWN, SWITCH, LOOK_POSTCOPY)
    assert run(migration_postcopy, name="erp01", guard=False)["changed"] is True


def test_files_of_this_machine_say_nothing_about_another(
    libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path
) -> None:
    (tmp_path / "erp01.xml").write_text(STATUS.format("0x3"))
    uri = "qemu+ssh://kvm01/system"
    libvirt.expect(Call("open", uri), Call("lookupByName", "erp01").returns(Guest()), LOOK, *OWN, SWITCH, LOOK_POSTCOPY)
    assert run(migration_postcopy, name="erp01", uri=uri, guard=False)["changed"] is True


def test_libvirt_says_so_where_the_file_does_not(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    refusal = Call("migrateStartPostCopy").raises(
        55, "switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag"
    )
    libvirt.expect(*FOUND, LOOK, *OWN, refusal)
    result = run.fails(migration_postcopy, name="erp01", guard=False)
    assert result["reason"] == "POSTCOPY_NOT_ENABLED"
    assert result["state"] == "The request was refused and changed nothing. The guest is running (booted) here."


# --- nothing to switch


# With "nan" the guard would object to nothing.
@pytest.mark.parametrize("value", [0, -1, "nan", "inf"])
def test_time_out_of_range(libvirt: FakeLibvirt, run: ModuleRunner, value: t.Any) -> None:
    libvirt.expect(*FOUND)
    result = run.fails(migration_postcopy, name="erp01", max_postcopy_s=value)
    assert (result["reason"], result["state"]) == ("OUT_OF_RANGE", "Nothing was changed.")


def test_no_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE)
    assert run.fails(migration_postcopy, name="erp01")["reason"] == "NO_JOB"


def test_guest_off(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND, Call("jobStats").raises(55, "domain is not running"))
    result = run.fails(migration_postcopy, name="erp01")
    assert result["state"] == "The guest is shut off (shut down) here. Nothing was changed."


def test_arriving_guest_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    libvirt.expect(*FOUND, Call("jobStats").raises(84, "only on the source host"))
    assert run.fails(migration_postcopy, name="erp01")["reason"] == "INCOMING"


def test_another_job_is_refused_at_once(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    assert run.fails(migration_postcopy, name="erp01")["reason"] == "OTHER_JOB"


def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *OWN, Call("migrateStartPostCopy").hangs())
    result = run.fails(migration_postcopy, name="erp01", guard=False)
    assert result["reason"] == "MONITOR_HUNG"
    assert "may still take effect" in result["state"]


# --- what the guest says of itself


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("said", ["never", "whatever"])
def test_a_guest_that_must_not_is_refused(libvirt: FakeLibvirt, run: ModuleRunner, said: str, check: bool) -> None:
    """Without the guard, too: that looks at the network."""
    libvirt.expect(*FOUND, LOOK, *own_word(f'<guest postcopy="{said}"/>'))
    result = run.fails(migration_postcopy, check=check, name="erp01", guard=False)
    assert (result["reason"], result["evidence"]) == ("GUEST_FORBIDS", {"limit": {"postcopy": "never"}})
    assert "heed_metadata: false" in result["remedy"]


@pytest.mark.parametrize("said", ["if_needed", "prefer"])
def test_a_guest_that_may_is_switched(libvirt: FakeLibvirt, run: ModuleRunner, said: str) -> None:
    libvirt.expect(*FOUND, LOOK, *own_word(f'<guest postcopy="{said}"/>'), SWITCH, LOOK_POSTCOPY)
    assert run(migration_postcopy, name="erp01", guard=False)["changed"] is True


def test_whoever_decides_otherwise_says_so(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, SWITCH, LOOK_POSTCOPY)
    assert run(migration_postcopy, name="erp01", guard=False, heed_metadata=False)["changed"] is True


def test_a_shorter_time_of_the_guest_holds_for_the_guard(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *own_word('<guest max-postcopy-s="1"/>'), *STEADY)
    assert ids(run.fails(migration_postcopy, name="erp01")) == ["TOO_LONG"]
