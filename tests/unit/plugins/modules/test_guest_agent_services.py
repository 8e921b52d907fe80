# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_metadata import GUEST_NAMESPACE
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.systemd_units import NOTE_PATH
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest_agent import agent
from ansible_collections.virtops.live_migration.plugins.modules import guest_agent_services as module
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
    libvirtError,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

GUEST_SAYS = '<guest quiesce="reports.service backup.timer sshd.service ../x"/>'
FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
UNITS = ["reports.service", "backup.timer", "idle.service", "nosuch.service"]


class FakeGuest:
    """A guest with an agent and a systemd, in the place of the binding libvirt_qemu."""

    def __init__(self) -> None:
        self.units = {"reports.service": "active", "backup.timer": "active", "idle.service": "inactive"}
        self.note: t.Optional[str] = None
        self.stubborn: set[str] = set()
        self.unreadable = False
        self.absent = f"cat: {NOTE_PATH}: No such file or directory\n"
        self.done: list[str] = []
        self.tested = 0
        self.broken: list[libvirtError] = []
        self.slow = False
        self._results: list[dict[str, t.Any]] = []

    def qemuAgentCommand(self, _domain: t.Any, text: str, timeout_s: int, flags: int) -> str:  # noqa: N802 - the binding's name
        assert timeout_s > 0
        assert flags == 0
        for error in self.broken:
            raise error
        asked = json.loads(text)
        arguments = asked["arguments"]
        if asked["execute"] == "guest-exec":
            given = base64.b64decode(arguments.get("input-data", "")).decode()
            code, output, errors = self._run([arguments["path"], *arguments["arg"]], given)
            self._results.append(
                {
                    "exited": True,
                    "exitcode": code,
                    "out-data": base64.b64encode(output.encode()).decode(),
                    "err-data": base64.b64encode(errors.encode()).decode(),
                }
            )
            return json.dumps({"return": {"pid": len(self._results) - 1}})
        assert asked["execute"] == "guest-exec-status"
        return json.dumps({"return": {"exited": False} if self.slow else self._results[arguments["pid"]]})

    def _run(self, words: list[str], given: str) -> tuple[int, str, str]:
        if words == ["cat", NOTE_PATH]:
            if self.unreadable:
                return 1, "", "cat: Input/output error"
            return (1, "", self.absent) if self.note is None else (0, self.note, "")
        if words == ["test", "-e", NOTE_PATH]:
            self.tested += 1
            return int(self.note is None), "", ""
        if words == ["tee", NOTE_PATH]:
            self.note = given
            return 0, given, ""
        if words == ["rm", "-f", NOTE_PATH]:
            self.note = None
            return 0, "", ""
        unit = words[-1]
        assert words[0] == "systemctl"
        assert words[-2] == "--"
        if words[1] == "show":
            loaded = "loaded" if unit in self.units else "not-found"
            return 0, f"LoadState={loaded}\nActiveState={self.units.get(unit, 'inactive')}\n", ""
        self.done.append(f"{words[1]} {unit}")
        if unit in self.stubborn:
            return 1, "", f"Job for {unit} failed.\n"
        self.units[unit] = {"stop": "inactive", "start": "active"}[words[1]]
        return 0, "", ""


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, libvirt: FakeLibvirt) -> FakeGuest:
    guest = FakeGuest()
    monkeypatch.setattr(agent, "libvirt_qemu", guest)
    libvirt.expect(*FOUND)
    return guest


def stop(run: ModuleRunner, **options: t.Any) -> dict[str, t.Any]:
    return run(module, name="erp01", state="stopped", units=UNITS, **options)


def test_what_works_is_stopped_and_noted(run: ModuleRunner, inside: FakeGuest) -> None:
    result = stop(run)
    assert (result["changed"], result["name"], result["uuid"]) == (True, "erp01", ERP01)
    assert result["units"] == ["reports.service", "backup.timer"]
    assert result["states"]["backup.timer"] == "inactive"
    assert result["states"]["nosuch.service"] == "not-found"
    assert result["diff"]["before"]["backup.timer"] == "active"
    assert inside.done == ["stop reports.service", "stop backup.timer"]
    assert inside.tested == 0
    assert inside.note == "reports.service\nbackup.timer\n"


def test_the_guests_metadata_says_what_an_administrator_allows(
    run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest
) -> None:
    libvirt.expect(Call("metadata", 2, GUEST_NAMESPACE, 1).returns(GUEST_SAYS))
    result = run(module, name="erp01", state="stopped", metadata_may=["*.timer", "rep*.service"])
    assert (result["changed"], result["units"]) == (True, ["reports.service", "backup.timer"])
    told = [str(one) for one in result["warnings"]]
    assert ["sshd.service" in told[0], "../x" in told[1], len(told)] == [True, True, 2]


@pytest.mark.parametrize("said", [None, "<guest/>", "no XML", '<guest quiesce="sshd.service"/>'])
def test_a_guest_that_says_nothing_of_it_is_not_asked(
    run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest, said: t.Optional[str]
) -> None:
    """Its agent, which it may not have."""
    live, config = (Call("metadata", 2, GUEST_NAMESPACE, flag) for flag in (1, 2))
    if said:
        libvirt.expect(live.returns(said))
    else:
        libvirt.expect(live.raises(80, "metadata not found"), config.raises(80, "metadata not found"))
    result = run(module, name="erp01", state="stopped", metadata_may=["*.timer"])
    assert (result["changed"], result["units"], inside.done) == (False, [], [])


