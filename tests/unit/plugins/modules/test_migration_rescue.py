# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import replay
from ansible_collections.virtops.live_migration.plugins.module_utils._host import supervision_lock
from ansible_collections.virtops.live_migration.plugins.module_utils._host.supervision_lock import supervising
from ansible_collections.virtops.live_migration.plugins.modules import migration_rescue
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    CANCELLED,
    ERP01,
    IN_POSTCOPY,
    MIGRATED,
    SHUT_DOWN,
    UNANSWERED,
    Call,
    FakeLibvirt,
    Guest,
    own_word,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    COMPLETED,
    FIRST_PASS,
    GIB,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
    later,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
PLAIN = Call("XMLDesc", 0).returns("<domain type='kvm'><name>erp01</name><devices><disk/></devices></domain>")
HEEDED = [*own_word(), PLAIN]
GONE = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running")
KEPT = Call("jobStats", 3).returns({**COMPLETED, "operation": 5})


# Stuck for long: it has sent its memory two and a half times over.
STUCK = {**MIGRATING, "memory_processed": 10 * GIB}


class CallArgument(int):
    """Fits any value from this one up to twice as much: the engine adds a margin of its own."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and int(self) <= int(other) <= 2 * int(self)

    __hash__ = int.__hash__


def limits(max_downtime_ms: int = 300) -> list[Call]:
    return [
        Call("migrateGetMaxDowntime").returns(max_downtime_ms),
        Call("migrateGetMaxSpeed", 0).returns(0),
        Call("migrateGetMaxSpeed", 1).returns(0),
    ]


def look(stats: dict[str, t.Any]) -> Call:
    return Call("jobStats").returns(stats)


def test_no_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, look(NO_JOB))
    result = run(migration_rescue, name="erp01")
    assert (result["changed"], result["outcome"], result["actions"]) == (False, "none", [])
    assert result["diff"]["before"] == result["diff"]["after"]


def test_what_finishes_by_itself_is_left_to_it(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    first, second = look(FIRST_PASS), look(later(0.5, FIRST_PASS)).leaves(MIGRATED)
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, first, *limits(), second, *limits(), GONE, KEPT)
    result = run(migration_rescue, name="erp01")
    assert (result["changed"], result["outcome"], result["actions"]) == (False, "completed", [])
    assert result["diff"]["before"] == result["diff"]["after"], "it has done nothing"
    assert result["downtime_ms"] == COMPLETED["downtime"]
    # Nobody has said where it goes.
    assert result["destination_answered"] is None
    assert "destination of erp01 is not known" in str(result["warnings"])
    assert result["record"]["outcome"] == "completed"


def test_the_needed_downtime_is_set_and_recorded(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    needed_ms = MIGRATING["downtime"]
    looks = [look(STUCK), *limits(), Call("migrateSetMaxDowntime", CallArgument(needed_ms))]
    after = [look(later(0.5, STUCK)).leaves(MIGRATED), *limits(9999)]
    libvirt.expect(*FOUND, look(STUCK), *HEEDED, *looks, *after, GONE, KEPT)
    result = run(migration_rescue, name="erp01", policy_overrides={"max_downtime_ms": 60_000})
    assert (result["changed"], result["outcome"]) == (True, "completed")
    (action,) = result["actions"]
    assert (action["action"], action["reason"]) == ("set_downtime", "NEEDED_DOWNTIME")
    assert result["diff"] == {
        "before": {"phase": "precopy", "actions": []},
        "after": {"phase": "completed", "actions": ["set_downtime"]},
    }
    assert replay(result["record"]) == result["record"]["decisions"]


def test_check_mode(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, look(STUCK), *HEEDED, look(STUCK), *limits())
    result = run(migration_rescue, check=True, name="erp01", policy_overrides={"max_downtime_ms": 60_000})
    assert result["changed"] is True
    assert [action["action"] for action in result["actions"]] == ["set_downtime"]
    assert result["diff"]["after"] == {"phase": "precopy", "actions": ["set_downtime"]}


def test_a_destination_that_never_answers_is_told(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    first = look(FIRST_PASS).leaves(MIGRATED)
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, first, *limits(), GONE, KEPT)
    result = run(migration_rescue, name="erp01", destination_uri="qemu+tcp://kvm02/system")
    assert result["destination_answered"] is False
    assert "destination of erp01 has never answered" in str(result["warnings"])


def test_the_daemon_is_gone(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    lost = Call("jobStats").raises(1, "internal error: client socket is closed", 7).leaves(UNANSWERED)
    still_there = Call("getLibVersion").returns(11003000)
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, look(FIRST_PASS), *limits(), lost, still_there)
    result = run.fails(migration_rescue, name="erp01")
    assert result["reason"] == "CONNECTION_LOST"
    assert "The migration may go on" in result["state"]
    assert "Run this again" in result["remedy"]
    assert len(result["record"]["looks"]) == 1


def test_a_daemon_that_was_started_anew(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It cancels a pre-copy, which is told with what to do next time, as soon as it answers again."""

    def dies(fake: FakeLibvirt) -> None:
        fake.connection("qemu:///system").closed = True

    lost = Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer", 7).then(dies).leaves(UNANSWERED)
    refused = Call("open", "qemu:///system").raises(38, "Failed to connect socket: Connection refused", 7)
    back = [Call("open", "qemu:///system").leaves(CANCELLED), Call("lookupByUUIDString", ERP01).returns(Guest())]
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, look(FIRST_PASS), *limits(), lost, refused, *back, look(NO_JOB))
    result = run.fails(migration_rescue, name="erp01")
    assert result["reason"] == "ENDED_BY_RESTART"
    assert "The guest runs on the source as before" in result["state"]
    for words in ("Start the migration again", "max_restarts", "Restart no daemon while guests leave"):
        assert words in result["remedy"]


