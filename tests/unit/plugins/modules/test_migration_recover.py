# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job import resume_by_monitor
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
    result = run(migration_recover, name="erp01", destination_uri=THERE, progress_file=str(tmp_path / "progress"))
    told = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert set(told[0]) == {"pid"}
    assert told[-1] == {"end": True}
    assert {key: told[-2]["result"].get(key) for key in result} == result
    assert "attempt 1" in told[-4]["line"]
    assert told[-3]["line"].startswith("completed")


@pytest.mark.parametrize(
    ("here", "there", "needed"),
    [
        (9_000_000, 11_002_000, "11.4.0"),
        (11_003_000, 11_003_009, "11.4.0"),
        (8_004_000, 9_000_000, "8.5.0"),
        (9_000_000, 7_000_000, "8.5.0"),
    ],
)
def test_a_daemon_that_cannot_or_would_crash(
    libvirt: FakeLibvirt, run: ModuleRunner, here: int, there: int, needed: str
) -> None:
    libvirt.expect(*FOUND, LOOK, *ends(here, there)[:3])
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE)
    assert result["reason"] == "RESUME_UNSAFE"
    assert f"pdate it to {needed} or later" in result["remedy"]
    assert ("virtops.live_migration.recover" in result["remedy"]) is (needed == "11.4.0")
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


class Monitor:
    """The binding for QEMU's monitors; what it was told is kept."""

    def __init__(self, libvirt: FakeLibvirt, answer: str = '{"return": {}}') -> None:
        self.libvirt, self.answer = libvirt, answer
        self.orders: list[Any] = []

    def qemuMonitorCommand(self, _domain: object, text: str, flags: int) -> str:  # noqa: N802 - the binding's name
        self.orders.append((json.loads(text), flags))
        if "error" not in self.answer:
            self.libvirt.states["erp01"] = MIGRATED
        return self.answer


@pytest.fixture
def monitor(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    made = Monitor(libvirt)
    monkeypatch.setattr(resume_by_monitor, "libvirt_qemu", made)
    return made


NAME_ASKED = Call("open", THERE)  # it calls itself kvm02


def test_joined_by_the_monitor(libvirt: FakeLibvirt, run: ModuleRunner, monitor: Monitor) -> None:
    """Where libvirt on the destination would crash; it is not asked to resume anything."""
    there = ends(there=11_003_000)
    libvirt.expect(*FOUND, LOOK, *there, *WATCHED, *there, NAME_ASKED, GONE, KEPT)
    result = run(migration_recover, name="erp01", destination_uri=THERE, incoming_port=49153)
    assert (result["changed"], result["phase"], result["attempts"]) == (True, "completed", 1)
    order = {"execute": "migrate", "arguments": {"uri": "tcp:kvm02:49153", "resume": True}}
    assert monitor.orders == [(order, 0)]


@pytest.mark.parametrize(
    ("given", "sent_to"),
    [("tcp://10.0.0.12", "tcp:10.0.0.12:49153"), ("tcp://[fd00::12]:49152", "tcp:[fd00::12]:49153")],
)
def test_where_memory_is_sent_to(
    libvirt: FakeLibvirt, run: ModuleRunner, monitor: Monitor, given: str, sent_to: str
) -> None:
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), GONE, KEPT)
    run(migration_recover, name="erp01", destination_uri=THERE, incoming_port=49153, migrate_uri=given)
    assert monitor.orders[0][0]["arguments"]["uri"] == sent_to


def test_the_monitor_refuses(libvirt: FakeLibvirt, run: ModuleRunner, monitor: Monitor) -> None:
    """It is asked once, as the half there has to be prepared for each attempt."""
    monitor.answer = '{"error": {"class": "GenericError", "desc": "Cannot resume if there is no paused migration"}}'
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), NAME_ASKED, LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, incoming_port=49153)
    assert (result["reason"], result["attempts"]) == ("POSTCOPY_BROKEN", 1)
    assert "Cannot resume if there is no paused migration" in result["msg"]
    assert "both halves were left as they are" in result["state"]


@pytest.mark.parametrize("name", ["kvm02:1,to=9", "kvm 02", "", "-x"])
def test_a_destination_with_a_name_that_is_none(
    libvirt: FakeLibvirt, run: ModuleRunner, monitor: Monitor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    there = SimpleNamespace(raw=SimpleNamespace(getHostname=lambda: name))
    monkeypatch.setattr(resume_by_monitor, "connect_destination", lambda _uri: nullcontext(there))
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, incoming_port=49153)
    assert "which is no name of a host" in result["msg"]
    assert monitor.orders == []


def test_memory_by_rdma(libvirt: FakeLibvirt, run: ModuleRunner, monitor: Monitor) -> None:
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), LOOK)
    address = "rdma://10.0.0.12"
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, incoming_port=49153, migrate_uri=address)
    assert "Only a migration over TCP" in result["msg"]
    assert monitor.orders == []


def test_a_binding_without_monitors(libvirt: FakeLibvirt, run: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume_by_monitor, "libvirt_qemu", None)
    libvirt.expect(*FOUND, LOOK, *ends(), *WATCHED, *ends(), LOOK)
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, incoming_port=49153)
    assert "libvirt_qemu" in result["msg"]


@pytest.mark.parametrize("port", [0, 65536])
def test_ports(libvirt: FakeLibvirt, run: ModuleRunner, port: int) -> None:
    result = run.fails(migration_recover, name="erp01", destination_uri=THERE, incoming_port=port)
    assert result["reason"] == "OUT_OF_RANGE"


def test_what_crashes_is_the_daemon_that_it_goes_to(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    attempt = [*ends(here=11_003_000), *OWN, resume().leaves(MIGRATED)]
    libvirt.expect(*FOUND, LOOK, *ends(here=11_003_000), *WATCHED, *attempt, GONE, KEPT)
    assert run(migration_recover, name="erp01", destination_uri=THERE)["phase"] == "completed"