@pytest.mark.parametrize(
    ("code", "reason"), [(38, "SYSTEM_ERROR"), (1, "LIBVIRT_ERROR"), (68, "BUSY"), (42, "GUEST_NOT_FOUND")]
)
def test_metadata_that_could_not_be_read_is_no_metadata_that_says_nothing(
    run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest, code: int, reason: str
) -> None:
    libvirt.expect(Call("metadata", 2, GUEST_NAMESPACE, 1).raises(code, "something went wrong"))
    result = run.fails(module, name="erp01", state="stopped", units=UNITS, metadata_may=["*.timer"])
    assert (result["reason"], inside.done) == (reason, [])


def test_a_guest_that_speaks_another_language(run: ModuleRunner, inside: FakeGuest) -> None:
    inside.absent = f"cat: {NOTE_PATH}: Datei oder Verzeichnis nicht gefunden\n"
    assert stop(run)["units"] == ["reports.service", "backup.timer"]
    assert inside.tested == 1


@pytest.mark.parametrize("state", ["stopped", "restored"])
def test_a_note_that_cannot_be_read_is_not_written_over(run: ModuleRunner, inside: FakeGuest, state: str) -> None:
    """What it names would never be started again."""
    inside.note, inside.unreadable = "db.service\n", True
    result = run.fails(module, name="erp01", state=state, units=UNITS)
    assert (result["reason"], inside.done, inside.note) == ("NOTE_UNREADABLE", [], "db.service\n")
    assert "Input/output error" in result["msg"]


def test_the_second_time_nothing_is_done(run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest) -> None:
    stop(run)
    libvirt.expect(*FOUND)
    result = stop(run)
    assert (result["changed"], result["units"]) == (False, [])
    assert len(inside.done) == 2
    assert inside.note == "reports.service\nbackup.timer\n"


def test_exactly_what_was_stopped_is_put_back(run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest) -> None:
    stop(run)
    # Somebody has started one of them meanwhile.
    inside.units["reports.service"] = "active"
    libvirt.expect(*FOUND, *FOUND)
    result = run(module, name="erp01", state="restored")
    assert (result["changed"], result["units"]) == (True, ["backup.timer"])
    assert inside.units == {"reports.service": "active", "backup.timer": "active", "idle.service": "inactive"}
    assert inside.note is None
    again = run(module, name="erp01", state="restored")
    assert (again["changed"], again["states"]) == (False, {})


def test_check_mode_does_nothing(run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest) -> None:
    result = stop(run, check=True)
    assert (result["changed"], result["units"]) == (True, ["reports.service", "backup.timer"])
    assert result["states"]["reports.service"] == "inactive"
    assert (inside.done, inside.note) == ([], None)
    libvirt.expect(*FOUND, *FOUND)
    stop(run)
    assert run(module, check=True, name="erp01", state="restored")["units"] == ["reports.service", "backup.timer"]
    assert len(inside.done) == 2
    assert inside.note


def test_one_that_does_not_stop_brings_the_others_back(run: ModuleRunner, inside: FakeGuest) -> None:
    inside.units["db.service"] = "active"
    inside.stubborn.add("backup.timer")
    result = run.fails(module, name="erp01", state="stopped", units=["reports.service", "backup.timer", "db.service"])
    assert (result["reason"], result["evidence"]["unit"]) == ("NOT_STOPPED", "backup.timer")
    assert "Job for backup.timer failed." in result["msg"]
    assert inside.units["reports.service"] == inside.units["db.service"] == "active"
    # It is not known whether the stubborn one works as before, so it stays noted.
    assert inside.note == "backup.timer\n"
    assert "backup.timer" in result["state"]


def test_one_that_does_not_start_stays_noted(run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest) -> None:
    stop(run)
    inside.stubborn.add("backup.timer")
    libvirt.expect(*FOUND)
    result = run.fails(module, name="erp01", state="restored")
    assert result["reason"] == "NOT_RESTORED"
    assert inside.units["reports.service"] == "active"
    assert inside.note == "backup.timer\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (libvirtError(74, "argument unsupported: QEMU guest agent is not configured"), "NO_AGENT"),
        (libvirtError(86, "Guest agent is not responding: QEMU guest agent is not connected"), "AGENT_SILENT"),
        (
            libvirtError(
                1,
                "internal error: unable to execute QEMU agent command 'guest-exec': The command guest-exec"
                " has been disabled for this instance",
            ),
            "AGENT_REFUSES",
        ),
        (libvirtError(38, "Cannot recv data: Connection reset by peer"), "CONNECTION_LOST"),
    ],
)
def test_agents_that_do_not_help(run: ModuleRunner, inside: FakeGuest, error: libvirtError, reason: str) -> None:
    inside.broken = [error]
    result = run.fails(module, name="erp01", state="stopped", units=UNITS)
    assert result["reason"] == reason
    assert result["remedy"]


def test_a_command_without_end(run: ModuleRunner, inside: FakeGuest) -> None:
    inside.slow = True
    result = run.fails(module, name="erp01", state="restored", timeout_s=3)
    assert result["reason"] == "AGENT_SLOW"
    assert "within 3 s" in result["msg"]


def test_not_in_a_guest_that_is_off(run: ModuleRunner, libvirt: FakeLibvirt, inside: FakeGuest) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    assert run.fails(module, name="erp01", state="restored")["reason"] == "GUEST_NOT_RUNNING"


@pytest.mark.parametrize("unit", ["*", "a b.service", "-x", "", "a\nb.service", "[ab].service", "../x"])
def test_names_that_are_none(run: ModuleRunner, inside: FakeGuest, unit: str) -> None:
    result = run.fails(module, name="erp01", state="stopped", units=["reports.service", unit])
    assert result["reason"] == "BAD_UNIT"
    assert inside.done == []


def test_units_are_asked_for(run: ModuleRunner, libvirt: FakeLibvirt) -> None:
    assert "units" in run.fails(module, name="erp01", state="stopped")["msg"]