def test_a_daemon_behind_a_proxy_that_was_started_anew(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """Modular daemons: the connection is open, since virtproxyd is there, and each call on it fails."""
    closed = (1, "internal error: client socket is closed", 7)
    lost = Call("jobStats").raises(*closed).leaves(UNANSWERED)
    asked = Call("getLibVersion").raises(*closed)
    back = [Call("open", "qemu:///system").leaves(CANCELLED), Call("lookupByUUIDString", ERP01).returns(Guest())]
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, look(FIRST_PASS), *limits(), lost, asked, *back, look(NO_JOB))
    assert run.fails(migration_rescue, name="erp01")["reason"] == "ENDED_BY_RESTART"


def test_a_daemon_that_was_started_anew_in_postcopy(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """The job goes on, so that nothing is to be started."""

    def dies(fake: FakeLibvirt) -> None:
        fake.connection("qemu:///system").closed = True

    lost = Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer", 7).then(dies).leaves(UNANSWERED)
    back = [Call("open", "qemu:///system").leaves(IN_POSTCOPY), Call("lookupByUUIDString", ERP01).returns(Guest())]
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, look(POSTCOPY), PLAIN, look(POSTCOPY), lost, *back)
    result = run.fails(migration_rescue, name="erp01")
    assert result["reason"] == "CONNECTION_LOST"
    assert "The migration may go on" in result["state"]


def test_the_guest_shuts_down(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    off = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running").leaves(SHUT_DOWN)
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, look(FIRST_PASS), *limits(), off)
    result = run.fails(migration_rescue, name="erp01")
    assert result["reason"] == "GUEST_STOPPED"
    assert "shut off (shut down) on the source" in result["state"]
    assert result["record"]["outcome"] == "failed"


def test_its_half_on_the_source_crashes(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """In post-copy the other half cannot go on without it, so that "start it here" would be half of the truth."""
    libvirt.states["erp01"] = IN_POSTCOPY
    gone = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running").leaves((5, 3))
    libvirt.expect(*FOUND, look(POSTCOPY), PLAIN, look(POSTCOPY), gone)
    result = run.fails(migration_rescue, name="erp01")
    assert result["reason"] == "HALF_ENDED"
    assert "in memory is lost" in result["msg"]
    assert "shut off (crashed)" in result["state"]
    assert "virsh destroy" in result["remedy"]


def test_aborted_by_somebody_else(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    aborted = look(NO_JOB).leaves(CANCELLED)
    libvirt.expect(*FOUND, look(FIRST_PASS), *HEEDED, look(FIRST_PASS), *limits(), aborted)
    result = run.fails(migration_rescue, name="erp01")
    assert result["reason"] == "MIGRATION_FAILED"
    assert "running (migration cancelled) on the source" in result["state"]
    assert result["record"]["outcome"] == "failed"


def test_exclusive_leaves_it_to_whoever_looks_after_it_already(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, look(STUCK), *HEEDED)
    with supervising(Guest().uuid) as alone:
        assert alone
        result = run(migration_rescue, name="erp01", exclusive=True)
    assert (result["outcome"], result["changed"], result["actions"]) == ("supervised", False, [])


ENDS = [look(FIRST_PASS).leaves(MIGRATED), *limits(), GONE, KEPT]
PREFER = {"policy_overrides": {"postcopy": "prefer"}}


@pytest.mark.parametrize(
    ("own", "options"),
    [
        ('<guest postcopy="never"/>', PREFER),
        ('<guest postcopy="perhaps"/>', PREFER),
        ("", {**PREFER, "guest_options": [{"name": "erp*", "policy_overrides": {"postcopy": "never"}}]}),
        ("", {**PREFER, "guest_options": [{"name": "erp*", "policy": "minimal_downtime"}]}),
        ('<guest postcopy="prefer"/>', {"policy_overrides": {"postcopy": "never"}}),
    ],
)
def test_a_guest_that_must_not_is_not_switched(
    libvirt: FakeLibvirt, run: ModuleRunner, own: str, options: dict[str, t.Any]
) -> None:
    """The most careful word holds, wherever it was said, and whoever started the migration."""
    libvirt.expect(*FOUND, look(STUCK), *own_word(own), PLAIN, *ENDS)
    result = run(migration_rescue, name="erp01", **options)
    assert result["record"]["contract"]["postcopy"] == "never"
    assert result["actions"] == []


def test_what_the_guest_says_can_be_passed_over(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, look(STUCK), PLAIN, *ENDS)
    result = run(migration_rescue, name="erp01", heed_metadata=False, **PREFER)
    assert result["record"]["contract"]["postcopy"] == "prefer"


def test_a_guest_allows_less_downtime_than_the_task(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """QEMU's limit is below it, since the switch itself takes a moment."""
    looked = [look(FIRST_PASS), *limits(), Call("migrateSetMaxDowntime", 240)]
    libvirt.expect(*FOUND, look(STUCK), *own_word('<guest max-downtime-ms="300"/>'), PLAIN, *looked, *ENDS)
    result = run(migration_rescue, name="erp01", policy_overrides={"max_downtime_ms": 60_000})
    assert result["record"]["contract"]["max_downtime_ms"] == 300


def test_a_named_policy_for_one_guest_does_not_end_the_migration_of_somebody_else(
    libvirt: FakeLibvirt, run: ModuleRunner
) -> None:
    """A policy's own word for a hopeless migration is abort, and leave here, for single guests as for all."""
    libvirt.expect(*FOUND, look(STUCK), *HEEDED, *ENDS)
    result = run(migration_rescue, name="erp01", guest_options=[{"name": "erp*", "policy": "very_large"}])
    policy = result["record"]["contract"]
    assert (policy["on_hopeless"], policy["max_downtime_ms"]) == ("leave", 1500)


def test_limits_that_cannot_be_read_are_an_error(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It might have said that it must not go by post-copy."""
    libvirt.expect(*FOUND, look(STUCK), own_word()[0].raises(38, "cannot read the status file"))
    assert run.fails(migration_rescue, name="erp01", **PREFER)["reason"] == "SYSTEM_ERROR"


def test_a_split_guest_is_joined_whatever_it_says(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It is not asked: it cannot go back."""
    libvirt.states["erp01"] = IN_POSTCOPY
    libvirt.expect(*FOUND, look(POSTCOPY), PLAIN, look(POSTCOPY).leaves(MIGRATED), GONE, KEPT)
    assert run(migration_rescue, name="erp01")["outcome"] == "completed"


def test_a_guest_that_was_left_slowed_down_is_mended_without_a_job(
    libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path
) -> None:
    """By a run that was killed together with the program that would have put it back."""
    group = tmp_path / "vcpu0"
    group.mkdir()
    (group / "cpu.max").write_text("2000 10000")
    note = supervision_lock.DIRECTORY / f"{ERP01}.vcpu-quota"
    note.parent.mkdir()
    files = [{"path": f"{group}/cpu.max", "former": "max 100000", "ours": ["2000 10000"]}]
    note.write_text(json.dumps({"files": files}))
    libvirt.expect(*FOUND, look(NO_JOB))
    assert run(migration_rescue, name="erp01", check=True)["outcome"] == "none"
    assert (group / "cpu.max").read_text() == "2000 10000", "in check mode nothing is touched"
    libvirt.expect(*FOUND, look(NO_JOB))
    result = run(migration_rescue, name="erp01")
    assert (result["outcome"], result.get("warnings", [])) == ("none", [])
    assert (group / "cpu.max").read_text() == "max 100000"
    assert not note.exists()
